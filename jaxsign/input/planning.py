"""Which clips, or pieces of clips, make which batch of which epoch: all of it known beforehand."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from jaxsign.input import windows

Array = np.ndarray
TO_THE_END = -1  # as a piece's frames: the rest of the clip, however long


@dataclasses.dataclass(frozen=True)
class Pieces:
    """The rows of an epoch: int [N] each.

    Attributes:
      clip: index of the clip.
      start: the piece's first frame.
      frames: how many, or `TO_THE_END`.
      lengths: as far as it is known before augmentation, for buckets.
    """

    clip: Array
    start: Array
    frames: Array
    lengths: Array


class Cutting(Protocol):
    """Pieces of an epoch, as many in every one; `lengths` are those that may occur."""

    lengths: Array

    def __call__(self, epoch: int) -> Pieces:
        """The rows of `epoch`."""
        ...


class Whole:
    """Every clip as it is, once an epoch.

    Args:
      lengths: int [N], frames of the clips.
    """

    def __init__(self, lengths: Array):
        self.lengths = np.asarray(lengths)
        every = np.arange(len(self.lengths))
        rest = np.full(len(self.lengths), TO_THE_END)
        self._pieces = Pieces(every, np.zeros_like(every), rest, self.lengths)

    def __call__(self, epoch: int) -> Pieces:
        return self._pieces


class Windows:
    """Long clips in overlapping windows; short ones whole, and half of them once more in part.

    A clip of more frames than a window gives all full windows and one that is shorter. Of the
    others, half (others in every epoch) give besides themselves a random piece of at least half
    their length.

    Args:
      lengths: int [N], frames of the clips.
      window, hop: frames of a window, and between two windows' starts.
      seed: of the random pieces.
    """

    def __init__(self, lengths: Array, window: int, hop: int, seed: int):
        self._all, self._seed = np.asarray(lengths), seed
        self._short = np.flatnonzero(self._all <= window)
        fixed = [(i, 0, self._all[i]) for i in self._short]
        for i in np.flatnonzero(self._all > window):
            fixed += [(i, *place) for place in windows.cover(int(self._all[i]), window, hop)]
        self._fixed = np.array(fixed, np.int64).reshape(-1, 3)
        shortest = int(min(self._fixed[:, 2].min(), -(-self._all.min() // 2)))
        self.lengths = np.arange(shortest, int(self._fixed[:, 2].max()) + 1)

    def __call__(self, epoch: int) -> Pieces:
        rng = np.random.default_rng([self._seed, 11, epoch])
        drawn = np.sort(rng.choice(self._short, len(self._short) // 2, replace=False))
        total = self._all[drawn]
        frames = rng.integers(-(-total // 2), total + 1)
        start = rng.integers(0, total - frames + 1)
        clip, first, count = np.concatenate(
            [self._fixed, np.stack([drawn, start, frames], axis=1)]
        ).T
        return Pieces(clip, first, count, count)


@dataclasses.dataclass(frozen=True)
class Planned:
    """A batch to be made.

    Attributes:
      number: of the batch in the whole run.
      length: that it is padded to.
      rows: int [A, B], clips; -1 = filler.
      start, frames: int [A, B], their pieces.
    """

    number: int
    length: int
    rows: Array
    start: Array
    frames: Array


def bucket_lengths(lengths: Array, buckets: Sequence[int], max_length: int) -> Array:
    """int [N]: the length that each clip is padded to.

    Args:
      lengths: int [N], frames.
      buckets: lengths to pad to; clips beyond the last take `max_length`; () = one length for all.
      max_length: clips are cut to it.

    Returns:
      For each clip the smallest bucket that holds it.
    """
    cut = np.minimum(lengths, max_length)
    if not buckets:
        return np.full(len(cut), cut.max())
    sizes = np.unique([*(b for b in buckets if b < max_length), max_length])
    return sizes[np.searchsorted(sizes, cut)]


class Plan:
    """The batches of all epochs, by number; each piece once an epoch.

    Args:
      cutting: the epochs' pieces.
      padded: int [N] lengths -> int [N] what each is padded to.
      batch_size, accumulation: rows of a micro-batch, and micro-batches of a batch.
      seed: of the order.
      shuffle: whether there is a random one.

    Attributes:
      sizes: the padded lengths that may occur.
      per_epoch: batches an epoch, the same in every epoch.
    """

    def __init__(
        self,
        cutting: Cutting,
        padded: Callable[[Array], Array],
        batch_size: int,
        accumulation: int,
        seed: int,
        *,
        shuffle: bool,
    ):
        self._cutting, self._padded = cutting, padded
        self._rows = batch_size * accumulation
        self._shape = (accumulation, batch_size)
        self._seed, self._shuffle = seed, shuffle
        self._epoch: tuple[int, Pieces, list[tuple[int, Array]]] | None = None
        pieces, first = self._batches(0)
        self.per_epoch = len(first)
        self.sizes = sorted({length for length, _ in first})
        if pieces.lengths is not cutting.lengths:
            self.sizes = [int(n) for n in np.unique(padded(cutting.lengths))]

    def __getitem__(self, number: int) -> Planned:
        epoch, place = divmod(number, self.per_epoch)
        pieces, batches = self._batches(epoch)
        length, rows = batches[place]
        full = np.full((3, self._rows), -1, np.int32)
        full[:, : len(rows)] = pieces.clip[rows], pieces.start[rows], pieces.frames[rows]
        clip, start, frames = full.reshape(3, *self._shape)
        return Planned(number, length, clip, start, frames)

    def epoch_of(self, number: int) -> int:
        """The epoch of a batch."""
        return number // self.per_epoch

    def _batches(self, epoch: int) -> tuple[Pieces, list[tuple[int, Array]]]:
        # Read once: other threads may put another epoch there meanwhile.
        known = self._epoch
        if known is None or known[0] != epoch:
            pieces = self._cutting(epoch)
            known = (epoch, pieces, self._make(epoch, self._padded(pieces.lengths)))
            self._epoch = known
        return known[1:]

    def _make(self, epoch: int, padded: Array) -> list[tuple[int, Array]]:
        rng = np.random.default_rng([self._seed, epoch])
        count = len(padded)
        order = rng.permutation(count) if self._shuffle else np.arange(count)
        batches: list[tuple[int, Array]] = []
        sizes = [int(n) for n in np.unique(padded)]
        rest = order[:0]
        for size in sizes:
            # What does not fill a batch moves on to the next length, so that an epoch has no more
            # batches than without buckets: only its last one is part-filled.
            rows = np.concatenate([rest, order[padded[order] == size]])
            full = len(rows) - len(rows) % self._rows
            batches += [(size, rows[i : i + self._rows]) for i in range(0, full, self._rows)]
            rest = rows[full:]
        if len(rest):
            batches.append((sizes[-1], rest))
        if self._shuffle:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches
