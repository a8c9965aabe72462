"""Self-attention over long clips: with learned positions, with BatchNorm, and as a pooling.

Source: the public system google_asl_recognition (`TemporalAttention`, `TransformerBlock`, the
attention pooling of `ASLModel`). Linear layers start xavier uniform, biases at zero.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import attention, batch_norm, dense, dropout, long_attention, typed

Array = jax.Array
POSITIONS = 1000
_ZEROS = nn.initializers.zeros
XAVIER = nn.initializers.xavier_uniform()
_ROWS_XAVIER = nn.initializers.xavier_uniform(in_axis=1, out_axis=0)


def linear(features: int, name: str, types: Mapping[str, Any], *, bias: bool = True) -> dense.Dense:
    """A dense layer that starts xavier uniform, its bias at zero."""
    return dense.Dense(
        features, use_bias=bias, kernel_init=XAVIER, bias_init=_ZEROS, name=name, **types
    )


def split_heads(x: Array, num_heads: int) -> Array:
    """[B, T, E] -> [B, H, T, E / H]."""
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(0, 2, 1, 3)


def merge_heads(x: Array) -> Array:
    """[B, H, T, D] -> [B, T, H D]."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def mix(
    module: nn.Module,
    qkv: Array,
    num_heads: int,
    rate: float,
    valid: Array | None,
    *,
    train: bool,
    average: bool = False,
) -> Array:
    """Attention of every frame to the valid ones; dropout on the weights.

    Args:
      module: gives the rng stream `dropout`.
      qkv: float [B, T, 3E]: query, key and value.
      num_heads: divides E.
      rate: of the dropout.
      valid: bool [B, T] or None.
      train: use dropout.
      average: over the valid frames.

    Returns:
      float [B, T, E], or [B, E] if averaged.

    Raises:
      ValueError: num_heads does not divide E.
    """
    batch, frames, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    if width % num_heads:
        raise ValueError(f"num_heads={num_heads} must divide the width {width}")
    query, key, value = (split_heads(a, num_heads) for a in jnp.split(qkv, 3, axis=-1))
    keep = None
    if train and rate > 0.0:
        shape = (batch, num_heads, frames, frames)
        keep = dropout.keep_mask(module.make_rng("dropout"), shape, rate)
    if average and attention.is_long(query):
        q, k, v = (a.astype(jnp.float32) for a in (query, key, value))
        mean = long_attention.attend_and_average(q, k, v, valid, keep, rate)
        return mean.reshape(batch, width).astype(qkv.dtype)
    mixed = merge_heads(attention.mix(query, key, value, valid, keep, rate))
    return pool(mixed, valid, "mean") if average else mixed


def pool(h: Array, valid: Array | None, how: str) -> Array:
    """h: float [B, T, D] -> [B, D], 'mean' or 'max' of the valid frames; zeros without any."""
    if valid is None:
        return h.mean(1) if how == "mean" else h.max(1)
    real = valid[..., None]
    if how == "mean":
        return jnp.where(real, h, 0).sum(1) / jnp.maximum(valid.sum(1), 1).astype(h.dtype)[:, None]
    highest = jnp.where(real, h, -jnp.inf).max(1)
    return jnp.where(valid.any(1)[:, None], highest, 0)


def packed(layer: typed.Layer, x: Array) -> tuple[Array, Array, Array]:
    """A layer's parameters `in_proj_weight` [3E, E] and `in_proj_bias` [3E] for x: [..., E].

    Returns:
      x, the weight and the bias in the layer's type.
    """
    shape = (3 * x.shape[-1], x.shape[-1])
    weight = layer.param("in_proj_weight", _ROWS_XAVIER, shape, layer.param_dtype)
    bias = layer.param("in_proj_bias", _ZEROS, shape[:1], layer.param_dtype)
    x, weight, bias = nn.dtypes.promote_dtype(x, weight, bias, dtype=layer.dtype)
    return x, weight, bias


class PackedAttention(typed.Layer):
    """Multi-head self-attention with torch's packed input projection.

    Parameters: `in_proj_weight` [3E, E], `in_proj_bias` [3E] (query, key, value rows) and `out`.

    Attributes:
      num_heads: divides E.
      dropout: rate on the attention weights in training.
      average: give the mean over the valid frames, which costs much less than all of them.
      out_init: initialiser of the last product's kernel; None = torch's default.
    """

    num_heads: int
    dropout: float = 0.0
    average: bool = False
    out_init: Callable[..., Array] | None = XAVIER

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        positions: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """x: float [B, T, E], valid: bool [B, T] or None -> float [B, T, E] or [B, E].

        `positions`, float and broadcastable to `x`, are added to queries and keys alone. The
        frames' results are sown as `intermediates/frames` where they are averaged.
        """
        width = x.shape[-1]
        x, weight, bias = packed(self, x)
        if positions is None:
            qkv = dense.dense_rows(x, weight, bias)
        else:
            matched, placed = 2 * width, x + positions.astype(x.dtype)
            query_key = dense.dense_rows(placed, weight[:matched], bias[:matched])
            value = dense.dense_rows(x, weight[matched:], bias[matched:])
            qkv = jnp.concatenate([query_key, value], axis=-1)
        out = dense.Dense(
            width, kernel_init=self.out_init, bias_init=_ZEROS, name="out", **self.types
        )
        arguments = (self, qkv, self.num_heads, self.dropout, valid)
        if self.average and self.is_mutable_collection("intermediates"):
            self.sow("intermediates", "frames", out(mix(*arguments, train=train)))
        return out(mix(*arguments, train=train, average=self.average))


class TemporalAttention(typed.Layer):
    """Attention over frames with learned positions; no residual and no norm.

    Clips of more than 1000 frames get no positions at all, as in the original.
    """

    num_heads: int = 8
    dropout: float = 0.2

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, E], valid: bool [B, T] or None -> float [B, T, E]."""
        width = x.shape[-1]
        table = self.param(
            "positions", nn.initializers.normal(1.0), (1, POSITIONS, width), self.param_dtype
        )
        if x.shape[1] <= POSITIONS:
            x = x + table[:, : x.shape[1]].astype(x.dtype)
        qkv = [linear(width, name, self.types)(x) for name in ("query", "key", "value")]
        joined = jnp.concatenate(qkv, axis=-1)
        mixed = mix(self, joined, self.num_heads, self.dropout, valid, train=train)
        mixed = linear(width, "out", self.types)(mixed)
        return dropout.Dropout(self.dropout)(mixed, train=train)


class TransformerBlock(typed.Layer):
    """Post-norm transformer layer with BatchNorms: Norm(x + Attention), Norm(x + FeedForward).

    Attributes:
      num_heads: divides the width.
      expand: feed-forward width over the width.
      dropout: on attention weights and in the feed-forward part (SiLU).
      norm: options of the BatchNorms.
    """

    num_heads: int = 8
    expand: int = 2
    dropout: float = 0.2
    norm: Mapping[str, Any] | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, E], valid: bool [B, T] or None -> float [B, T, E]."""
        width, options = x.shape[-1], self.norm or {}
        mixed = PackedAttention(self.num_heads, self.dropout, name="attention", **self.types)(
            x, valid, train=train
        )
        x = batch_norm.BatchNorm(name="norm1", **options)(x + mixed, valid, train=train)
        h = nn.silu(linear(self.expand * width, "linear1", self.types)(x))
        h = linear(width, "linear2", self.types)(dropout.Dropout(self.dropout)(h, train=train))
        h = x + dropout.Dropout(self.dropout)(h, train=train)
        return batch_norm.BatchNorm(name="norm2", **options)(h, valid, train=train)
