"""What recognisers that judge windows of a stream share: from frames to rows, from rows to hops."""

import time

from jaxsign.infer.live.emitted import Cost, Emitted
from jaxsign.infer.live.features import Features
from jaxsign.infer.live.rows import Chunk
from jaxsign.infer.live.windowing import Window, Windows


class OnWindows:
    """Subclasses make `_features` and `_windows` in `_begin`, and judge a window in `_hop`."""

    cost: Cost
    _features: Features
    _windows: Windows

    def _begin(self) -> None:
        """Starts a stream."""
        raise TypeError(f"{type(self).__name__} defines no _begin")

    def _hop(self, window: Window) -> list[Emitted]:
        """What a window makes certain."""
        raise TypeError(f"{type(self).__name__} defines no _hop")

    def reset(self) -> None:
        """Forgets the stream."""
        self.cost = Cost()
        self._begin()

    def push(self, chunk: Chunk) -> list[Emitted]:
        """Takes frames; the signs that nothing later can change any more."""
        begun = time.perf_counter()
        rows = self._features.push(chunk)
        self.cost.rows += len(rows)
        told = [sign for window in self._windows.push(rows) for sign in self._hop(window)]
        self.cost.total_s += time.perf_counter() - begun
        return told
