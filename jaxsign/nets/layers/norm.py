"""Layer normalisation with an explicit gradient, in float32 whatever the compute type."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, typed

Array = jax.Array


def layer_norm(x: Array, scale: Array, bias: Array, eps: float) -> Array:
    """scale * (x - mean) / sqrt(var + eps) + bias over the last axis, biased variance.

    On a CPU the gradient is spelt out: autodiff's fuses badly with its neighbours there.

    Args:
      x: float [..., D].
      scale: float32 [D].
      bias: float32 [D].
      eps: added to the variance, inside the root.

    Returns:
      float32 [..., D].
    """
    x, scale, bias = (a.astype(jnp.float32) for a in (x, scale, bias))
    return (_norm_cpu if backend.on_cpu() else _norm)(x, scale, bias, eps)


def _statistics(x: Array, eps: float) -> tuple[Array, Array]:
    mean = x.mean(-1, keepdims=True)
    return mean, jax.lax.rsqrt(jnp.square(x - mean).mean(-1, keepdims=True) + eps)


def _norm(x: Array, scale: Array, bias: Array, eps: float) -> Array:
    mean, inverse = _statistics(x, eps)
    return (x - mean) * inverse * scale + bias


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _norm_cpu(x: Array, scale: Array, bias: Array, eps: float) -> Array:
    return _norm(x, scale, bias, eps)


def _norm_forward(
    x: Array, scale: Array, bias: Array, eps: float
) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    # Behind barriers they are numbers a row: XLA would spread them over arrays as large as x.
    mean = jax.lax.optimization_barrier(x.mean(-1, keepdims=True))
    variance = jax.lax.optimization_barrier(jnp.square(x - mean).mean(-1, keepdims=True))
    inverse = jax.lax.rsqrt(variance + eps)
    return (x - mean) * inverse * scale + bias, (x, scale, mean, inverse)


def _norm_backward(
    eps: float, residual: tuple[Array, Array, Array, Array], d: Array
) -> tuple[Array, Array, Array]:
    x, scale, mean, inverse = residual
    normalised = (x - mean) * inverse
    moved, share = d * normalised, scale / x.shape[-1]
    # As products of a matrix and a vector the means need no array of what is averaged.
    dx = d * scale - _along(d, share) - normalised * _along(moved, share)
    axes = tuple(range(d.ndim - 1))
    return dx * inverse, moved.sum(axes), d.sum(axes)


def _along(x: Array, weights: Array) -> Array:
    """Weighted sums over the last axis, [..., 1]."""
    return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], 1)


_norm_cpu.defvjp(_norm_forward, _norm_backward)


class LayerNorm(typed.Layer):
    """Layer normalisation over the last axis; statistics in float32, result in `dtype`."""

    eps: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [..., D] -> float [..., D]."""
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],), self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), self.param_dtype)
        return layer_norm(x, scale, bias, self.eps).astype(self.dtype or x.dtype)
