"""Activations in the form that XLA runs fastest."""

import math

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import backend

Array = jax.Array


def gelu(x: Array) -> Array:
    """x times the normal distribution's share below x: the exact form, by the error function.

    On a CPU the gradient is spelt out: autodiff's goes through the complementary error function,
    which is several times dearer there.

    Args:
      x: float [...].

    Returns:
      The same shape and type.
    """
    return _gelu_cpu(x) if backend.on_cpu() else jax.nn.gelu(x, approximate=False)


def _share_below(x: Array) -> Array:
    return 0.5 * (1.0 + jax.lax.erf(x.astype(jnp.float32) * math.sqrt(0.5)))


@jax.custom_vjp
def _gelu_cpu(x: Array) -> Array:
    return (x * _share_below(x)).astype(x.dtype)


def _gelu_forward(x: Array) -> tuple[Array, Array]:
    return _gelu_cpu(x), x


def _gelu_backward(x: Array, d: Array) -> tuple[Array]:
    wide = x.astype(jnp.float32)
    density = jnp.exp(-0.5 * jnp.square(wide)) * (1.0 / math.sqrt(2.0 * math.pi))
    return ((d * (_share_below(x) + wide * density)).astype(x.dtype),)


_gelu_cpu.defvjp(_gelu_forward, _gelu_backward)
