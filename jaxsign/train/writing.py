"""When a run's checkpoints are written: an epoch of a small set is shorter than its checkpoint."""

import time
from collections.abc import Callable, Mapping

from jaxsign.train import checkpoint, state

# Writing may take this share of the time, unless it was so many seconds ago: a kill loses the
# epoch at hand and nine times what the last checkpoint took to write, a minute at most.
_SHARE = 0.1
_LONGEST = 60.0


class Writing:
    """Writes after every epoch, or after some together where they are short.

    Args:
      checkpoints: of the run; None: another process writes.
      always: after every epoch, as where several processes must do the same.
      clock: seconds.

    Attributes:
      behind: an epoch has ended since the last checkpoint.
    """

    def __init__(
        self,
        checkpoints: checkpoint.Checkpoints | None,
        *,
        always: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checkpoints, self._always, self._clock = checkpoints, always, clock
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

    def now(self, number: int, host: state.TrainState, records: Mapping[str, object]) -> None:
        """Writes what waits, and then what the run goes on from; see `Checkpoints.save_last`."""
        begun = self._clock()
        self.best()
        if self._checkpoints is not None:
            self._checkpoints.save_last(number, host, records)
        self._ended = self._clock()
        self._took, self.behind = self._ended - begun, False

    def best(self) -> None:
        """Writes what waits."""
        while self._waiting:
            _, write = self._waiting.popitem()
            write()
