"""2-D convolutions with batch norms as torchvision has them, in the form that XLA runs fastest."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, batch_norm, dense, initializers, typed

Array = jax.Array


class ImageConv(typed.Layer):
    """Convolution without bias, padded by half its size: `kernel` [size, size, in, features].

    Attributes:
      features: channels out.
      size, stride: of both axes.
      depthwise: every channel alone; features is then as many as x has.
    """

    features: int
    size: int = 3
    stride: int = 1
    depthwise: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), features]."""
        shape = (self.size, self.size, 1 if self.depthwise else x.shape[-1], self.features)
        kernel = self.param("kernel", initializers.fan_out_normal, shape, self.param_dtype)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        if self.size == 1:
            return dense.dense(x[:, :: self.stride, :: self.stride], kernel[0, 0])
        if self.depthwise and backend.on_cpu():
            return shifted_products(x, kernel[:, :, 0], self.stride)
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (self.stride, self.stride),
            [(self.size // 2, self.size // 2)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=x.shape[-1] if self.depthwise else 1,
        )


def shifted_products(x: Array, kernel: Array, stride: int) -> Array:
    """A depthwise convolution as a sum of shifted products, which a CPU runs faster.

    Args:
      x: float [N, H, W, C].
      kernel: float [K, K, C], K odd.
      stride: of both axes.

    Returns:
      float [N, ceil(H / stride), ceil(W / stride), C].
    """
    products = [w * kernel[i, j] for (i, j), w in _shifts(x, len(kernel), stride, 0.0)]
    return functools.reduce(jnp.add, products)


def max_pool(x: Array) -> Array:
    """3 x 3, stride 2, padded by 1: float [N, H, W, C] -> [N, ceil(H / 2), ceil(W / 2), C].

    The greatest of shifted maps: the gradient of XLA's own pooling is slow on a CPU.
    """
    return functools.reduce(jnp.maximum, [window for _, window in _shifts(x, 3, 2, -jnp.inf)])


def _shifts(x: Array, size: int, stride: int, filler: float) -> list[tuple[tuple[int, int], Array]]:
    """((row, column), map): what each place of a window sees."""
    reach, (height, width) = size // 2, x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), constant_values=filler)
    return [
        ((i, j), padded[:, i : i + height : stride, j : j + width : stride])
        for i in range(size)
        for j in range(size)
    ]


class ConvNorm(typed.Layer):
    """`conv` and a batch norm `norm`.

    Attributes:
      features, size, stride, depthwise: of the convolution.
      axis_name: mapped axis over which batch statistics are shared.
    """

    features: int
    size: int = 3
    stride: int = 1
    depthwise: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [N, H, W, C], valid: bool [N] or None -> float [N, H', W', features].

        Images that are not valid do not count in the batch statistics.
        """
        conv: Any = ImageConv
        x = conv(self.features, self.size, self.stride, self.depthwise, name="conv", **self.types)(
            x
        )
        norm = batch_norm.BatchNorm(axis_name=self.axis_name, name="norm", **self.types)
        return norm(x, None if valid is None else valid[:, None, None], train=train)
