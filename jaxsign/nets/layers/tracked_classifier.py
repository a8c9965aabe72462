"""Classes of boxes from features along a video, with a memory of classes.

Source: the public system TEMPURA (CVPR 2023).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets.layers import (
    batch_norm,
    dense,
    dropout,
    memory,
    mixture_head,
    object_classifier,
    pair_features,
    positions,
    post_norm,
    typed,
)

Array = jax.Array
LAYERS, HEADS, FEED_FORWARD = 3, 8, 1024  # of the attention along a class's boxes


class Classified(NamedTuple):
    """What boxes were told to be, and of what.

    Attributes:
      logits: float32 [B, F, M, C].
      features: float [B, F, M, E], what a memory is made of.
      remembered: the same behind the memory.
      uncertainty: float32 [B, F, M, C] twice, aleatoric and epistemic; None of a linear head.
    """

    logits: Array
    features: Array
    remembered: Array
    uncertainty: tuple[Array, Array] | None


class Tracks(typed.Layer):
    """Boxes of one class attend to one another over a whole video, in the order of its frames.

    Attributes:
      rows: of the fixed table of places, which an imported file brings.
      heads, ff_dim, dropout: of the attention.
    """

    rows: int
    heads: int = HEADS
    ff_dim: int = FEED_FORWARD
    dropout: float = 0.1

    @nn.compact
    def __call__(self, h: Array, classes: Array, valid: Array, *, train: bool = False) -> Array:
        """h: float [B, F, M, E], classes: int [B, F, M], valid: bool [B, F, M] -> as h."""
        batch, frames, count, width = h.shape
        made = self.variable("buffers", "table", positions.sinusoidal, self.rows, width)
        table = jnp.asarray(made.value)
        if frames > self.rows:
            more = positions.sinusoidal(frames, width)[self.rows :]
            table = jnp.concatenate([table, more])
        x = h + table[_ranks(classes, valid)].astype(h.dtype)
        x = dropout.Dropout(self.dropout)(x, train=train).reshape(batch, -1, width)
        flat, real = classes.reshape(batch, -1), valid.reshape(batch, -1)
        seen = (flat[:, :, None] == flat[:, None, :]) & real[:, None, :]
        encode = post_norm.PostNormEncoder(
            LAYERS, self.heads, self.ff_dim, self.dropout,
            final_norm=False, name="layers", **self.types,
        )  # fmt: skip
        found: Array = encode(x, seen[:, None], train=train)
        return found.reshape(batch, frames, count, width)


def _ranks(classes: Array, valid: Array) -> Array:
    """int [B, F, M]: before how many of the frames that hold a box's class others do."""
    same = (classes[:, :, :, None, None] == classes[:, None, None, :, :]) & valid[:, None, None]
    there = same.any(-1)  # [B, F, M, F']: whether frame F' holds the class
    before = np.tril(np.ones((classes.shape[1],) * 2, bool), -1)
    return (there & before[None, :, None]).sum(-1)


class TrackedClassifier(typed.Layer):
    """Logits of boxes from features, a detector's distribution and the place in the image.

    Attributes:
      num_objects, word_dim, width, dropout, axis_name: as of `ObjectClassifier`.
      members: of the mixture; 0 = a linear head.
      noise: of the mixture, in training.
      track_rows: rows of the table of places; 0 = boxes are not followed over the video.
      track_heads: of the attention along them.
      remembers: there is a memory.
      selection, kept, ignore_memory: as of `Hallucinator`.
    """

    num_objects: int
    word_dim: int
    width: int = 1024
    dropout: float = 0.1
    axis_name: str | None = None
    members: int = 0
    noise: bool = True
    track_rows: int = 0
    track_heads: int = HEADS
    remembers: bool = False
    selection: str = "manual"
    kept: float = 0.5
    ignore_memory: bool = False

    @nn.compact
    def __call__(
        self,
        features: Array,
        distribution: Array,
        boxes: Array,
        valid: Array,
        *,
        train: bool = False,
    ) -> Classified:
        """As of `ObjectClassifier`."""
        h = self._seen(features, distribution, boxes, valid, train)
        if self.track_rows:
            follow = Tracks(
                self.track_rows, self.track_heads, dropout=self.dropout, name="tracks", **self.types
            )
            h = follow(h, jnp.argmax(distribution, axis=-1), valid, train=train)
            kept, remembered = h, self._remembered(h)
            h = self._inner(remembered, valid, train)
        else:
            kept = self._inner(h, valid, train)
            h = remembered = self._remembered(kept)
        if not self.members:
            logits = dense.Dense(self.num_objects, name="head", **self.types)(h)
            return Classified(logits.astype(jnp.float32), kept, remembered, None)
        mixture = mixture_head.MixtureHead(
            self.num_objects,
            self.members,
            True,
            noise=self.noise,
            first=1,
            name="head",
            **self.types,
        )
        told = mixture(h, train=train)
        return Classified(told.logits, kept, remembered, (told.aleatoric, told.epistemic))

    def _seen(
        self, features: Array, distribution: Array, boxes: Array, valid: Array, train: bool
    ) -> Array:
        words = pair_features.Words(
            self.num_objects - 1, self.word_dim, name="words", **self.types
        ).mixed(distribution)
        norm = batch_norm.BatchNorm(
            0.001, axis_name=self.axis_name, apart=True, name="place_norm", **self.types
        )
        size = object_classifier.center_size(boxes.astype(jnp.float32))
        place_layer = dense.Dense(object_classifier.PLACE_DIM, name="place", **self.types)
        place = nn.relu(place_layer(norm(size, valid, train=train)))
        place = dropout.Dropout(self.dropout)(place, train=train)
        return jnp.concatenate([features.astype(words.dtype), words, place], axis=-1)

    def _inner(self, h: Array, valid: Array, train: bool) -> Array:
        norm = batch_norm.BatchNorm(
            0.1, axis_name=self.axis_name, apart=True, name="norm", **self.types
        )
        h = dense.Dense(self.width, name="linear1", **self.types)(h)
        return nn.relu(norm(h, valid, train=train))

    def _remembered(self, h: Array) -> Array:
        if not self.remembers:
            return h
        found: Array = memory.Hallucinator(
            (self.num_objects - 1,),
            selection=self.selection,
            kept=self.kept,
            told_from=self.width,  # as in the original's files, also where features are wider
            ignore=self.ignore_memory,
            name="memory",
            **self.types,
        )(h)
        return found
