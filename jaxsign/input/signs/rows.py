"""Frames on their way through a stream: what is pushed, and rows of features with their times."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import POINTS

Array = np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Frames that arrive together, any number of them.

    Attributes:
      x: float32 [n, 543, 3] landmarks, NaN where absent (`jaxsign.input.signs.clip.Clip`), or
        stored features [n, ...] in the layout of the run's view.
      times: float64 [n], seconds, not decreasing over the stream; None = at the stream's rate.
      visibility: float32 [n, 33] of the pose points; None = unknown.
    """

    x: Array
    times: Array | None = None
    visibility: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def landmarks(self) -> bool:
        """True for landmarks, False for stored features."""
        return self.x.shape[1:] == (POINTS, 3)


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Frames as a stage of the stream gives them on.

    Attributes:
      x: float32 [n, ...].
      times: float64 [n], seconds.
      ready: float64 [n], the time of the frame that had to come before this row was known.
      visibility: as in `Chunk`.
    """

    x: Array
    times: Array
    ready: Array
    visibility: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, part: slice) -> "Rows":
        seen = None if self.visibility is None else self.visibility[part]
        return Rows(self.x[part], self.times[part], self.ready[part], seen)


def join(parts: Sequence[Rows]) -> Rows:
    """The parts behind each other; visibility where all of them have it."""
    if len(parts) == 1:
        return parts[0]
    seen = [part.visibility for part in parts if part.visibility is not None]
    return Rows(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.ready for part in parts]),
        np.concatenate(seen) if len(seen) == len(parts) else None,
    )


class StreamClock:
    """Gives every pushed frame its time, and refuses what cannot be a stream.

    Args:
      rate: frames a second of frames that come without times; 0 = unknown.
    """

    # Seconds between two frames from which on times are taken for milliseconds, or for those of
    # another stream.
    LONGEST = 600.0
    # A stream whose first frames all lie more than a second apart is no film of anybody.
    _FIRST, _SLOW = 5, 1.0

    def __init__(self, rate: float):
        self._rate, self._count = rate, 0
        self._last: float | None = None
        self._slow = 0  # steps so far, all of them slow; -1 once one was not
        self._kind: tuple[tuple[int, ...], bool] | None = None

    def rows(self, chunk: Chunk) -> Rows:
        """The chunk's frames with times.

        Raises:
          UserError: frames of another shape than before, infinite numbers, times that are missing,
            decrease or lie too far apart, each or all of the first ones.
        """
        kind = (chunk.x.shape[1:], chunk.times is not None)
        if self._kind not in (None, kind):
            raise UserError(f"stream: frames of {kind} (shape, timed) after frames of {self._kind}")
        self._kind = kind
        x = np.asarray(chunk.x, np.float32)
        if np.isinf(x).any():
            raise UserError("stream: a frame holds infinite numbers; an absent point is NaN")
        times = self._times(chunk)
        self._check(times)
        self._count += len(x)
        self._last = float(times[-1]) if len(times) else self._last
        return Rows(x, times, times, chunk.visibility)

    def _times(self, chunk: Chunk) -> Array:
        if chunk.times is not None:
            return np.asarray(chunk.times, np.float64)
        if not self._rate > 0:
            raise UserError(
                "stream: the frames have no times and the run's view has no rate of its own. Give "
                "the frames a second: --fps N"
            )
        # From the count, not summed up: exact after hours too.
        return (self._count + np.arange(len(chunk))) / self._rate

    def _check(self, times: Array) -> None:
        before = times[:1] if self._last is None else [self._last]
        steps = np.diff(np.concatenate([before, times]))
        if not np.isfinite(times).all() or (steps < 0).any():
            raise UserError("stream: the frames' times must be finite and must not decrease")
        if (steps > self.LONGEST).any():
            raise UserError(
                f"stream: {steps.max():g} s lie between two frames; expected seconds, at most "
                f"{self.LONGEST:g} between two frames. Are these milliseconds?"
            )
        self._check_pace(steps if self._last is not None else steps[1:])

    def _check_pace(self, steps: Array) -> None:
        if self._slow < 0:
            return
        slow = steps[: self._FIRST - self._slow] > self._SLOW
        self._slow = self._slow + len(slow) if slow.all() else -1
        if self._slow == self._FIRST:
            raise UserError(
                f"stream: the first frames lie more than {self._SLOW:g} s apart, the last of them "
                f"{steps[len(slow) - 1]:g} s. Times are seconds; are these milliseconds?"
            )
