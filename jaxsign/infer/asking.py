"""Clips of any lengths -> what a run's task says of them, by compiled programs."""

import bisect
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import jax
import numpy as np

from jaxsign import tasks
from jaxsign.errors import UserError
from jaxsign.infer import doubts
from jaxsign.infer import run as runs
from jaxsign.input.signs import clip_examples
from jaxsign.tasks import answering
from jaxsign.train import placing

Array = np.ndarray
T = TypeVar("T")


class Asker:
    """A run's net on devices, ready to be asked.

    Args:
      run: a loaded run.
      devices: that share the rows of a batch, whose number they must divide.

    Attributes:
      doubts: of what was asked.
      on: the devices; outputs: the task's, compiled for them.
      programs: shapes of batches that it was asked about; a program was compiled for each.
    """

    def __init__(self, run: runs.Run, devices: Sequence[jax.Device] | None = None):
        self.run, self.doubts = run, doubts.Doubts(run)
        self.programs = set[tuple[tuple[int, ...], ...]]()
        devices = tuple(devices or jax.local_devices()[:1])
        self.on, self.outputs = _compiled(run.task, devices, run.config.parallel)
        self._variables = self.on.place(run.variables)

    def ask(self, batch: Mapping[str, Array]) -> answering.Outputs:
        """What the task's `outputs` gives of a batch [B, T, ...]; compiled once a shape."""
        inputs = self.inputs(batch)
        self.programs.add(tuple(value.shape for value in inputs.values()))
        # Full float32 products, so that an answer does not depend on the device.
        with jax.default_matmul_precision("highest"):
            found = self.outputs(self._variables, self.on.put_eval(inputs))
        return self.on.rows(found)

    def spare(self, most: int) -> None:
        """Forgets the programs of this process, once there are more than `most` of this asker.

        They are compiled again when they are needed, which the cache on the disk makes quick.
        """
        if len(self.programs) > most:
            jax.clear_caches()
            self.programs.clear()

    def check(self, batch: Mapping[str, Array], name: str) -> None:
        """Refuses clips of a batch that the net does not take; scenes are checked as they open."""
        if "x" in batch:
            self.run.check(batch["x"][0], name)

    def inputs(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """What the net takes of a batch [B, T, ...]; `language` is the run's where none is told."""
        names, language = self.run.net.inputs, self.run.language
        if language is not None and "language" in names and "language" not in batch:
            batch = {**batch, "language": np.full(len(batch["x"]), language, np.int32)}
        return {name: batch[name] for name in names if name in batch}

    def one(self, x: Array, length: int | None = None) -> answering.Outputs:
        """What `ask` gives of one clip [T, ...], padded to `length` frames, or to its bucket."""
        found = self.ask(clip_examples.pad([x], length or self.bucket(len(x)), x))
        self.check_answered(found, ["the clip"])
        return found

    def answers(
        self,
        clips: Sequence[runs.NetInput],
        batch_size: int = 32,
        *,
        names: Sequence[str] = (),
        answerer: answering.Answerer | None = None,
    ) -> list[answering.Answer]:
        """The answers to clips, in their order.

        Clips of one bucket share batches of `batch_size`; a short batch is filled up, so that the
        number of compiled programs is that of the buckets.

        Args:
          clips: of any lengths; longer ones than the run's `max_length` are cut.
          batch_size: rows of a batch.
          names: of the clips, for messages.
          answerer: of the run's task; None = the run's own settings.

        Raises:
          UserError: a clip is not what the net takes.
        """
        answerer = answerer or self.run.task.answerer(self.run, {})
        return self._each(clips, batch_size, names, answerer)

    def rows(
        self, clips: Sequence[runs.NetInput], batch_size: int = 32, *, names: Sequence[str] = ()
    ) -> list[answering.Outputs]:
        """What the task's `outputs` gives of each clip, arrays [1, ...]; arguments as `answers`."""
        return self._each(clips, batch_size, names, _apart)

    def _each(
        self,
        clips: Sequence[runs.NetInput],
        batch_size: int,
        names: Sequence[str],
        tell: Callable[[answering.Outputs, Sequence[str]], Sequence[T]],
    ) -> list[T]:
        names = names or _numbered(clips)
        short = self.taken(clips, names)
        found: dict[int, T] = {}
        for members, batch in self.batches(short, batch_size):
            rows, of = self.ask(batch), [names[i] for i in members]
            self.check_answered(rows, of)
            said = tell(rows, of)
            found |= zip(members, said, strict=True)
        return [found[i] for i in range(len(clips))]

    def check_answered(self, rows: answering.Outputs, names: Sequence[str]) -> None:
        """Refuses arrays [B, ...] that a net gave where the first rows, so named, are no numbers.

        Of outputs over time only frames count that are `valid`, an output bool [B, T].

        Raises:
          UserError: NaN, as of weights that are damaged.
        """
        valid = rows.get("valid")
        for found in rows.values():
            over_time = valid is not None and found.shape[:2] == valid.shape
            for i, name in enumerate(names):
                row = found[i][valid[i]] if valid is not None and over_time else found[i]
                self.check_number(row, name)

    def check_number(self, found: Array, name: str) -> None:
        """The same of what it gave of one clip, so named.

        Raises:
          UserError: NaN.
        """
        if found.dtype.kind == "f" and np.isnan(found).any():
            raise UserError(
                f"{self.run.workdir}: what the net says of {name} is no number (NaN): its weights "
                "are damaged or overflow. Take another checkpoint (--which), or train it again"
            )

    def taken(
        self, clips: Sequence[runs.NetInput], names: Sequence[str] = (), *, whole: bool = False
    ) -> list[runs.NetInput]:
        """What the net sees of clips: their first `max_length` frames, or `whole` ones to be cut.

        Raises:
          UserError: a clip is not what the net takes.
        """
        named = zip(clips, names or _numbered(clips), strict=True)
        return [self._taken(clip, name, whole) for clip, name in named]

    def _taken(self, clip: runs.NetInput, name: str, whole: bool) -> runs.NetInput:
        self.run.check(clip.x, name)
        self.doubts.see(name, clip.about)
        if whole:
            return clip
        short = runs.NetInput(self.run.cut(clip.x), self.run.cut(clip.valid))
        if len(short.x) < len(clip.x):
            self.doubts.see_cut(name, len(clip.x))
        return short

    @property
    def sizes(self) -> list[int]:
        """The recipe's buckets, and the most frames that are used where there is a limit."""
        limit = self.run.max_length
        sizes = sorted(
            {int(b) for b in self.run.config.input.buckets if limit is None or b < limit}
        )
        return sizes + ([limit] if limit is not None else [])

    def warm_up(self) -> Iterator[None]:
        """Compiles the net for single clips of every bucket, one for each `next`.

        Where padding counts every length is a program of its own, and pictures are too many
        numbers to make up: those are compiled when they come.
        """
        view = self.run.view
        if self.run.net.padding_counts or (view is not None and view.film_files is not None):
            return
        for size in self.sizes:
            self.one(np.zeros((size, *self.run.frame_shape), np.float32))
            yield

    def bucket(self, frames: int) -> int:
        """The length that a clip of `frames` frames is padded to.

        Its own where padding would change the answer (`padding_counts` of the net).
        """
        limit = self.run.max_length
        if limit is not None and frames > limit:
            raise ValueError(
                f"{frames} frames are more than max_length={limit}; cut the clip first"
            )
        if self.run.net.padding_counts:
            return frames
        sizes = self.sizes
        place = bisect.bisect_left(sizes, frames)
        if place < len(sizes):
            return sizes[place]
        unit = sizes[-1] if sizes else 64
        return -(-frames // unit) * unit

    def batches(
        self, clips: Sequence[runs.NetInput], batch_size: int
    ) -> Iterator[tuple[list[int], dict[str, Array]]]:
        """Clips by their bucket: which ones, and a batch whose first rows they are."""
        groups: dict[tuple, list[int]] = {}
        for i, clip in enumerate(clips):
            groups.setdefault((self.bucket(len(clip.x)), clip.x.shape[1:]), []).append(i)
        for (length, _), members in groups.items():
            for start in range(0, len(members), batch_size):
                part = members[start : start + batch_size]
                yield part, _stacked([clips[i] for i in part], length, batch_size)


def _apart(outputs: answering.Outputs, names: Sequence[str]) -> list[answering.Outputs]:
    """The first rows, one for each name."""
    return [{key: found[i : i + 1] for key, found in outputs.items()} for i in range(len(names))]


def _numbered(clips: Sequence[runs.NetInput]) -> list[str]:
    return [f"clip {i}" for i in range(len(clips))]


def _stacked(clips: Sequence[runs.NetInput], length: int, rows: int) -> dict[str, Array]:
    """A batch whose first rows are the clips; the others only fill it."""
    filler = [None] * (rows - len(clips))
    batch = clip_examples.pad([*(clip.x for clip in clips), *filler], length, clips[0].x)
    for row, clip in enumerate(clips):
        batch["valid"][row, : len(clip.x)] = clip.valid
    return batch


@functools.lru_cache(maxsize=16)
def _compiled(
    task: tasks.Task, devices: tuple[jax.Device, ...], parallel: str
) -> tuple[placing.Placement, jax.stages.Wrapped]:
    """Compiled once for a task and devices, whatever run asks."""
    on = placing.on(devices, parallel)
    return on, on.compiled(task.outputs)
