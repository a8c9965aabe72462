"""When a run's checkpoints are written: an epoch of a small set is shorter than its checkpoint."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

# Writing may take this share of the time, unless it was so many seconds ago: a kill loses the
# epoch at hand and nine times what the last checkpoint took to write, a minute at most.
_SHARE = 0.1
_LONGEST = 60.0


class Writing:
    """Writes after every epoch, or after some together where they are short.

    Args:
      always: after every epoch, as where several processes must do the same.
      clock: seconds.

    Attributes:
      behind: an epoch has ended since the last checkpoint.
    """

    def __init__(
        self, *, always: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._always, self._clock = always, clock
        self._waiting = dict[str, Callable[[], None]]()
        self._ended, self._took = clock(), 0.0
        self.behind = False

    def pays(self) -> bool:
        """Whether an epoch that has ended is to be written now."""
        rest = self._clock() - self._ended
        return self._always or rest >= _LONGEST or self._took <= _SHARE * (self._took + rest)

    def later(self, best: Mapping[str, Callable[[], None]]) -> None:
        """An epoch has ended; takes what writes the best variables, the next of a name holds."""
        self._waiting.update(best)
        self.behind = True

    @contextlib.contextmanager
    def now(self) -> Iterator[None]:
        """Writes what waits; the block then writes what the run goes on from."""
        begun = self._clock()
        self.best()
        yield
        self._ended = self._clock()
        self._took, self.behind = self._ended - begun, False

    def best(self) -> None:
        """Writes what waits; what fails goes on waiting."""
        for name in list(self._waiting):
            self._waiting[name]()
            del self._waiting[name]
