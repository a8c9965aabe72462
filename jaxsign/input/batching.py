"""From examples to batches, on grain: plan, make rows, stack.

Sizes are known before training, so every epoch is planned: a permutation, sorted into buckets, cut
into batches. Batch number n of a run is the same whatever thread, process or restart makes it; an
iterator's state is that number.
"""

import atexit
import dataclasses
import functools
import gc
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from absl import flags

from jaxsign import interrupts
from jaxsign.errors import UserError
from jaxsign.input import planning
from jaxsign.input.examples import Batch, Examples
from jaxsign.input.planning import Planned, Size

if TYPE_CHECKING:
    import grain

Position = Mapping[str, int]  # of an iterator, as JSON has it
_Put = TypeVar("_Put")


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """How batches are made.

    Attributes:
      batch_size: rows of a micro-batch over all processes.
      buckets: sizes that rows are padded to (`planning.bucket_sizes`); () = one for all.
      apart: no row is padded beyond its own bucket (`planning.Plan`).
      accumulation: micro-batches A of a training batch; all of one bucket.
      shared: a batch that an epoch does not fill is made smaller, to the next multiple of so many:
        the devices of all processes; 0 = never.
      limit: batches of an epoch, or a share of them if it is below 1; 0 = all.
      easiest: share of the examples that an epoch takes, the easiest; 1 = all.
      repeat: every epoch has the batches of the first one, changed at random anew.
      seed: of the order and the augmentation.
      workers, threads, prefetch: processes and threads that make batches, and how many ahead.
      process_index, process_count: each process makes its own rows of every batch.
    """

    batch_size: int
    buckets: Sequence[int | Size] = ()
    apart: bool = False
    accumulation: int = 1
    shared: int = 0
    limit: float = 0
    easiest: float = 1.0
    repeat: bool = False
    seed: int = 0
    workers: int = 0
    threads: int = 2
    prefetch: int = 2
    process_index: int = 0
    process_count: int = 1

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.accumulation < 1:
            raise UserError(
                f"input.batch_size={self.batch_size} and optim.accumulation={self.accumulation} "
                "must be >= 1"
            )
        if self.batch_size % self.process_count:
            raise UserError(
                f"input.batch_size={self.batch_size} must be a multiple of the "
                f"{self.process_count} processes"
            )


@dataclasses.dataclass(frozen=True)
class _Maker:
    """Makes planned batches: the one function that grain maps.

    Attributes:
      examples: that rows are made of.
      seed: of their augmentation; None = they are taken as they are.
      part: the first and the end of the rows of every batch that this process makes.
    """

    examples: Examples
    seed: int | None
    part: tuple[int, int]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In a worker process, which must not outlive a training that is killed."""
        self.__dict__.update(state)
        interrupts.end_with_parent()

    def __call__(self, planned: Planned) -> Batch:
        rows, parts = planned.rows[:, slice(*self.part)], planned.parts[:, slice(*self.part)]
        places = np.arange(planned.rows.size).reshape(planned.rows.shape)[:, slice(*self.part)]
        made = [
            self.examples.example(index, self._rng(planned.number, place), tuple(part))
            if index >= 0
            else None
            for index, place, part in zip(
                rows.ravel().tolist(),
                places.ravel().tolist(),
                parts.reshape(rows.size, -1).tolist(),
                strict=True,
            )
        ]
        batch = self.examples.stack(made, planned.size)
        weights = [0.0 if row is None else row.get("weight", 1.0) for row in made]
        batch["weight"] = np.array(weights, np.float32)
        batch["index"] = rows.ravel().astype(np.int32)
        return {key: a.reshape(rows.shape + a.shape[1:]) for key, a in batch.items()}

    def _rng(self, number: int, place: int) -> np.random.Generator | None:
        # Drawn from (seed, batch, place in the whole batch), so that no thread and no number of
        # processes changes it.
        if self.seed is None:
            return None
        return np.random.default_rng([self.seed, 7, number * 100_003 + place])


class _Batches:
    """What training and evaluation batches share."""

    def __init__(self, examples: Examples, options: BatchOptions, *, training: bool):
        cutting = examples.cutting()
        if options.easiest < 1:
            kept = planning.easiest(examples.difficulties(), options.easiest)
            cutting = planning.Some(cutting, kept)
        most = tuple(cutting.sizes.max(axis=0).tolist())
        if options.buckets:
            _check_buckets(options.buckets, len(most))
            most = examples.most or most
        buckets = planning.bucket_sizes(options.buckets, most)
        accumulation = options.accumulation if training else 1
        size = options.batch_size
        if options.shared:
            together = accumulation * options.shared
            size = min(size, -(-len(cutting(0).example) // together) * options.shared)
        self.plan = planning.Plan(
            cutting,
            buckets,
            size,
            accumulation,
            options.seed,
            shuffle=training,
            apart=options.apart,
        )
        rows = size // options.process_count
        part = (options.process_index * rows, (options.process_index + 1) * rows)
        self._maker = _Maker(examples, options.seed if training else None, part)
        self._options = options
        self.examples = examples
        self.steps_per_epoch = _limited(self.plan.per_epoch, options.limit)
        self.shape, self.sizes = (accumulation, rows), self.plan.sizes

    def blank(self, size: Size, shape: Sequence[int] = ()) -> Batch:
        """A batch of zeros padded to `size`, all of whose rows are real.

        Args:
          size: one of `sizes`.
          shape: its leading axes; () = those of training batches, [A, B].
        """
        shape = tuple(shape) or self.shape
        rows = math.prod(shape)
        batch = {
            **self.examples.blank(size, rows),
            "weight": np.ones(rows, np.float32),
            "index": np.zeros(rows, np.int32),
        }
        return {key: a.reshape(shape + a.shape[1:]) for key, a in batch.items()}

    def needed(self, first: int = 0, count: int | None = None) -> list[Size]:
        """The sizes of `count` batches (None = of an epoch), in the order in which they come."""
        count = self.steps_per_epoch if count is None else count
        found = dict[Size, None]()
        for number in range(first, first + count):
            found.setdefault(self.plan.size(self._place(number)))
            if len(found) == len(self.sizes):
                break
        return [*found]

    def _place(self, number: int) -> int:
        """Of a batch in the plan."""
        return number % self.steps_per_epoch if self._options.repeat else number

    def _planned(self, number: int) -> Planned:
        return dataclasses.replace(self.plan[self._place(number)], number=number)

    def _dataset(self, first: int, end: int) -> "grain.IterDataset":
        import grain  # late: a clip is asked without it, and its import takes a fifth of a second

        source = grain.MapDataset.range(first, end).map(self._planned).map(self._maker)
        options = self._options
        reading = grain.ReadOptions(
            num_threads=max(options.threads, 1),
            prefetch_buffer_size=max(options.prefetch, options.threads, 1),
        )
        dataset = source.to_iter_dataset(reading)
        if options.workers:
            if not flags.FLAGS.is_parsed():
                flags.FLAGS(["jaxsign"])  # grain's workers read absl's flags
            _let_go_at_exit()
            processes = grain.MultiprocessingOptions(num_workers=options.workers)
            dataset = dataset.mp_prefetch(processes)
        return dataset


class TrainBatches(_Batches):
    """Shuffled, augmented batches [A, B, ...] without end.

    Attributes:
      examples: that they are made of.
      steps_per_epoch: batches an epoch; the same in every epoch.
      shape: (A, B), with this process's rows.
      sizes: that rows are padded to, from small to large: as many programs are compiled.
    """

    def __init__(self, examples: Examples, options: BatchOptions):
        super().__init__(examples, options, training=True)

    def iterator(self, state: Position | None = None) -> "BatchIterator":
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

    def get_state(self) -> dict[str, int]:
        """The position behind the batch that was given last."""
        return {"batch": self._number}

    def set_state(self, state: Position) -> None:
        """Goes to a position."""
        self._inner, self._number = None, int(state["batch"])


class EvalBatches(_Batches):
    """Batches [B, ...] in order, each row once, filler rows with weight 0; iterable many times.

    Nothing is shuffled, augmented or accumulated.
    """

    def __init__(self, examples: Examples, options: BatchOptions):
        super().__init__(examples, options, training=False)

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._dataset(0, self.steps_per_epoch):
            yield {key: value[0] for key, value in batch.items()}


def device_prefetch(
    iterator: BatchIterator, put: Callable[[Batch], _Put], depth: int = 2
) -> Generator[tuple[_Put, dict[str, int]], None, None]:
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


@functools.cache
def _let_go_at_exit() -> None:
    """Frees the last batches before the process ends.

    JAX takes arrays in memory that worker processes share as they are, and lets go of them only
    when garbage is collected; Python would tell of leaked memory.
    """
    atexit.register(gc.collect)


def _limited(batches: int, limit: float) -> int:
    if not limit:
        return batches
    return min(batches, int(limit) if limit >= 1 else max(1, int(batches * limit)))


def _check_buckets(buckets: Sequence[int | Size], axes: int) -> None:
    def fits(size: int | Size) -> bool:
        numbers = (size,) if isinstance(size, int) else tuple(size)
        return len(numbers) == axes and all(isinstance(n, int) and n > 0 for n in numbers)

    if not all(map(fits, buckets)):
        each = "positive whole numbers" if axes == 1 else f"{axes} positive whole numbers each"
        raise UserError(f"input.buckets={tuple(buckets)} must be {each}")
