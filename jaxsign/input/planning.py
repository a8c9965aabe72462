"""Which examples, or pieces of them, make which batch of which epoch: all known beforehand.

An example has a size: a length along each of `k` ragged axes. Clips have one, frames; sets of boxes
in videos have two. Rows of a batch are padded to one size of a few, the buckets.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

Array = np.ndarray
Size = tuple[int, ...]
Piece = tuple[int, ...]
WHOLE: Piece = ()  # a piece that is all of its example


@dataclasses.dataclass(frozen=True)
class Pieces:
    """The rows of an epoch.

    Attributes:
      example: int [N], which one.
      part: int [N, P], what of it, in numbers that only the examples read; P = 0: the whole.
      sizes: int [N, k], the room that each row takes at most.
    """

    example: Array
    part: Array
    sizes: Array


class Cutting(Protocol):
    """Pieces of an epoch, as many in every one; `sizes` int [M, k] are those that may occur."""

    sizes: Array

    def __call__(self, epoch: int) -> Pieces:
        """The rows of `epoch`."""
        ...


class Whole:
    """Every example as it is, once an epoch.

    Args:
      sizes: int [N, k], of the examples.
    """

    def __init__(self, sizes: Array):
        self.sizes = np.asarray(sizes)
        count = len(self.sizes)
        self._pieces = Pieces(np.arange(count), np.zeros((count, 0), np.int64), self.sizes)

    def __call__(self, epoch: int) -> Pieces:
        return self._pieces


class Balanced:
    """As many rows as there are examples, equally many of every class; others in every epoch.

    Of a class all examples come before one comes again.

    Args:
      sizes: int [N, k], of the examples.
      labels: int [N], their classes.
      seed: of what is drawn.
    """

    def __init__(self, sizes: Array, labels: Array, seed: int):
        self.sizes, self._seed = np.asarray(sizes), seed
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def __call__(self, epoch: int) -> Pieces:
        rng = np.random.default_rng([self._seed, 13, epoch])
        rows, classes = len(self.sizes), len(self._classes)
        each = np.full(classes, rows // classes)
        each[rng.permutation(classes)[: rows % classes]] += 1
        drawn = []
        for members, count in zip(self._classes, each.tolist(), strict=True):
            rounds, rest = divmod(count, len(members))
            drawn += [np.tile(members, rounds), rng.choice(members, rest, replace=False)]
        example = np.concatenate(drawn)
        return Pieces(example, np.zeros((rows, 0), np.int64), self.sizes[example])


class Some:
    """Of each epoch the pieces of some examples: as many as in the first one.

    Where an epoch draws fewer of them, its first ones come twice; where more, its last ones wait.

    Args:
      cutting: the epochs' pieces.
      examples: int [M], which ones.
    """

    def __init__(self, cutting: Cutting, examples: Array):
        self.sizes, self._cutting, self._examples = cutting.sizes, cutting, examples
        self._rows = int(np.isin(cutting(0).example, examples).sum())

    def __call__(self, epoch: int) -> Pieces:
        pieces = self._cutting(epoch)
        found = np.flatnonzero(np.isin(pieces.example, self._examples))
        rows = np.resize(found, self._rows)
        return Pieces(pieces.example[rows], pieces.part[rows], pieces.sizes[rows])


def easiest(difficulties: Array, share: float) -> Array:
    """int [M]: the examples of which a share is made, the easiest first; at least one.

    Args:
      difficulties: float [N]; of equal ones the first is the easier.
      share: above 0, of all examples.
    """
    count = max(1, round(share * len(difficulties)))
    return np.argsort(difficulties, kind="stable")[:count]


@dataclasses.dataclass(frozen=True)
class Planned:
    """A batch to be made.

    Attributes:
      number: of the batch in the whole run.
      size: that its rows are padded to.
      rows: int [A, B], examples; -1 = filler.
      parts: int [A, B, P], their pieces.
    """

    number: int
    size: Size
    rows: Array
    parts: Array


def bucket_sizes(asked: Sequence[int | Size], most: Sequence[int]) -> Array:
    """int [M, k]: the sizes that rows are padded to, from small to large; the last holds any row.

    Args:
      asked: sizes to pad to (plain numbers where k = 1); () = one size for all.
      most: the size that no row goes beyond: the last bucket.
    """
    last = np.asarray(most, np.int64)
    given = np.array([np.ravel(size) for size in asked], np.int64).reshape(-1, len(last))
    sizes = np.unique(np.minimum([*given, last], last), axis=0)
    return sizes[np.argsort(sizes.prod(axis=1), kind="stable")]


def place(sizes: Array, buckets: Array) -> Array:
    """int [N]: for each of `sizes` [N, k] the first of `buckets` [M, k] that holds it.

    Raises:
      ValueError: one is larger than the last bucket.
    """
    holds = np.all(buckets >= sizes[:, None], axis=-1)
    beyond = np.flatnonzero(~holds.any(axis=1))
    if len(beyond):
        raise ValueError(f"no bucket holds a row of size {sizes[beyond[0]].tolist()}")
    return holds.argmax(axis=1)


class Plan:
    """The batches of all epochs, by number; each piece once an epoch.

    Args:
      cutting: the epochs' pieces.
      buckets: int [M, k], see `bucket_sizes`.
      batch_size, accumulation: rows of a micro-batch, and micro-batches of a batch.
      seed: of the order.
      shuffle: whether there is a random one.
      apart: no row is padded beyond its own bucket, though more batches are then part-filled.

    Attributes:
      sizes: the padded sizes that may occur, from small to large.
      per_epoch: batches an epoch, the same in every epoch.
    """

    def __init__(
        self,
        cutting: Cutting,
        buckets: Array,
        batch_size: int,
        accumulation: int,
        seed: int,
        *,
        shuffle: bool,
        apart: bool = False,
    ):
        self._cutting, self._buckets, self._apart = cutting, buckets, apart
        self._rows = batch_size * accumulation
        self._shape = (accumulation, batch_size)
        self._seed, self._shuffle = seed, shuffle
        self._last = int(place(cutting.sizes.max(axis=0)[None], buckets)[0])
        self._epoch: tuple[int, Pieces, list[tuple[int, Array]]] | None = None
        pieces, first = self._batches(0)
        self.per_epoch = len(first)
        used = {number for number, _ in first}
        if pieces.sizes is not cutting.sizes:  # epochs differ
            used = {*place(cutting.sizes, buckets).tolist(), self._last}
        self.sizes = [self._size(number) for number in sorted(used)]

    def __getitem__(self, number: int) -> Planned:
        epoch, at = divmod(number, self.per_epoch)
        pieces, batches = self._batches(epoch)
        bucket, rows = batches[at]
        example = np.full(self._rows, -1, np.int32)
        part = np.full((self._rows, pieces.part.shape[1]), -1, np.int32)
        example[: len(rows)], part[: len(rows)] = pieces.example[rows], pieces.part[rows]
        parts = part.reshape(*self._shape, part.shape[1])
        return Planned(number, self._size(bucket), example.reshape(self._shape), parts)

    def size(self, number: int) -> Size:
        """That the rows of a batch are padded to."""
        epoch, at = divmod(number, self.per_epoch)
        return self._size(self._batches(epoch)[1][at][0])

    def _size(self, bucket: int) -> Size:
        return tuple(self._buckets[bucket].tolist())

    def _batches(self, epoch: int) -> tuple[Pieces, list[tuple[int, Array]]]:
        # Read once: other threads may put another epoch there meanwhile.
        known = self._epoch
        if known is None or known[0] != epoch:
            pieces = self._cutting(epoch)
            known = (epoch, pieces, self._make(epoch, pieces.sizes))
            self._epoch = known
        return known[1:]

    def _make(self, epoch: int, sizes: Array) -> list[tuple[int, Array]]:
        """(bucket, rows) of an epoch's batches."""
        rng = np.random.default_rng([self._seed, epoch])
        count = len(sizes)
        order = rng.permutation(count) if self._shuffle else np.arange(count)
        batches = self._cut(order, sizes)
        if self._shuffle:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches

    def _cut(self, order: Array, sizes: Array) -> list[tuple[int, Array]]:
        # What does not fill a batch moves on to the next bucket that holds it, and in the end to
        # one that holds everything, so that an epoch has no more batches than without buckets:
        # only its last one is part-filled.
        placed = place(sizes, self._buckets)
        used = sorted({*placed.tolist(), self._last})
        waiting: dict[int, list[Array]] = {number: [] for number in used}
        # The largest that may be among the rows of a bucket: the same in every epoch.
        needed = {number: sizes[placed == number].max(axis=0, initial=0) for number in used}
        batches: list[tuple[int, Array]] = []
        for at, number in enumerate(used):
            rows = np.concatenate([*waiting[number], order[placed[order] == number]])
            full = len(rows) - (0 if self._apart else len(rows) % self._rows)
            batches += [(number, rows[i : i + self._rows]) for i in range(0, full, self._rows)]
            rest = rows[full:]
            if len(rest) and number == self._last:
                batches.append((number, rest))
            elif len(rest):
                larger = used[at + 1 :]
                to = next(n for n in larger if (self._buckets[n] >= needed[number]).all())
                waiting[to].append(rest)
                needed[to] = np.maximum(needed[to], needed[number])
        return batches
