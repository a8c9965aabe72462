"""Attention between the frames of a video, two at a time.

Source: the public system STTran.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import post_norm, typed

Array = jax.Array


class FramePairs(typed.Layer):
    """What stands in a frame attends to it and to the frame before, in every layer.

    Two frames that follow one another are a window; `positions` [2, D] tell its frames apart. The
    first frame is told with the second, each other one with that before it. The layers have no
    norm behind their feed-forward part.

    Attributes:
      num_layers, num_heads, ff_dim, dropout, remat: as of `PostNormEncoder`.
    """

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    remat: bool = False

    @nn.compact
    def __call__(
        self,
        h: Array,
        valid: Array,
        prior: tuple[Array, Array] | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """h: float [B, F, Q, D], valid: bool [B, F, Q] -> float [B, F, Q, D].

        `prior`: float [B, F, Q, D] of a frame that stands first in a window, and of one that stands
        second; the layers are primed ones then.
        """
        batch, frames, count, width = h.shape
        shape, init = (2, width), nn.initializers.uniform(1.0)
        positions = jnp.asarray(self.param("positions", init, shape, self.param_dtype))
        windows, seen = joined(h, h), joined(valid, valid)
        make: Any = post_norm.PostNormEncoder
        options = {"final_norm": False, "last_norm": False, "remat": self.remat}
        options["primed"] = prior is not None
        layers = make(
            self.num_layers, self.num_heads, self.ff_dim, self.dropout,
            name="layers", **options, **self.types,
        )  # fmt: skip
        found = layers(
            windows.reshape(-1, 2 * count, width),
            seen.reshape(-1, 2 * count),
            jnp.repeat(positions, count, axis=0),
            None if prior is None else joined(*prior).reshape(-1, 2 * count, width),
            train=train,
        ).reshape(*windows.shape)
        return jnp.concatenate([found[:, :1, :count], found[:, :, count:]], axis=1)[:, :frames]


def joined(first: Array, second: Array) -> Array:
    """[B, F, Q, ...] -> [B, F - 1, 2 Q, ...], each frame of `first` with the next one of `second`.

    One frame alone is joined with an empty one.
    """
    ends = ((0, 0), (0, max(2 - first.shape[1], 0)), *[(0, 0)] * (first.ndim - 2))
    first, second = jnp.pad(first, ends), jnp.pad(second, ends)
    return jnp.concatenate([first[:, :-1], second[:, 1:]], axis=2)
