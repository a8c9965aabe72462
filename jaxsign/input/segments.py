"""Parts of recordings, as the rows of a table name them.

Columns `start` and `end` are seconds from the recording's first frame; `frame_start` and
`frame_end` (`start_frame`, `end_frame`) count its frames from 1, the last one included, and become
seconds where a column `fps` tells what they were counted at. A part without an end, or with -1,
goes on to the recording's end.
"""

import dataclasses
import math
import re
from collections.abc import Mapping

import numpy as np

SECONDS = ("start", "end")
FRAMES = (("frame_start", "frame_end"), ("start_frame", "end_frame"))
_NUMBER = r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?"
# A part may end so much later than its recording: people round up.
_SLACK = {"s": 1.0, "frames": 30.0}


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """A part of a recording.

    Attributes:
      start, end: from, and up to but without; infinite = to the recording's end.
      unit: 's', or 'frames', which then are counted from 0.
    """

    start: float
    end: float
    unit: str = "s"

    @property
    def suffix(self) -> str:
        """What the part's name has behind the recording's: '_500-900' (ms), '_f30-70'."""
        if self.unit == "frames":
            return f"_f{self.start + 1:.0f}-{_last(self.end)}"
        return f"_{self.start * 1000:.0f}-{_last(self.end * 1000)}"

    def frames(self, times: np.ndarray) -> np.ndarray:
        """bool [T]: the frames of the part.

        Args:
          times: float [T], seconds of a recording's frames.

        Raises:
          ValueError: there is none, or the recording ends long before the part.
        """
        places = np.arange(len(times)) if self.unit == "frames" else times - times[0]
        length = len(times) if self.unit == "frames" else float(places[-1])
        inside = (places >= self.start - 1e-6) & (places < self.end - 1e-6)
        if not inside.any() or (self.end < math.inf and self.end > length + _SLACK[self.unit]):
            other = "frame_start and frame_end count frames" if self.unit == "s" else "start and "
            other += "" if self.unit == "s" else "end are seconds"
            raise ValueError(
                f"its part from {self.start:g} to {self.end:g} {self.unit} is not there: it has "
                f"{length:.4g} {self.unit}. (Columns {other}; a film that is cut already needs "
                "neither.)"
            )
        return inside


def _last(end: float) -> str:
    return "end" if end == math.inf else f"{end:.0f}"


def of_cells(cells: Mapping[str, str]) -> Segment | None:
    """The part that a row names; None for the whole recording.

    Raises:
      ValueError: numbers that name no part.
    """
    low = {name.lower(): cell for name, cell in cells.items()}
    start, end = (_number(low, name) for name in SECONDS)
    for first, last in FRAMES:
        if low.get(first) or low.get(last):
            if start is not None or end is not None:
                raise ValueError(f"give start and end, or {first} and {last}, not both")
            return _counted(low, first, last)
    if start is None and end is None:
        return None
    return _checked(start or 0.0, end, "s", "start and end")


def _counted(cells: Mapping[str, str], first: str, last: str) -> Segment | None:
    start, end, fps = _number(cells, first), _number(cells, last), _number(cells, "fps")
    for name, value in ((first, start), (last, end)):
        if value is not None and value % 1:
            raise ValueError(f"{name}={value:g}: frames are counted in whole numbers")
    if (start is None or start <= 1) and (end is None or end == -1):
        return None  # all of it
    begin = max(1.0, 1.0 if start is None else start) - 1
    if fps is None:
        return _checked(begin, end, "frames", f"{first} and {last}")
    if fps <= 0:
        raise ValueError(f"fps={fps:g}, expected more than 0")
    stop = end if end is None or end == -1 else end / fps
    return _checked(begin / fps, stop, "s", f"{first} and {last}")


def _checked(start: float, end: float | None, unit: str, names: str) -> Segment:
    stop = math.inf if end is None or end == -1 else end
    if not 0 <= start < stop:
        raise ValueError(f"{names}: no part from {start:g} to {stop:g} {unit}")
    return Segment(start, stop, unit)


def _number(cells: Mapping[str, str], name: str) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    plain = re.fullmatch(_NUMBER, text)
    value = float(text.replace(",", ".")) if plain else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name}={text!r} is no number")
    return value
