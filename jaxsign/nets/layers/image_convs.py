"""2-D convolutions with batch norms as torchvision has them, in the form that XLA runs fastest."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, batch_norm, dense, initializers, typed

Array = jax.Array
# Numbers that the shifted maps of one part of a batch may have: 4 MB, which caches hold.
_MOST = 2**20


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
        if backend.on_cpu():
            return convolution(x, kernel, self.stride)
        return _plain(x, kernel, self.stride, x.shape[-1] if self.depthwise else 1)


def _plain(x: Array, kernel: Array, stride: int, groups: int = 1) -> Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(len(kernel) // 2, len(kernel) // 2)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolution(x: Array, kernel: Array, stride: int, most: int = _MOST) -> Array:
    """A convolution padded by half its size, whose gradients a CPU runs faster.

    XLA's own gradient of a kernel takes two to five times as long as products of the shifted maps
    with what comes back, a few images at a time so that the maps stay in the cache.

    Args:
      x: float [N, H, W, in].
      kernel: float [K, K, in, out], K odd.
      stride: of both axes.
      most: numbers that the shifted maps may have at once, where an image has no more.

    Returns:
      float [N, ceil(H / stride), ceil(W / stride), out].
    """
    return _plain(x, kernel, stride)


def _forward(x: Array, kernel: Array, stride: int, most: int) -> tuple[Array, tuple[Array, Array]]:
    return _plain(x, kernel, stride), (x, kernel)


def _backward(stride: int, most: int, kept: tuple[Array, Array], d: Array) -> tuple[Array, Array]:
    x, kernel = kept
    (dx,) = jax.linear_transpose(lambda x: _plain(x, kernel, stride), x)(d)
    size, count, places = len(kernel), len(x), d.size // d.shape[-1]
    numbers = places * kernel.size // kernel.shape[-1]
    # As few parts of whole images as keep the joined maps small.
    fits = (n for n in range(1, count) if not count % n and numbers <= n * most)
    parts = next(fits, count)

    def product(total: Array, rows: tuple[Array, Array]) -> tuple[Array, None]:
        maps = jnp.concatenate([w for _, w in _shifts(rows[0], size, stride, 0.0)], axis=-1)
        # A product with few rows and many columns is faster than its transpose.
        back, flat = (array.reshape(-1, array.shape[-1]) for array in (rows[1], maps))
        both_rows = (((0,), (0,)), ((), ()))
        found = jax.lax.dot_general(back, flat, both_rows, preferred_element_type=total.dtype)
        return total + found, None

    rows = [array.reshape(parts, -1, *array.shape[1:]) for array in (x, d)]
    none = jnp.zeros((kernel.shape[-1], kernel.size // kernel.shape[-1]), jnp.float32)
    total, _ = jax.lax.scan(product, none, (rows[0], rows[1]))
    return dx, total.T.reshape(kernel.shape).astype(kernel.dtype)


convolution.defvjp(_forward, _backward)


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
