"""From a source to batches: plan, read, view, augment, pad, on grain.

Lengths are known before training, so every epoch is planned: a permutation, sorted into length
buckets, cut into batches. Batch number n of a run is the same whatever thread, process or restart
makes it; an iterator's state is that number.
"""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grain
import numpy as np
from absl import flags

from jaxsign.errors import UserError
from jaxsign.input import buffers, planning
from jaxsign.input.planning import Planned
from jaxsign.input.signs import pieces
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.sequence_labels import SequenceLabels

Array = np.ndarray
Batch = dict[str, Array]
_LOG = logging.getLogger("jaxsign")


class Features:
    """Examples through the view; kept in memory as long as there is room.

    Args:
      source: examples (`jaxsign.input.signs.sources.Source`).
      view: example -> float32 [T, ...]; None = the source's arrays are features already.
      mirrored: the view of the mirror image, or None.
      cache_mb: memory for features that were read once.
    """

    def __init__(self, source, view, mirrored, cache_mb):
        self.source, self.views = source, (view, mirrored)
        self._cache: dict[tuple[int, bool], Array] = {}
        self._left = cache_mb * 1e6

    def __call__(self, index: int, flip: bool = False) -> Array:
        """Example `index`, or its mirror image."""
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


class _Maker:
    """Makes planned batches: the one function that grain maps."""

    def __init__(self, features, augment, sequences, windowed, max_length, seed, part):
        self.features, self.augment = features, augment
        self.sequences, self._windowed = sequences, windowed
        self.max_length, self.seed, self.part = max_length, seed, part

    def __call__(self, planned: Planned) -> Batch:
        # Augmentation draws from (seed, batch, place in the whole batch), so that no thread and no
        # number of processes changes it.
        places = np.arange(planned.rows.size).reshape(planned.rows.shape)[:, slice(*self.part)]
        rows = planned.rows[:, slice(*self.part)]
        streams = planned.number * 100_003 + places
        flat = rows.reshape(-1)
        parts = planned.parts[:, slice(*self.part)].reshape(rows.size, -1).tolist()
        arrays = [
            self._augmented(int(index), tuple(part), int(stream)) if index >= 0 else None
            for index, part, stream in zip(flat, parts, streams.reshape(-1), strict=True)
        ]
        batch = pad(arrays, planned.size[0], self.features(0))
        real = flat >= 0
        batch["weight"] = real.astype(np.float32)
        batch["index"] = flat.astype(np.int32)
        batch |= self._labels(flat, parts, arrays, batch["weight"])
        return {key: a.reshape(rows.shape + a.shape[1:]) for key, a in batch.items()}

    def _augmented(self, index: int, piece: planning.Piece, stream: int) -> Array:
        whole = slice(piece[0], sum(piece)) if piece else slice(None)
        if self.augment is None:
            return self.features(index)[whole][: self.max_length]
        rng = np.random.default_rng([self.seed, 7, stream])
        flips = self.features.views[1] is not None
        flip = flips and rng.random() < self.augment.flip
        return self.augment(self.features(index, flip)[whole], rng)[: self.max_length]

    def _labels(self, clips: Array, parts: list, arrays: list, weight: Array) -> Batch:
        """Labels of every row; a window whose labels are not known or do not fit gets no weight."""
        if self.sequences is None:
            heads = self.features.source.labels
            return {h: np.where(clips >= 0, v[clips], 0).astype(np.int32) for h, v in heads.items()}
        labels: list[tuple[int, ...]] = []
        for row, (clip, part) in enumerate(zip(clips, parts, strict=True)):
            ids = self.sequences.of_piece(clip, *(part or (0, -1))) if clip >= 0 else ()
            if ids is None or (self._windowed and not self._fit(ids, arrays[row])):
                weight[row], ids = 0.0, ()
            labels.append(ids)
        return self.sequences.stack(labels)

    def _fit(self, ids: tuple[int, ...], x: Array | None) -> bool:
        return x is None or self.sequences.fit(ids, len(x))


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
        sequences: SequenceLabels | None = None,
        window: tuple[int, int] | None = None,
        workers: int = 0,
        threads: int = 2,
        prefetch: int = 2,
        cache_mb: int = 1024,
        features: Features | None = None,
        process_index: int = 0,
        process_count: int = 1,
    ):
        _check(batch_size, accumulation, process_count, buckets)
        longer = 0 if window else int((source.lengths > max_length).sum())
        if longer:
            _LOG.warning(
                "%s: %d of %d clips are longer than %d frames and are cut to their first %d",
                source.name, longer, len(source), max_length, max_length,
            )  # fmt: skip
        # Room for clips that augmentation makes longer.
        stretch = getattr(augment, "stretch", 1.0)

        room = functools.partial(_room, stretch, max_length)
        cutting: planning.Cutting = planning.Whole(room(source.lengths))
        if window is not None:
            cutting = pieces.Windows(source.lengths, *window, seed, room)
        most = (max_length,) if buckets else cutting.sizes.max(axis=0)
        self.plan = planning.Plan(
            cutting,
            planning.bucket_sizes(buckets, most),
            batch_size,
            accumulation,
            seed,
            shuffle=shuffle,
        )
        rows = batch_size // process_count
        part = (process_index * rows, (process_index + 1) * rows)
        self.features = features or Features(source, view, mirrored, cache_mb)
        self.sequences, self.windowed = sequences, window is not None
        self._maker = _Maker(
            self.features, augment, sequences, self.windowed, max_length, seed, part
        )
        self._workers, self._threads, self._prefetch = workers, threads, prefetch
        self.steps_per_epoch = self.plan.per_epoch
        first = self.features(0)
        self.dtype = first.dtype
        self.shapes = [(accumulation, rows, *size, *first.shape[1:]) for size in self.plan.sizes]

    def blank(self, shape: Sequence[int]) -> Batch:
        """A batch of zeros whose `x` has this shape [..., B, T, ...], all rows and frames real."""
        frame = self.features(0).ndim - 1
        rows, lengths = tuple(shape[: -frame - 1]), tuple(shape[:-frame])
        batch = {
            "x": np.zeros(shape, self.dtype),
            "valid": np.ones(lengths, bool),
            "weight": np.ones(rows, np.float32),
            "index": np.zeros(rows, np.int32),
        }
        if self.sequences is None:
            return batch | {h: np.zeros(rows, np.int32) for h in self.features.source.labels}
        count = self.sequences.longest
        return batch | {
            "sequence": np.ones((*rows, count), np.int32),
            "sequence_valid": np.ones((*rows, count), bool),
        }

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
      source: examples (`signs.sources.Source`); its lengths are those behind the view.
      view: example -> float32 [T, ...]; None = the source's arrays are features already.
      mirrored: the view of the mirror image, taken with the probability `augment.flip`; None =
        never.
      batch_size: rows of a micro-batch over all processes.
      buckets, max_length: see `planning.bucket_sizes`.
      accumulation: micro-batches A of a batch; all of one bucket.
      seed: of the order and the augmentation.
      augment: (x, generator) -> x.
      sequences: the clips' label sequences, for nets that learn these; None = a label a head.
      window: (frames, hop) of windows that clips are cut into (`pieces.Windows`), or None.
      workers, threads, prefetch: processes and threads that make batches, and how many ahead.
      cache_mb: memory for features that were read once.
      features: other batches' memory of the same source and view, to share it.
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


def _room(stretch: float, max_length: int, frames: Array) -> Array:
    return np.minimum(np.ceil(frames * stretch).astype(np.int64), max_length)[:, None]


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
