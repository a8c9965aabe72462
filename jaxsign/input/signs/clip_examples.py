"""Examples of clips: read, viewed, mirrored, cut and augmented. Their one ragged axis is frames."""

import abc
import functools
import logging
from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import buffers, examples, planning
from jaxsign.input.examples import Batch, Example
from jaxsign.input.signs import clip_source, pieces
from jaxsign.input.signs.features import Features
from jaxsign.input.signs.treatment import Treatment

Array = np.ndarray
_LOG = logging.getLogger("jaxsign")


class ClipExamples(examples.Examples):
    """Clips with features `x` [T, ...]; what is learnt of them is a subclass's.

    Args:
      source: of the clips; its lengths are those behind the view.
      treatment: of the clips.
      features: of the same source and views, to share their memory.
    """

    def __init__(
        self, source: clip_source.Source, treatment: Treatment, features: Features | None = None
    ):
        self.name, self.ids, self.source = source.name, source.ids, source
        self.max_length = treatment.max_length or int(max(source.lengths))
        self.treatment, self.most = treatment, (self.max_length,)
        # Room for clips that augmentation makes longer.
        stretch = 1.0 if treatment.augment is None else treatment.augment.stretch
        self._room = functools.partial(_room, stretch, self.max_length)
        self.sizes = self._room(np.asarray(source.lengths))
        self.features = features or Features(
            source, treatment.view, treatment.mirrored, treatment.cache_mb
        )

    @property
    def width(self) -> int:
        """Numbers in the last axis of the features."""
        return int(self._like.shape[-1])

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame of the features."""
        return self._like.shape[1:]

    @abc.abstractmethod
    def labels(self, index: int, piece: planning.Piece, frames: int) -> Example:
        """What is learnt of a clip or its piece, which has become `frames` frames."""

    @abc.abstractmethod
    def stack_labels(self, rows: Sequence[Example | None]) -> Batch:
        """Arrays [B, ...] of what `labels` gave."""

    @abc.abstractmethod
    def blank_labels(self, rows: int) -> Batch:
        """Arrays like those of `stack_labels`, all of them real."""

    def cutting(self) -> planning.Cutting:
        """Clips whole, with one warning if any are cut; or windows of them."""
        if self.treatment.windows is not None:
            lengths, seed = self.source.lengths, self.treatment.seed
            return pieces.ClipWindows(lengths, *self.treatment.windows, seed, self._room)
        longer = int((self.source.lengths > self.max_length).sum())
        if longer:
            _LOG.warning(
                "%s: %d of %d clips are longer than %d frames and are cut to their first %d",
                self.name, longer, len(self), self.max_length, self.max_length,
            )  # fmt: skip
        return planning.Whole(self.sizes)

    def example(
        self,
        index: int,
        rng: np.random.Generator | None = None,
        piece: planning.Piece = planning.WHOLE,
    ) -> Example:
        """`x` [T, ...] and its labels; a piece is (first frame, frames)."""
        x = self._finished(self._clip(index, rng, piece))[: self.max_length]
        if x.shape[1:] != self.frame_shape:
            shapes = (x.shape[1:], self.frame_shape)
            found, wanted = (" x ".join(map(str, shape)) for shape in shapes)
            raise UserError(f"{self.ids[index]}: {found} numbers a frame, the others have {wanted}")
        return {"x": x, **self.labels(index, piece, len(x))}

    def _finished(self, x: Array) -> Array:
        return x if self.treatment.finish is None else self.treatment.finish(x)

    @functools.cached_property
    def _like(self) -> Array:
        """A frame [1, ...] of the type and the shape that all have; clip 0 is read once for it."""
        return self._finished(self.features(0)[:1]).copy()  # not a sight that holds the whole clip

    def _clip(self, index: int, rng: np.random.Generator | None, piece: planning.Piece) -> Array:
        part = slice(piece[0], sum(piece)) if piece else slice(None)
        made = self.treatment
        if rng is None or made.augment is None:
            return self.features(index)[part]
        # Drawn only where the view can mirror: other augmentations see the generator as it was.
        flip = made.mirrored is not None and rng.random() < made.augment.flip
        return made.augment(self.features(index, flip)[part], rng)

    def stack(self, rows: Sequence[Example | None], size: planning.Size) -> Batch:
        """`x` [B, T, ...], `valid` bool [B, T] and the labels."""
        arrays = [None if row is None else row["x"] for row in rows]
        return {**pad(arrays, size[0], self._like), **self.stack_labels(rows)}

    def blank(self, size: planning.Size, rows: int) -> Batch:
        like = self._like
        x = np.zeros((rows, *size, *like.shape[1:]), like.dtype)
        return {"x": x, "valid": np.ones((rows, *size), bool), **self.blank_labels(rows)}


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


def _room(stretch: float, max_length: int, frames: Array) -> Array:
    """int [N, 1]: frames that clips of so many take at most."""
    return np.minimum(np.ceil(frames * stretch).astype(np.int64), max_length)[:, None]
