"""Self-attention over time with one product for query, key and value, and learned distances.

Source: the public system Whisper_modification (`SpatialMHSA`, `TemporalMHSA`).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import attention, dense, dropout, initializers, temporal_attention, typed

Array = jax.Array


def by_distance(values: Array, frames: int) -> Array:
    """Spreads numbers by distance over pairs of frames.

    The rows are one vector, each shifted by one: made by reshaping, because the gradient of an
    indexed read is a slow scatter.

    Args:
      values: float [2 R - 1], the value of key minus query = -(R - 1) ... R - 1; greater distances
        take the nearest.
      frames: T.

    Returns:
      float [T, T], row = query, column = key.
    """
    middle = len(values) // 2
    reach = min(frames - 1, middle)
    row = jnp.pad(values[middle - reach : middle + reach + 1], frames - 1 - reach, mode="edge")
    rows = jnp.broadcast_to(jnp.append(row, 0.0), (frames, 2 * frames)).reshape(-1)
    return rows[: frames * (2 * frames - 1)].reshape(frames, -1)[:, frames - 1 :]


class RelativePositions(nn.Module):
    """A bias a distance, the same for all heads: `table` [2 R - 1, D] times `projection` [D, 1].

    Attributes:
      width: D.
      reach: R; distances of R frames and more are one.
    """

    width: int
    reach: int = 2000
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, frames: int) -> Array:
        """float32 [T, T], row = query, column = key."""
        table = self.param(
            "table",
            nn.initializers.normal(1.0),
            (2 * self.reach - 1, self.width),
            self.param_dtype,
        )
        projection = self.param(
            "projection",
            initializers.torch_uniform(self.width),
            (self.width, 1),
            self.param_dtype,
        )
        # Only the rows that these frames can meet are folded.
        cut = max(0, self.reach - frames)
        table = table[cut : len(table) - cut].astype(jnp.float32)
        return by_distance((table @ projection.astype(jnp.float32))[:, 0], frames)


class FusedSelfAttention(typed.Layer):
    """Multi-head self-attention: `qkv` Dense(3 D), `out` Dense(D), and `positions` if wanted.

    Attributes:
      num_heads: divides the width.
      dropout: rate on the attention weights.
      reach: of the relative positions; 0 = none.
      kernel_init, bias_init: of both; None = torch's.
    """

    num_heads: int
    dropout: float = 0.0
    reach: int = 0
    kernel_init: Callable[..., Array] | None = None
    bias_init: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, D], valid: bool [B, T] keys or None -> float [B, T, D]."""
        batch, frames, width = x.shape
        how: Any = {"kernel_init": self.kernel_init, "bias_init": self.bias_init, **self.types}
        qkv = dense.Dense(3 * width, name="qkv", **how)(x)
        query, key, value = (
            temporal_attention.split_heads(part, self.num_heads)
            for part in jnp.split(qkv, 3, axis=-1)
        )
        keep = None
        if train and self.dropout > 0.0:
            shape = (batch, self.num_heads, frames, frames)
            keep = dropout.keep_mask(self.make_rng("dropout"), shape, self.dropout)
        bias = None
        if self.reach:
            positions = RelativePositions(
                width // self.num_heads, self.reach, self.param_dtype, name="positions"
            )
            bias = positions(frames)
        mixed = attention.mix(query, key, value, valid, keep, self.dropout, bias)
        return dense.Dense(width, name="out", **how)(temporal_attention.merge_heads(mixed))
