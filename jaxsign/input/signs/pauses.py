"""Pauses of a stream of landmarks: told as soon as the hands have rested for long enough."""

import dataclasses

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.resting import HandWatch
from jaxsign.input.signs.rows import Rows, join

Array = np.ndarray
PAUSE = 0.8  # seconds that the hands rest between sentences
MARGIN = 0.2  # seconds before the first movement that belong to a sentence


@dataclasses.dataclass(frozen=True, eq=False)
class Stretch:
    """Frames of a sentence, which need not be all of it.

    Attributes:
      rows: the frames; there may be none.
      known: seconds of the frame that told that they belong to a sentence, or that it is over.
      ended: the sentence is over; the next stretch begins another one.
    """

    rows: Rows
    known: float
    ended: bool = False


class PauseCutter:
    """Cuts a stream at pauses. What it gives does not depend on the pieces that come.

    A sentence goes from just before the hands first sign behind a pause to where they have rested
    for the next one.

    Args:
      pause: seconds that the hands rest between two sentences.
      frame_size: (width, height) of the images; (0, 0) = unknown.

    Raises:
      UserError: no such pause.
    """

    def __init__(self, pause: float = PAUSE, frame_size: tuple[int, int] = (0, 0)):
        self._pause, self._watch = checked(pause), HandWatch(frame_size)
        self._kept: Rows | None = None  # the margin of a sentence that may come
        self._signed: float | None = None  # when the hands signed last; None = in a pause

    def push(self, new: Rows) -> list[Stretch]:
        """What of these landmarks [n, 543, 3] and those kept belongs to sentences."""
        found = list[Stretch]()
        held = new if self._kept is None else join([self._kept, new])
        behind, first = len(held) - len(new), 0  # of `held`: the first new one, the first to give
        signs = self._watch.push(new).tolist()
        for place, time in enumerate(new.times.tolist(), behind):
            if self._signed is not None and time - self._signed >= self._pause:
                end = place if signs[place - behind] else place + 1
                found.append(Stretch(held[first:end], time, ended=True))
                first, self._signed = end, None
            if signs[place - behind]:
                if self._signed is None:
                    first = _margin(held.times, first, time)
                    found.append(Stretch(held[first : place + 1], time))
                    first = place + 1
                self._signed = time
        if self._signed is None:
            last = held.times[-1] if len(held) else 0.0
            self._kept = held[_margin(held.times, first, last) :]
        else:
            if first < len(held):
                found.append(Stretch(held[first:], float(held.times[first])))
            self._kept = None
        return found

    @property
    def open(self) -> bool:
        """Whether a sentence has begun that is not over."""
        return self._signed is not None


def checked(pause: float) -> float:
    """A pause that can be one.

    Raises:
      UserError: it is not above 0.
    """
    if not 0 < pause < np.inf:
        raise UserError(f"--pause {pause:g}: expected seconds above 0")
    return pause


def _margin(times: Array, first: int, until: float) -> int:
    """The first frame, from `first` on, of the margin of a sentence that begins at `until`."""
    return max(first, int(np.searchsorted(times, until - MARGIN - 1e-6)))
