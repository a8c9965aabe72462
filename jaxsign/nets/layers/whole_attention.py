"""Attention of a whole batch on a CPU, with the gradient spelt out.

Every pass over a [B, H, T, S] array costs as much as a product there. The softmax's denominator is
therefore taken out of the results [B, H, T, D], what it needs in the gradient is summed from them
too (as FlashAttention does, Dao et al. 2022), and the mask is added instead of chosen by. Gradients
of keys and values come from products that turn the small factor, not the large one.
"""

import functools
import math

import jax
import jax.numpy as jnp

Array = jax.Array


@jax.named_scope("attend")
def attend(
    query: Array,
    key: Array,
    value: Array,
    valid: Array | None,
    keep: Array | None,
    rate: float,
    bias: Array | None = None,
) -> Array:
    """The values of `attention.attend`, without its weights.

    Args:
      query: float32 [B, H, T, D].
      key, value: float32 [B, H, S, D].
      valid, keep, rate, bias: as there.

    Returns:
      float32 [B, H, T, D].
    """
    query, bias = _masked(query, valid, bias)
    return _attend(query, key, value, bias, keep, share_of(keep, rate))


def _masked(query: Array, valid: Array | None, bias: Array | None) -> tuple[Array, Array | None]:
    """The query over sqrt(D), and what is added to the scores."""
    scale = 1.0 / math.sqrt(query.shape[-1])
    if valid is None:
        return query * scale, bias
    valid = valid[:, None, None, :] if valid.ndim == 2 else valid
    bias = jnp.where(valid, 0.0 if bias is None else bias, jnp.finfo(jnp.float32).min)
    # Whoever may attend to none has equal weights, and no gradient comes through their scores.
    return query * jnp.where(valid.any(-1, keepdims=True), scale, 0.0), bias


def share_of(keep: Array | None, rate: float) -> float:
    """What the weights that are kept are multiplied by; 1 without a mask, whatever the rate."""
    return 1.0 if keep is None else 1.0 / (1.0 - rate)


def where_kept(weights: Array, keep: Array | None) -> Array:
    """The weights, 0 where they are not kept."""
    return weights if keep is None else jnp.where(keep, weights, 0)


def turned(x: Array) -> Array:
    """[..., T, D] -> [..., D, T]."""
    return x.swapaxes(-1, -2)


# query, key, value, bias, keep; powers, their sums, the result
_Residual = tuple[Array, Array, Array, Array | None, Array | None, Array, Array, Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _attend(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, share: float
) -> Array:
    return _forward(query, key, value, bias, keep, share)[0]


def _forward(
    query: Array, key: Array, value: Array, bias: Array | None, keep: Array | None, share: float
) -> tuple[Array, _Residual]:
    scores = jnp.einsum("bhqd,bhkd->bhqk", query, key)
    scores = scores if bias is None else scores + bias
    powers = jnp.exp(scores - scores.max(-1, keepdims=True))
    total = powers.sum(-1, keepdims=True)
    out = jnp.einsum("bhqk,bhkd->bhqd", where_kept(powers, keep), value) * (share / total)
    return out, (query, key, value, bias, keep, powers, total, out)


def _backward(
    share: float, residual: _Residual, d: Array
) -> tuple[Array, Array, Array, Array | None, None]:
    query, key, value, bias, keep, powers, total, out = residual
    through = (d * out).sum(-1, keepdims=True) / total
    d = d * (share / total)
    dropped = where_kept(powers, keep)
    d_scores = dropped * jnp.einsum("bhqd,bhkd->bhqk", d, value) - powers * through
    return (
        jnp.einsum("bhqk,bhkd->bhqd", d_scores, key),
        turned(jnp.einsum("bhdq,bhqk->bhdk", turned(query), d_scores)),
        turned(jnp.einsum("bhdq,bhqk->bhdk", turned(d), dropped)),
        None if bias is None else _summed(d_scores, bias),
        None,
    )


def _summed(d_scores: Array, bias: Array) -> Array:
    """Over the axes that the bias is repeated along."""
    lead = d_scores.ndim - bias.ndim
    repeated = [i + lead for i, n in enumerate(bias.shape) if n == 1 < d_scores.shape[i + lead]]
    return d_scores.sum((*range(lead), *repeated)).reshape(bias.shape)


_attend.defvjp(_forward, _backward)
