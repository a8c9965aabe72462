"""Attention over long clips on a CPU: one clip at a time, with the gradient spelt out.

For a batch of long clips the [B, H, T, T] arrays of scores leave the caches. Here they exist for
one clip only and are made again for the gradient from the logarithm of the softmax's denominator
(as FlashAttention does, Dao et al. 2022). Every large product is in the order that XLA's CPU
backend runs fastest: no large array is transposed.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxsign.nets.layers.whole_attention import share_of, turned, where_kept

Array = jax.Array
_NEVER = -1e9  # added to the scores of invalid keys; finite, so that a row without keys is, too


@jax.named_scope("attend")
def attend(
    query: Array, key: Array, value: Array, valid: Array | None, keep: Array | None, rate: float
) -> Array:
    """The values of `attention.attend`, without its weights.

    Args:
      query, key, value: float32 [B, H, T, D].
      valid: bool [B, T], True = this key may be attended to; None = all.
      keep: bool [B, H, T, T] dropout mask for the weights, or None.
      rate: the dropout rate that belongs to `keep`.

    Returns:
      float32 [B, H, T, D].
    """
    return _attend(_scaled(query), key, value, _bias(valid), keep, share_of(keep, rate))


@jax.named_scope("attend")
def attend_and_average(
    query: Array, key: Array, value: Array, valid: Array | None, keep: Array | None, rate: float
) -> Array:
    """The mean of `attend`'s result over the valid queries.

    The mean is taken of the weights, before they meet the values: of the five products of
    [T, T] arrays and their gradients three disappear.

    Args:
      As `attend`.

    Returns:
      float32 [B, H, D]; 0 for a clip without a valid frame.
    """
    share = share_of(keep, rate)
    if valid is None:
        weight = jnp.full((len(query), query.shape[2]), share / query.shape[2], query.dtype)
    else:
        weight = valid * (share / jnp.maximum(valid.sum(1, keepdims=True), 1))
    return _average(_scaled(query), key, value, _bias(valid), keep, weight.astype(query.dtype))


def _scaled(query: Array) -> Array:
    return query * jnp.asarray(1.0 / math.sqrt(query.shape[-1]), query.dtype)


def _bias(valid: Array | None) -> Array | None:
    return None if valid is None else jnp.where(valid, 0.0, _NEVER)[:, None, None]


# query, key, value, bias, keep
_Inputs = tuple[Array, Array, Array, Array | None, Array | None]


def _scores(query: Array, key: Array, bias: Array | None) -> Array:
    scores = jnp.einsum("hqd,hkd->hqk", query, key)
    return scores if bias is None else scores + bias


def _softmax_parts(scores: Array) -> tuple[Array, Array, Array]:
    """exp(scores - max) and the row's maximum and sum of those."""
    highest = scores.max(-1, keepdims=True)
    powers = jnp.exp(scores - highest)
    return powers, highest, powers.sum(-1, keepdims=True)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _attend(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, share: float
) -> Array:
    return _attend_forward(query, key, value, bias, keep, share)[0]


def _attend_forward(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, share: float
) -> tuple[Array, tuple[Array | None, ...]]:
    def one(clip: _Inputs) -> tuple[Array, Array]:
        q, k, v, b, kept = clip
        powers, highest, total = _softmax_parts(_scores(q, k, b))
        out = jnp.einsum("hqk,hkd->hqd", where_kept(powers, kept), v) * (share / total)
        return out, highest + jnp.log(total)

    inputs = (query, key, value, bias, keep)
    out, logs = jax.lax.map(one, inputs)
    return out, (*inputs, out, logs)


def _attend_backward(
    share: float, residual: tuple[Array | None, ...], d: Array
) -> tuple[Array, Array, Array, None, None]:
    def one(clip: tuple[*_Inputs, Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
        q, k, v, b, kept, out, log, d_out = clip
        weights = jnp.exp(_scores(q, k, b) - log)
        through = (d_out * out).sum(-1, keepdims=True)
        d_out = d_out * share
        dropped = where_kept(weights, kept)
        d_scores = dropped * jnp.einsum("hqd,hkd->hqk", d_out, v) - weights * through
        return _score_gradients(d_scores, q, k), jnp.einsum("hdq,hqk->hdk", turned(d_out), dropped)

    (dq, dk), dv = jax.lax.map(one, (*residual, d))
    return dq, turned(dk), turned(dv), None, None


def _score_gradients(d_scores: Array, q: Array, k: Array) -> tuple[Array, Array]:
    """Gradients of the query [H, T, D] and of the key, turned: [H, D, T]."""
    dq = jnp.einsum("hqk,hkd->hqd", d_scores, k)
    return dq, jnp.einsum("hdq,hqk->hdk", turned(q), d_scores)


_attend.defvjp(_attend_forward, _attend_backward)


@jax.custom_vjp
def _average(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, weight: Array
) -> Array:
    return _average_forward(query, key, value, bias, keep, weight)[0]


def _average_forward(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, weight: Array
) -> tuple[Array, tuple[Array | None, ...]]:
    def one(clip: tuple[*_Inputs, Array]) -> tuple[Array, Array, Array]:
        q, k, v, b, kept, w = clip
        powers, highest, total = _softmax_parts(_scores(q, k, b))
        rows = w[None, :, None] / total
        mean = (where_kept(powers, kept) * rows).sum(1)
        return jnp.einsum("hk,hkd->hd", mean, v), mean, highest + jnp.log(total)

    inputs = (query, key, value, bias, keep, weight)
    out, mean, logs = jax.lax.map(one, inputs)
    return out, (*inputs, mean, logs)


def _average_backward(
    residual: tuple[Array | None, ...], d: Array
) -> tuple[Array, Array, Array, None, None, None]:
    def one(
        clip: tuple[*_Inputs, Array, Array, Array, Array],
    ) -> tuple[tuple[Array, Array], Array]:
        q, k, v, b, kept, w, mean, log, d_out = clip
        weights = jnp.exp(_scores(q, k, b) - log)
        to_mean = jnp.einsum("hd,hkd->hk", d_out, v)[:, None]
        d_weights = where_kept(to_mean, kept)
        through = (weights * d_weights).sum(-1, keepdims=True)
        d_scores = weights * (d_weights - through) * w[None, :, None]
        return _score_gradients(d_scores, q, k), mean[..., None] * d_out[:, None]

    (dq, dk), dv = jax.lax.map(one, (*residual, d))
    return dq, turned(dk), dv, None, None, None


_average.defvjp(_average_forward, _average_backward)
