"""Depthwise 1-D convolution over time, in the form that XLA runs fastest."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, initializers, typed

Array = jax.Array
# The kernel's gradient is a sum over time. Written as a sum of slices of so many frames it is one
# loop without a reduction, three times as fast as XLA's reduction over single frames.
_SLICE = 16


@jax.named_scope("depthwise")
def causal_depthwise(x: Array, kernel: Array, dilation: int = 1) -> Array:
    """y[:, t] = sum_k kernel[k] * x[:, t - (K - 1 - k) * dilation], zeros before the clip.

    XLA's grouped convolution is 35 to 90 times slower on a CPU than a sum of shifted products, and
    autodiff of that sum has a slow weight gradient, so the CPU form has its own; other backends
    take the grouped convolution.

    Args:
      x: float [B, T, C].
      kernel: float [K, C].
      dilation: distance of neighbouring taps in frames.

    Returns:
      float [B, T, C].
    """
    if backend.on_cpu():
        return _shift_and_add(x, kernel, dilation)
    return grouped_convolution(x, kernel, dilation)


@jax.named_scope("depthwise")
def centred_depthwise(x: Array, kernel: Array) -> Array:
    """y[:, t] = sum_k kernel[k] * x[:, t + k - K // 2], zeros around the clip.

    Args:
      x: float [B, T, C].
      kernel: float [K, C], K odd.

    Returns:
      float [B, T, C].
    """
    reach = kernel.shape[0] // 2
    if not backend.on_cpu():
        return grouped_convolution(x, kernel, ahead=reach)
    return _shift_and_add(jnp.pad(x, ((0, 0), (0, reach), (0, 0))), kernel, 1)[:, reach:]


def grouped_convolution(x: Array, kernel: Array, dilation: int = 1, ahead: int = 0) -> Array:
    """The same as `causal_depthwise`, as one grouped convolution; looks `ahead` so many frames."""
    return jax.lax.conv_general_dilated(
        x,
        kernel[:, None, :],
        window_strides=(1,),
        padding=[((kernel.shape[0] - 1) * dilation - ahead, ahead)],
        rhs_dilation=(dilation,),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=x.shape[-1],
    )


def _sum_of_shifts(padded: Array, kernel: Array, length: int, dilation: int) -> Array:
    total = padded[:, :length] * kernel[0]
    for k in range(1, kernel.shape[0]):
        total = total + padded[:, k * dilation : k * dilation + length] * kernel[k]
    return total


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _shift_and_add(x: Array, kernel: Array, dilation: int) -> Array:
    reach = (kernel.shape[0] - 1) * dilation
    padded = jnp.pad(x, ((0, 0), (reach, 0), (0, 0)))
    return _sum_of_shifts(padded, kernel, x.shape[1], dilation)


def _forward(x: Array, kernel: Array, dilation: int) -> tuple[Array, tuple[Array, Array]]:
    return _shift_and_add(x, kernel, dilation), (x, kernel)


def _backward(dilation: int, residual: tuple[Array, Array], d: Array) -> tuple[Array, Array]:
    x, kernel = residual
    length, reach = x.shape[1], (kernel.shape[0] - 1) * dilation
    dx = _sum_of_shifts(jnp.pad(d, ((0, 0), (0, reach), (0, 0))), kernel[::-1], length, dilation)
    filler = -length % _SLICE
    padded = jnp.pad(x, ((0, 0), (reach, filler), (0, 0)))
    starts = range(0, length + filler, _SLICE)

    def add(total: Array, clip: tuple[Array, Array]) -> tuple[Array, None]:
        p, g = clip

        # A loop over the taps: spelt out, its compilation takes four times as long.
        def add_tap(_: None, tap: tuple[Array, Array]) -> tuple[None, Array]:
            place, before = tap
            slices = (
                jax.lax.dynamic_slice_in_dim(p, place + t, _SLICE) * g[t : t + _SLICE]
                for t in starts
            )
            return None, before + sum(slices)

        return jax.lax.scan(add_tap, None, (dilation * jnp.arange(len(kernel)), total))[1], None

    zeros = jnp.zeros((len(kernel), _SLICE, kernel.shape[1]), kernel.dtype)
    clips = (padded, jnp.pad(d, ((0, 0), (0, filler), (0, 0))))
    return dx, jax.lax.scan(add, zeros, clips)[0].sum(1)


_shift_and_add.defvjp(_forward, _backward)


class CentredDepthwise(typed.Layer):
    """`centred_depthwise` with a bias: `kernel` [taps, 1, C] and `bias` [C].

    Attributes:
      taps: odd.
      kernel_init, bias_init: None = torch's.
    """

    taps: int
    kernel_init: Callable[..., Array] | None = None
    bias_init: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [B, T, C] -> float [B, T, C]."""
        width, init = x.shape[-1], initializers.torch_uniform(self.taps)
        shape = (self.taps, 1, width)
        kernel = self.param("kernel", self.kernel_init or init, shape, self.param_dtype)
        bias = self.param("bias", self.bias_init or init, (width,), self.param_dtype)
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return centred_depthwise(x, kernel[:, 0]) + bias
