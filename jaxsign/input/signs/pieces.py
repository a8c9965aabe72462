"""Pieces of clips that an epoch holds besides whole clips: windows of the long ones."""

from collections.abc import Callable

import numpy as np

from jaxsign.input import planning, windows

Array = np.ndarray


class ClipWindows:
    """Long clips in overlapping windows; short ones whole, and half of them once more in part.

    A clip of more frames than a window gives all full windows and one that is shorter. Of the
    others, half (others in every epoch) give besides themselves a random piece of at least half
    their length. A piece is (first frame, frames).

    Args:
      lengths: int [N], frames of the clips.
      window, hop: frames of a window, and between two windows' starts.
      seed: of the random pieces.
      room: int [M] frames -> int [M, 1], the room that pieces of so many take at most.
    """

    def __init__(
        self, lengths: Array, window: int, hop: int, seed: int, room: Callable[[Array], Array]
    ):
        self._all, self._seed, self._room = np.asarray(lengths), seed, room
        self._short = np.flatnonzero(self._all <= window)
        fixed = [(i, 0, self._all[i]) for i in self._short]
        for i in np.flatnonzero(self._all > window):
            fixed += [(i, *place) for place in windows.cover(int(self._all[i]), window, hop)]
        self._fixed = np.array(fixed, np.int64).reshape(-1, 3)
        shortest = int(min(self._fixed[:, 2].min(), -(-self._all.min() // 2)))
        self.sizes = room(np.arange(shortest, int(self._fixed[:, 2].max()) + 1))

    def __call__(self, epoch: int) -> planning.Pieces:
        rng = np.random.default_rng([self._seed, 11, epoch])
        drawn = np.sort(rng.choice(self._short, len(self._short) // 2, replace=False))
        total = self._all[drawn]
        frames = rng.integers(-(-total // 2), total + 1)
        start = rng.integers(0, total - frames + 1)
        pieces = np.concatenate([self._fixed, np.stack([drawn, start, frames], axis=1)])
        return planning.Pieces(pieces[:, 0], pieces[:, 1:], self._room(pieces[:, 2]))
