"""Scaled dot-product attention and the multi-head layer around it."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, dense, dropout, long_attention, typed, whole_attention

Array = jax.Array
# From this many scores on, the [B, H, T, T] array leaves a CPU's caches and a pass over one clip
# at a time wins (measured: 8 heads, T=384: 311 -> 190 ms; at T=100 the plain form is as fast).
BLOCK_SCORES = 12_000_000


@jax.custom_vjp
def _softmax_cpu(scores: Array) -> Array:
    return jax.nn.softmax(scores, axis=-1)


def _softmax_forward(scores: Array) -> tuple[Array, Array]:
    p = jax.nn.softmax(scores, axis=-1)
    return p, p


def _softmax_backward(p: Array, d: Array) -> tuple[Array]:
    return (p * (d - (p * d).sum(-1, keepdims=True)),)


_softmax_cpu.defvjp(_softmax_forward, _softmax_backward)


def softmax(scores: Array) -> Array:
    """Softmax over the last axis in float32; on a CPU with the gradient spelt out."""
    scores = scores.astype(jnp.float32)
    return _softmax_cpu(scores) if backend.on_cpu() else jax.nn.softmax(scores, axis=-1)


@jax.named_scope("attend")
def attend(
    query: Array,
    key: Array,
    value: Array,
    valid: Array | None,
    keep: Array | None = None,
    rate: float = 0.0,
    bias: Array | None = None,
    cap: float = 0.0,
) -> tuple[Array, Array]:
    """softmax(query key^T / sqrt(D) + bias) value, over valid keys.

    Args:
      query: float [B, H, T, D]. The heads stand before the time: the other order makes XLA's CPU
        backend transpose inside the products, which is several times slower.
      key, value: float [B, H, S, D].
      valid: bool [B, S], True = this key may be attended to, or bool broadcastable to
        [B, H, T, S]; None = all. A row without a valid key gets uniform weights (finite, where a
        softmax over -inf would give NaN).
      keep: bool [B, H, T, S] dropout mask for the weights, or None.
      rate: the dropout rate that belongs to `keep`.
      bias: float32, broadcastable to [B, H, T, S], or None.
      cap: scores before the bias are cap * tanh(scores / cap); 0 = as they are.

    Returns:
      float [B, H, T, D] and the weights before dropout, float32 [B, H, T, S].
    """
    scale = jnp.asarray(1.0 / math.sqrt(query.shape[-1]), query.dtype)
    scores = jnp.einsum("bhqd,bhkd->bhqk", query * scale, key).astype(jnp.float32)
    if cap:
        scores = cap * jnp.tanh(scores / cap)
    if bias is not None:
        scores = scores + bias
    if valid is not None:
        valid = valid[:, None, None, :] if valid.ndim == 2 else valid
        scores = jnp.where(valid, scores, jnp.finfo(jnp.float32).min)
    weights = softmax(scores)
    used = weights.astype(value.dtype)
    if keep is not None:
        used = dropout.dropout(used, keep, rate)
    return jnp.einsum("bhqk,bhkd->bhqd", used, value), weights


def is_long(query: Array) -> bool:
    """Whether attention of [B, H, T, D] is better done clip by clip (`long_attention`)."""
    batch, heads, frames, _ = query.shape
    return backend.on_cpu() and batch * heads * frames**2 >= BLOCK_SCORES


def mix(
    query: Array,
    key: Array,
    value: Array,
    valid: Array | None,
    keep: Array | None,
    rate: float,
    bias: Array | None = None,
) -> Array:
    """`attend` without the weights, in the form that is fastest here."""
    if not backend.on_cpu():
        return attend(query, key, value, valid, keep, rate, bias)[0]
    q, k, v = (a.astype(jnp.float32) for a in (query, key, value))
    # Who sees whom, and by how much more: only the whole form knows.
    pairwise = bias is not None or (valid is not None and valid.ndim > 2)
    if is_long(query) and not pairwise:
        mixed = long_attention.attend(q, k, v, valid, keep, rate)
    else:
        mixed = whole_attention.attend(q, k, v, valid, keep, rate, bias)
    return mixed.astype(query.dtype)


class MultiHeadAttention(typed.Layer):
    """Multi-head self-attention; keys are masked, queries are not.

    Sows the weights (before dropout) as `intermediates/weights`.

    Attributes:
      num_heads: must divide the width of x.
      dropout: rate on the attention weights in training.
    """

    num_heads: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, E], valid: bool [B, T] or None -> float [B, T, E].

        Raises:
          ValueError: num_heads does not divide E.
        """
        batch, length, width = x.shape
        if width % self.num_heads:
            raise ValueError(f"num_heads={self.num_heads} must divide the width {width}")

        def project(name: str) -> Array:
            y = dense.Dense(width, **self.types, name=name)(x)
            return y.reshape(batch, length, self.num_heads, -1).transpose(0, 2, 1, 3)

        query, key, value = project("query"), project("key"), project("value")
        keep = None
        if train and self.dropout > 0.0:
            shape = (batch, self.num_heads, length, length)
            keep = dropout.keep_mask(self.make_rng("dropout"), shape, self.dropout)
        arguments = (query, key, value, valid, keep, self.dropout)
        if self.is_mutable_collection("intermediates"):
            mixed, weights = attend(*arguments)
            self.sow("intermediates", "weights", weights)
        else:
            mixed = mix(*arguments)
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)
        return dense.Dense(width, **self.types, name="out")(mixed)
