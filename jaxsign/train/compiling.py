"""Tells a person of compiles, which may take minutes in which nothing else is seen."""

import contextlib
import time
from collections.abc import Callable, Iterator

from jaxsign.input.folders import progress
from jaxsign.train import log
from jaxsign.train.step import OnDevices

_SLOW = 2.0  # seconds of a compile from which the next one is told before it begins
_LONG = 10.0  # and from which its time is told


class Watch:
    """The compiles of a run: told before they begin, unless those before were short.

    Args:
      display: where it is told.
      clock: seconds.
    """

    def __init__(
        self, display: log.TrainingDisplay, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._display, self._clock = display, clock
        self._known = set[tuple[object, ...]]()
        self._slow = True

    def new_stage(self) -> None:
        """All steps will compile again."""
        self._known.clear()

    @contextlib.contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Around what compiles once in a run."""
        self._display.say(f"compiling {what} ...")
        yield from self._timed(what)

    @contextlib.contextmanager
    def step(self, what: str, batch: OnDevices) -> Iterator[None]:
        """Around a step, which compiles for the first batch of each shape."""
        key = (what, *(tuple(array.shape) for array in batch.values()))
        if key in self._known:
            yield
            return
        self._known.add(key)
        largest = max((array.shape for array in batch.values()), key=len)
        what = f"the {what} step for batches of {'x'.join(map(str, largest))}"
        if self._slow:
            self._display.say(f"compiling {what} ...")
        self._slow = False
        yield from self._timed(what)

    def _timed(self, what: str) -> Iterator[None]:
        begun = self._clock()
        yield
        seconds = self._clock() - begun
        self._slow = self._slow or seconds >= _SLOW
        if seconds >= _LONG:
            self._display.say(f"compiled {what} in {progress.duration(seconds)}")
