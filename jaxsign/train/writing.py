"""When a run's checkpoints are written: an epoch of a small set is shorter than its checkpoint."""

import time
from collections.abc import Callable, Mapping

from jaxsign.train import checkpoint, state

# Writing may take this share of the time. Who is killed loses less than ten times what the last
# checkpoint took to write: some seconds of a small run, nothing but the epoch at hand of a large.
_SHARE = 0.1


class Writing:
    """Writes after every epoch, or after some together where they are short.

    Args:
      checkpoints: of the run; None: another process writes.
      always: after every epoch, as where several processes must do the same.
      clock: seconds.
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

    def pays(self) -> bool:
        """Whether what an epoch has left is to be written now."""
        rest = self._clock() - self._ended
        return self._always or self._took <= _SHARE * (self._took + rest)

    def later(self, kept: Mapping[str, Callable[[], None]]) -> None:
        """Takes what writes an epoch's variables that stay, by a name; the next of a name holds."""
        self._waiting.update(kept)

    def now(self, number: int, host: state.TrainState, records: Mapping[str, object]) -> None:
        """Writes what waits, and then what the run goes on from; see `Checkpoints.save_last`."""
        begun = self._clock()
        for write in self._waiting.values():
            write()
        self._waiting.clear()
        if self._checkpoints is not None:
            self._checkpoints.save_last(number, host, records)
        self._ended = self._clock()
        self._took = self._ended - begun
