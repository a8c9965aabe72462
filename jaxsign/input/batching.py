"""From a source to batches: plan, read, view, augment, pad, on grain.

Lengths are known before training, so every epoch is planned: a permutation, sorted into length
buckets, cut into batches. Batch number n of a run is the same whatever thread, process or restart
makes it; an iterator's state is that number.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grain
import numpy as np
from absl import flags

from jaxsign.errors import UserError
from jaxsign.input import buffers
from jaxsign.input.clip import Clip

Array = np.ndarray
Batch = dict[str, Array]
_LOG = logging.getLogger("jaxsign")


@dataclasses.dataclass(frozen=True)
class Planned:
    """A batch to be made: the length it is padded to and its rows ([A, B]; -1 = filler)."""

    number: int
    length: int
    rows: Array


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
    """The batches of all epochs, by number; each row once an epoch.

    Attributes:
      sizes: the lengths that occur.
      per_epoch: batches an epoch, the same in every epoch.
    """

    def __init__(
        self, padded: Array, batch_size: int, accumulation: int, seed: int, *, shuffle: bool
    ):
        self._padded = padded
        self._rows = batch_size * accumulation
        self._shape = (accumulation, batch_size)
        self._seed, self._shuffle = seed, shuffle
        self._epoch: tuple[int, list[tuple[int, Array]]] = (-1, [])
        self._buckets = [int(n) for n in np.unique(padded)]
        first = self._batches(0)
        self.sizes = sorted({length for length, _ in first})
        self.per_epoch = len(first)

    def __getitem__(self, number: int) -> Planned:
        epoch, place = divmod(number, self.per_epoch)
        batches = self._batches(epoch)
        length, rows = batches[place]
        full = np.full(self._rows, -1, np.int32)
        full[: len(rows)] = rows
        return Planned(number, length, full.reshape(self._shape))

    def _batches(self, epoch: int) -> list[tuple[int, Array]]:
        known, batches = self._epoch
        if known != epoch:
            batches = self._make(epoch)
            self._epoch = (epoch, batches)
        return batches

    def _make(self, epoch: int) -> list[tuple[int, Array]]:
        rng = np.random.default_rng([self._seed, epoch])
        count = len(self._padded)
        order = rng.permutation(count) if self._shuffle else np.arange(count)
        batches: list[tuple[int, Array]] = []
        rest = order[:0]
        for size in self._buckets:
            # What does not fill a batch moves on to the next length, so that an epoch has no more
            # batches than without buckets: only its last one is part-filled.
            rows = np.concatenate([rest, order[self._padded[order] == size]])
            full = len(rows) - len(rows) % self._rows
            batches += [(size, rows[i : i + self._rows]) for i in range(0, full, self._rows)]
            rest = rows[full:]
        if len(rest):
            batches.append((self._buckets[-1], rest))
        if self._shuffle:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches


class _Maker:
    """Makes planned batches: the one function that grain maps."""

    def __init__(self, source, view, mirrored, augment, max_length, seed, cache_mb, part):
        self.source, self.augment = source, augment
        self.views = (view, mirrored)
        self.max_length, self.seed, self.part = max_length, seed, part
        self._cache: dict[tuple[int, bool], Array] = {}
        self._left = cache_mb * 1e6

    def __call__(self, planned: Planned) -> Batch:
        # Augmentation draws from (seed, batch, place in the whole batch), so that no thread and no
        # number of processes changes it.
        places = np.arange(planned.rows.size).reshape(planned.rows.shape)[:, slice(*self.part)]
        rows, streams = planned.rows[:, slice(*self.part)], planned.number * 100_003 + places
        flat = rows.reshape(-1)
        arrays = [
            self._augmented(int(index), int(stream)) if index >= 0 else None
            for index, stream in zip(flat, streams.reshape(-1), strict=True)
        ]
        batch = pad(arrays, planned.length, self.features(0))
        real = flat >= 0
        batch["weight"] = real.astype(np.float32)
        batch["index"] = flat.astype(np.int32)
        for head, labels in self.source.labels.items():
            batch[head] = np.where(real, labels[flat], 0).astype(np.int32)
        return {key: a.reshape(rows.shape + a.shape[1:]) for key, a in batch.items()}

    def _augmented(self, index: int, stream: int) -> Array:
        if self.augment is None:
            return self.features(index)[: self.max_length]
        rng = np.random.default_rng([self.seed, 7, stream])
        flip = self.views[1] is not None and rng.random() < self.augment.flip
        return self.augment(self.features(index, flip), rng)[: self.max_length]

    def features(self, index: int, flip: bool = False) -> Array:
        """Example `index` through the view; kept in memory as long as there is room.

        Args:
          index: of the source.
          flip: its mirror image.
        """
        found = self._cache.get((index, flip))
        if found is not None:
            return found
        example = self.source.read(index)
        view = self.views[flip]
        if view is not None:
            example = view(example)
        elif isinstance(example, Clip):
            raise UserError(f"{self.source.name} holds landmarks: set view.name")
        if example.nbytes <= self._left:
            self._left -= example.nbytes
            self._cache[index, flip] = example
        return example


def pad(arrays: Sequence[Array | None], length: int, like: Array) -> Batch:
    """Stacks arrays [T, ...] into `x` [B, length, ...] and `valid` [B, length].

    Args:
      arrays: at most `length` frames each (longer ones are cut); None = a filler row: one frame of
        zeros that counts as real, so that no net meets a row without a frame.
      length: frames of the result.
      like: an array of the right type and shape of a frame.
    """
    # Only the padding is written as zeros: for wide features a memset of everything costs as much
    # as the copy.
    x = buffers.empty((len(arrays), length, *like.shape[1:]), like.dtype)
    valid = np.zeros((len(arrays), length), bool)
    for row, array in enumerate(arrays):
        frames = 0 if array is None else min(len(array), length)
        if array is not None:
            x[row, :frames] = array[:frames]
        x[row, frames:] = 0
        valid[row, : max(frames, 1)] = True
    return {"x": x, "valid": valid}


class _Batches:
    """What training and evaluation batches share."""

    def __init__(
        self,
        source: Any,
        *,
        view: Callable | None = None,
        mirrored: Callable | None = None,
        batch_size: int,
        buckets: Sequence[int],
        max_length: int,
        accumulation: int = 1,
        seed: int = 0,
        augment: Callable | None = None,
        shuffle: bool,
        workers: int = 0,
        threads: int = 2,
        prefetch: int = 2,
        cache_mb: int = 1024,
        process_index: int = 0,
        process_count: int = 1,
    ):
        _check(batch_size, accumulation, process_count, buckets)
        longer = int((source.lengths > max_length).sum())
        if longer:
            _LOG.warning(
                "%s: %d of %d clips are longer than %d frames and are cut to their first %d",
                source.name, longer, len(source), max_length, max_length,
            )  # fmt: skip
        # Room for clips that augmentation makes longer.
        stretch = getattr(augment, "stretch", 1.0)
        lengths = np.ceil(source.lengths * stretch).astype(np.int64)
        padded = bucket_lengths(lengths, buckets, max_length)
        self.plan = Plan(padded, batch_size, accumulation, seed, shuffle=shuffle)
        rows = batch_size // process_count
        part = (process_index * rows, (process_index + 1) * rows)
        self._maker = _Maker(source, view, mirrored, augment, max_length, seed, cache_mb, part)
        self._workers, self._threads, self._prefetch = workers, threads, prefetch
        self.steps_per_epoch = self.plan.per_epoch
        first = self._maker.features(0)
        self.dtype = first.dtype
        self.shapes = [(accumulation, rows, size, *first.shape[1:]) for size in self.plan.sizes]

    def _dataset(self, first: int, end: int) -> grain.IterDataset:
        source = grain.MapDataset.range(first, end).map(self.plan.__getitem__).map(self._maker)
        options = grain.ReadOptions(
            num_threads=max(self._threads, 1),
            prefetch_buffer_size=max(self._prefetch, self._threads, 1),
        )
        dataset = source.to_iter_dataset(options)
        if self._workers:
            if not flags.FLAGS.is_parsed():
                flags.FLAGS(["jaxsign"])  # grain's workers read absl's flags
            dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=self._workers))
        return dataset


class TrainBatches(_Batches):
    """Shuffled, augmented batches [A, B, ...] without end.

    Args:
      source: examples (`jaxsign.input.sources.Source`).
      view: example -> float32 [T, ...]; None = the source's arrays are features already.
      mirrored: the view of the mirror image, taken with the probability `augment.flip`; None =
        never.
      batch_size: rows of a micro-batch over all processes.
      buckets, max_length: see `bucket_lengths`.
      accumulation: micro-batches A of a batch; all of one bucket.
      seed: of the order and the augmentation.
      augment: (x, generator) -> x.
      workers, threads, prefetch: processes and threads that make batches, and how many ahead.
      cache_mb: memory for features that were read once.
      process_index, process_count: each process makes its own rows of every batch.

    Attributes:
      steps_per_epoch: batches an epoch; the same in every epoch.
      shapes: the shapes of `x` that occur: as many programs are compiled.
    """

    def __init__(self, source: Any, **options: Any):
        super().__init__(source, shuffle=True, **options)

    def iterator(self, state: Mapping[str, Any] | None = None) -> "BatchIterator":
        """Batches from the beginning, or from `state` of an iterator before."""
        iterator = BatchIterator(lambda first: iter(self._dataset(first, 2**40)))
        if state is not None:
            iterator.set_state(state)
        return iterator


class BatchIterator:
    """An iterator of batches whose position can be stored as JSON.

    The position is the number of the next batch alone, so that a run can go on with other numbers
    of threads and worker processes than it began with.
    """

    def __init__(self, start: Callable[[int], Iterator[Batch]]):
        self._start = start
        self._inner: Iterator[Batch] | None = None
        self._number = 0

    def __iter__(self) -> "BatchIterator":
        return self

    def __next__(self) -> Batch:
        if self._inner is None:
            self._inner = self._start(self._number)
        batch = next(self._inner)
        self._number += 1
        return batch

    def get_state(self) -> dict[str, Any]:
        """The position behind the batch that was given last."""
        return {"batch": self._number}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes to a position."""
        self._inner, self._number = None, int(state["batch"])


class EvalBatches(_Batches):
    """Batches [B, ...] in order, each row once, filler rows with weight 0; iterable many times.

    Arguments as of `TrainBatches`, without accumulation and augmentation.
    """

    def __init__(self, source: Any, **options: Any):
        super().__init__(source, shuffle=False, **options)

    def __len__(self) -> int:
        return self.plan.per_epoch

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._dataset(0, self.plan.per_epoch):
            yield {key: value[0] for key, value in batch.items()}


def device_prefetch(
    iterator: BatchIterator, put: Callable[[Batch], Any], depth: int = 2
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Sends batches to the devices ahead of their use.

    Yields:
      A batch on the devices and the iterator's state behind that batch, which is what a checkpoint
      taken after its step must hold.
    """
    waiting = []
    for batch in iterator:
        waiting.append((put(batch), iterator.get_state()))
        if len(waiting) >= depth:
            yield waiting.pop(0)
    yield from waiting


def _check(batch_size: int, accumulation: int, processes: int, buckets: Sequence[int]) -> None:
    if batch_size < 1 or accumulation < 1:
        raise UserError(
            f"input.batch_size={batch_size} and optim.accumulation={accumulation} must be >= 1"
        )
    if batch_size % processes:
        raise UserError(
            f"input.batch_size={batch_size} must be a multiple of the {processes} processes"
        )
    if any(not isinstance(b, int) or b < 1 for b in buckets):
        raise UserError(f"input.buckets={tuple(buckets)} must be positive whole numbers")
