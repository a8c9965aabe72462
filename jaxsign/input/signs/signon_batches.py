"""SignON's three kinds of batches, time first as there, and clips that are asked about in windows.

They are other sights of the bucketed batches of `batching`: the same rows without fillers.
`of_batch` makes `FixedLengthBatch`es of clips that a recipe gives one length
(`input.fixed_length`, and films), else `VariableLengthBatch`es. `InferenceDataset` makes
`InferenceBatch`es.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal, overload

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import batching, planning, windows
from jaxsign.input.examples import Batch, Example
from jaxsign.input.signs import clip_examples, clip_source
from jaxsign.input.signs.treatment import Treatment
from jaxsign.input.signs.views import View

Array = np.ndarray
_CACHE_MB = 256  # of clips whose windows follow one another


@dataclasses.dataclass(frozen=True)
class SignonBatch:
    """What the three kinds share.

    Attributes:
      inputs: [T, B, ...], as the net takes them but for the order of the axes.
      filenames: B names of clips.
      language_ids: int64 [B].
    """

    inputs: Array
    filenames: list[str]
    language_ids: Array

    @property
    def valid(self) -> Array:
        """bool [B, T], True = a real frame: here all."""
        return np.ones(self.inputs.shape[1::-1], bool)

    def fields(self) -> Batch:
        """What nets take: `x` [B, T, ...], `valid` bool [B, T], `language` int32 [B]."""
        x = np.ascontiguousarray(np.swapaxes(self.inputs, 0, 1))
        return {"x": x, "valid": self.valid, "language": self.language_ids.astype(np.int32)}


@dataclasses.dataclass(frozen=True)
class FixedLengthBatch(SignonBatch):
    """Clips of one length, such as 16 frames: nothing is padded, so there is no mask.

    Attributes:
      targets: int64 [B], labels.
    """

    targets: Array


@dataclasses.dataclass(frozen=True)
class PaddedBatch(SignonBatch):
    """Clips that are padded at their end.

    Attributes:
      lengths: int64 [B], real frames.
    """

    lengths: Array

    @property
    def valid(self) -> Array:
        """bool [B, T], True = a real frame."""
        return np.arange(len(self.inputs)) < self.lengths[:, None]

    @property
    def mask(self) -> Array:
        """bool [B, T + 1] of the original: True = padding; column 0 is the classification token."""
        return np.arange(len(self.inputs) + 1) > self.lengths[:, None]


@dataclasses.dataclass(frozen=True)
class VariableLengthBatch(PaddedBatch):
    """Padded clips with labels.

    Attributes:
      targets: int64 [B].
    """

    targets: Array


@dataclasses.dataclass(frozen=True)
class InferenceBatch(PaddedBatch):
    """Padded clips, or windows of them, without labels.

    Attributes:
      starts: int64 [B], the first frame of each window in its clip.
    """

    starts: Array


@overload
def of_batch(
    batch: Batch, ids: Sequence[str], *, fixed: Literal[True], head: str = "gloss"
) -> FixedLengthBatch: ...
@overload
def of_batch(
    batch: Batch, ids: Sequence[str], *, head: str = "gloss", padding: float = 0.0
) -> VariableLengthBatch: ...
def of_batch(
    batch: Batch,
    ids: Sequence[str],
    *,
    fixed: bool = False,
    head: str = "gloss",
    padding: float = 0.0,
) -> FixedLengthBatch | VariableLengthBatch:
    """A batch [B, ...] of clips and labels as one of SignON's.

    Args:
      batch: as `batching.EvalBatches` gives them, or one micro-batch of `TrainBatches`.
      ids: names of all examples (`Examples.ids`).
      fixed: all clips have one length by the recipe: a `FixedLengthBatch`. Otherwise a
        `VariableLengthBatch`, also where clips are as long as each other by chance.
      head: whose labels.
      padding: what stands in frames of padding; generation B trains with NaN.

    Returns:
      Without filler rows, and no longer than its longest clip.

    Raises:
      UserError: clips of several lengths are no fixed one.
    """
    real = batch["index"] >= 0
    valid = batch["valid"][real]
    lengths = valid.sum(axis=1, dtype=np.int64)
    longest = int(lengths.max())
    x = batch["x"][real]
    x = np.where(valid.reshape(*valid.shape, *(1,) * (x.ndim - 2)), x, x.dtype.type(padding))
    rows = batch["index"][real]
    languages = batch.get("language", np.zeros(len(real)))[real].astype(np.int64)
    inputs = np.swapaxes(x[:, :longest], 0, 1)
    names, targets = [ids[i] for i in rows.tolist()], batch[head][real].astype(np.int64)
    if fixed:
        if (lengths != longest).any():
            raise UserError(
                f"{names[int(lengths.argmin())]} has {lengths.min()} frames, another clip "
                f"{longest}: no batch of fixed length. Set input.fixed_length, such as 16"
            )
        return FixedLengthBatch(inputs, names, languages, targets)
    return VariableLengthBatch(inputs, names, languages, lengths, targets)


class InferenceDataset(clip_examples.ClipExamples):
    """Clips that a net is asked about, whole or in windows. Nothing is cut off or drawn.

    Args:
      source: of the clips; their labels are not looked at.
      view: clip -> what the net takes; None = the source holds that.
      window: frames of a window; 0 = clips are taken whole.
      stride: frames from one window's start to the next one's; 0 = `window`. Behind a clip's full
        windows comes one of what is left; a shorter clip is one window (`windows.pieces`).
      language: of all clips; None = what the source says of each, 0 where it says nothing.

    Attributes:
      places: (clip, first frame, frames) of each window, or whole clip.

    Raises:
      UserError: sizes of windows that there are not.
    """

    def __init__(
        self,
        source: clip_source.Source,
        view: View | None = None,
        *,
        window: int = 0,
        stride: int = 0,
        language: int | None = None,
    ):
        if window < 0 or stride < 0 or (stride and not window):
            raise UserError(
                f"window={window}, stride={stride}: expected frames, at least 1 of each, or a "
                "window of 0 without a stride: whole clips"
            )
        lengths = np.array([_frames(source, view, i) for i in range(len(source))], np.int32)
        treatment = Treatment(view, cache_mb=_CACHE_MB)
        super().__init__(dataclasses.replace(source, lengths=lengths), treatment)
        known = source.languages if language is None else None
        self._languages = np.full(len(source), language or 0) if known is None else known
        self.places = [
            (i, *place)
            for i, frames in enumerate(lengths.tolist())
            for place in windows.pieces(frames, window, stride)
        ]

    def cutting(self) -> planning.Cutting:
        return _Places(np.array(self.places, np.int64))

    def labels(self, index: int, piece: planning.Piece, frames: int) -> Example:
        return {"language": self._languages[index], "start": piece[0] if piece else 0}

    def stack_labels(self, rows: Sequence[Example | None]) -> Batch:
        return {
            name: np.array([0 if row is None else row[name] for row in rows], np.int32)
            for name in ("language", "start")
        }

    def blank_labels(self, rows: int) -> Batch:
        return self.stack_labels([None] * rows)

    def batches(
        self, batch_size: int = 64, buckets: Sequence[int] = ()
    ) -> Iterator[InferenceBatch]:
        """All examples in order of their lengths' buckets, padded with zeros to these.

        Args:
          batch_size: most rows of a batch.
          buckets: frames that rows are padded to; () = those of the longest.
        """
        options = batching.BatchOptions(min(batch_size, len(self.places)), buckets=buckets)
        for batch in batching.EvalBatches(self, options):
            rows = batch["index"][batch["index"] >= 0].tolist()
            real = slice(len(rows))
            yield InferenceBatch(
                np.swapaxes(batch["x"][real], 0, 1),
                [self.ids[i] for i in rows],
                batch["language"][real].astype(np.int64),
                batch["valid"][real].sum(axis=1, dtype=np.int64),
                batch["start"][real].astype(np.int64),
            )


class _Places:
    """The same pieces (first frame, frames) in every epoch.

    Args:
      places: int [M, 3], a clip, its first frame and frames.
    """

    def __init__(self, places: Array):
        self.sizes = places[:, 2:]
        self._pieces = planning.Pieces(places[:, 0], places[:, 1:], self.sizes)

    def __call__(self, epoch: int) -> planning.Pieces:
        return self._pieces


def _frames(source: clip_source.Source, view: View | None, index: int) -> int:
    length = None if view is None else view.frames(source.read(index))
    return int(source.lengths[index]) if length is None else length
