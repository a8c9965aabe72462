"""What a pair of boxes is told of: both boxes' features, the box around them, and their words.

Source: the public system STTran, whose front end others took over.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dense, initializers, spatial_masks, typed

Array = jax.Array


def of_pairs(values: Array, pairs: Array) -> Array:
    """values: float [B, F, M, D] of boxes, pairs: int [B, F, Q, 2] -> float [B, F, Q, 2, D]."""
    index = pairs.reshape(*pairs.shape[:2], -1, 1)
    found = jnp.take_along_axis(values, index, axis=2)
    return found.reshape(*pairs.shape, values.shape[-1])


class Words(typed.Layer):
    """A vector a class, `table` [classes, width]; starts as torch's Embedding.

    Attributes:
      classes: how many.
      width: of a vector.
    """

    classes: int
    width: int

    def setup(self) -> None:
        shape = (self.classes, self.width)
        self.table = self.param("table", nn.initializers.normal(1.0), shape, self.param_dtype)

    def __call__(self, labels: Array) -> Array:
        """labels: int [...] -> float [..., width]."""
        return jnp.asarray(self.table)[labels].astype(self.dtype or self.param_dtype)

    def mixed(self, weights: Array) -> Array:
        """weights: float [..., classes] -> float [..., width], the weighted sum of the vectors."""
        weights, table = nn.dtypes.promote_dtype(weights, self.table, dtype=self.dtype)
        return dense.dense(weights, table)


class OverMap(typed.Layer):
    """A dense layer over a whole map: `kernel` [H, W, C, features]; starts as torch's Linear."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [..., H, W, C] -> float [..., features]."""
        lead, width = x.shape[:-3], math.prod(x.shape[-3:])
        init = initializers.torch_uniform(width)
        shape = (*x.shape[-3:], self.features)
        kernel = self.param("kernel", init, shape, self.param_dtype)
        bias = self.param("bias", init, shape[-1:], self.param_dtype)
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return dense.dense(x.reshape(*lead, width), kernel.reshape(width, -1), bias)


class PairFeatures(typed.Layer):
    """Features of pairs of boxes.

    Attributes:
      num_objects: classes of boxes.
      hidden_dim: numbers of the first box, of the second and of the box around both, each.
      word_dim: numbers of a class's word, of either box's.
      map_dim: channels of the maps of the box around both.
      masks: kind of the spatial masks.
      axis_name: mapped axis whose devices share running statistics.
    """

    num_objects: int
    hidden_dim: int
    word_dim: int
    map_dim: int
    masks: str = "fractional"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        boxes: Array,
        labels: Array,
        features: Array,
        pairs: Array,
        union_features: Array,
        valid: Array,
        *,
        train: bool = False,
    ) -> Array:
        """Features of every pair; 0 where it is not valid.

        Args:
          boxes: float [B, F, M, 4].
          labels: int [B, F, M].
          features: float [B, F, M, D].
          pairs: int [B, F, Q, 2], indices of boxes of the frame.
          union_features: float [B, F, Q, 7, 7, C].
          valid: bool [B, F, Q].

        Returns:
          float [B, F, Q, 3 hidden_dim + 2 word_dim].
        """
        parts = []
        for place, name in enumerate(("subject", "object")):
            inner = dense.Dense(self.hidden_dim, name=name, **self.types)(features)
            parts.append(of_pairs(inner, pairs[..., place : place + 1])[..., 0, :])
        parts.append(self._around(boxes, pairs, union_features, valid, train))
        told = of_pairs(labels[..., None], pairs)[..., 0]
        for place, name in enumerate(("subject_words", "object_words")):
            words = Words(self.num_objects, self.word_dim, name=name, **self.types)
            parts.append(words(told[..., place]))
        return jnp.where(valid[..., None], jnp.concatenate(parts, axis=-1), 0)

    def _around(
        self, boxes: Array, pairs: Array, union_features: Array, valid: Array, train: bool
    ) -> Array:
        """float [B, F, Q, hidden_dim]."""
        batch, frames, count = valid.shape
        masks = spatial_masks.spatial_masks(of_pairs(boxes, pairs), self.masks)
        drawn = spatial_masks.MaskFeatures(
            self.map_dim, axis_name=self.axis_name, name="mask_features", **self.types
        )(
            masks.reshape(batch, frames * count, *masks.shape[3:]),
            valid.reshape(batch, -1),
            train=train,
        )
        seen = dense.Dense(self.map_dim, name="union", **self.types)(
            union_features.astype(self.dtype or self.param_dtype)
        )
        both = seen + drawn.reshape(seen.shape)
        return OverMap(self.hidden_dim, name="visual", **self.types)(both)
