"""Attention between the frames of a video, two at a time, or a few more.

Source: the public system STTran.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import post_norm, typed

Array = jax.Array


class FramePairs(typed.Layer):
    """What stands in a frame attends to it and to the frame before, in every layer.

    Frames that follow one another are a window; `positions` [window, D] tell its frames apart. The
    frames of the first window are told in it, each other one with those before it. The layers have
    no norm behind their feed-forward part.

    Attributes:
      num_layers, num_heads, ff_dim, dropout, remat: as of `PostNormEncoder`.
      window: frames of a window; 2 or more.
    """

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    remat: bool = False
    window: int = 2

    @nn.compact
    def __call__(
        self,
        h: Array,
        valid: Array,
        prior: tuple[Array, ...] | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """h: float [B, F, Q, D], valid: bool [B, F, Q] -> float [B, F, Q, D].

        `prior`: float [B, F, Q, D] of a frame in each place of a window; the layers are primed ones
        then.
        """
        batch, frames, count, width = h.shape
        shape, init = (self.window, width), nn.initializers.uniform(1.0)
        positions = jnp.asarray(self.param("positions", init, shape, self.param_dtype))
        # Fewer frames than a window has stand in one with empty ones.
        size = self.window
        windows, seen = joined(*[h] * size), joined(*[valid] * size)
        layers = post_norm.PostNormEncoder(
            self.num_layers,
            self.num_heads,
            self.ff_dim,
            self.dropout,
            final_norm=False,
            last_norm=False,
            primed=prior is not None,
            remat=self.remat,
            name="layers",
            **self.types,
        )
        found = layers(
            windows.reshape(-1, size * count, width),
            seen.reshape(-1, size * count),
            jnp.repeat(positions, count, axis=0),
            None if prior is None else joined(*prior).reshape(-1, size * count, width),
            train=train,
        ).reshape(*windows.shape)
        last = (size - 1) * count
        first = found[:, 0, :last].reshape(batch, size - 1, count, width)
        return jnp.concatenate([first, found[:, :, last:]], axis=1)[:, :frames]


def joined(*places: Array) -> Array:
    """N of [B, F, Q, ...] -> [B, F - N + 1, N Q, ...], frame i + n of the n-th in window i.

    Fewer than N frames are filled up with empty ones.
    """
    size, frames = len(places), places[0].shape[1]
    ends = ((0, 0), (0, max(size - frames, 0)), *[(0, 0)] * (places[0].ndim - 2))
    count = max(frames - size, 0) + 1
    parts = [jnp.pad(value, ends)[:, n : n + count] for n, value in enumerate(places)]
    return jnp.concatenate(parts, axis=2)
