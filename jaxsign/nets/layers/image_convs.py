"""2-D convolutions with batch norms as torchvision has them, in the form that XLA runs fastest."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, batch_norm, dense, initializers, typed

Array = jax.Array
# Numbers that the shifted maps of one part of a batch may have: 4 MB, which caches hold.
_MOST = 2**20
# Channels from which a 3 x 3 convolution is faster by sums of places than by itself.
_WIDE = 128


class ImageConv(typed.Layer):
    """Convolution padded by half its size: `kernel` [size, size, in, features].

    Attributes:
      features: channels out.
      size, stride: of both axes.
      depthwise: every channel alone; features is then as many as x has.
      use_bias: with a `bias` [features].
      kernel_init, bias_init: of both.
    """

    features: int
    size: int = 3
    stride: int = 1
    depthwise: bool = False
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = initializers.fan_out_normal
    bias_init: nn.initializers.Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), features]."""
        shape = (self.size, self.size, 1 if self.depthwise else x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, self.param_dtype)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        found = self._convolved(x, kernel)
        if not self.use_bias:
            return found
        bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype)
        return found + bias.astype(x.dtype)

    def _convolved(self, x: Array, kernel: Array) -> Array:
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
    return _fast(x, kernel, stride)


def _fast(x: Array, kernel: Array, stride: int) -> Array:
    size, wide = kernel.shape[0], min(kernel.shape[2:]) >= _WIDE
    if size == 3 and stride == 1 and wide and x.dtype == jnp.float32:
        return winograd(x, kernel)
    return _plain(x, kernel, stride)


def winograd(x: Array, kernel: Array) -> Array:
    """A 3 x 3 convolution padded by 1 with 4 products a place instead of 9.

    Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, F(2 x 2, 3 x 3). Four
    neighbours are made of 16 numbers, each the product of a sum of places and a sum of taps.

    Args:
      x: float [N, H, W, in].
      kernel: float [3, 3, in, out].

    Returns:
      float [N, H, W, out].
    """
    count, height, width, _ = x.shape
    rows, columns = -(-height // 2), -(-width // 2)
    more = (1, 1 + 2 * rows - height), (1, 1 + 2 * columns - width)
    padded = jnp.pad(x, ((0, 0), *more, (0, 0)))
    places = [
        [padded[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] for j in range(4)]
        for i in range(4)
    ]
    maps = _along_both(_of_places, places)
    taps = _along_both(_of_taps, [[kernel[i, j] for j in range(3)] for i in range(3)])
    products = [
        [dense.dense(a, u) for a, u in zip(of_maps, of_taps, strict=True)]
        for of_maps, of_taps in zip(maps, taps, strict=True)
    ]
    found = _along_both(_neighbours, products)
    both = jnp.stack([jnp.stack(row, axis=3) for row in found], axis=2)
    return both.reshape(count, 2 * rows, 2 * columns, -1)[:, :height, :width]


def _of_places(a: Array, b: Array, c: Array, d: Array) -> list[Array]:
    return [a - c, b + c, c - b, b - d]


def _of_taps(a: Array, b: Array, c: Array) -> list[Array]:
    return [a, (a + b + c) * 0.5, (a - b + c) * 0.5, c]


def _neighbours(a: Array, b: Array, c: Array, d: Array) -> list[Array]:
    return [a + b + c, b - c - d]


def _along_both(
    transform: Callable[..., list[Array]], table: list[list[Array]]
) -> list[list[Array]]:
    """A transform of every column, then of every row of what these become."""
    columns = [transform(*column) for column in zip(*table, strict=True)]
    return [transform(*row) for row in zip(*columns, strict=True)]


def _forward(x: Array, kernel: Array, stride: int, most: int) -> tuple[Array, tuple[Array, Array]]:
    return _fast(x, kernel, stride), (x, kernel)


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


def max_pool_inside(x: Array) -> Array:
    """3 x 3, stride 2, without padding: [N, H, W, C] -> [N, H // 2, W // 2, C].

    The last window reaches beyond the map by one where H or W is even: torch's `ceil_mode`.
    """
    height, width = (2 * (n // 2) for n in x.shape[1:3])
    padded = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=-jnp.inf)
    windows = [padded[:, i : i + height : 2, j : j + width : 2] for i in range(3) for j in range(3)]
    return functools.reduce(jnp.maximum, windows)


def within(x: Array, sizes: Array | None) -> Array:
    """x: [N, H, W, C], 0 beyond the first rows and columns that int [N, 2] tells; None = all."""
    if sizes is None:
        return x
    return jnp.where(real_places(x.shape[1], x.shape[2], sizes)[..., None], x, 0)


def real_places(rows: int, columns: int, sizes: Array) -> Array:
    """bool [N, rows, columns]: what is within the first ones that int [N, 2] tells."""
    inside = (jnp.arange(n) < sizes[:, i, None] for i, n in enumerate((rows, columns)))
    of_rows, of_columns = inside
    return of_rows[:, :, None] & of_columns[:, None]


def counting(x: Array, valid: Array | None, sizes: Array | None, stride: int = 1) -> Array | None:
    """What of a convolution of maps counts in batch statistics.

    Args:
      x: [N, H, W, C], that goes in.
      valid: bool [N], images that count. None = all.
      sizes: int [N, 2], rows and columns of what comes out that are real. None = all are.
      stride: of the convolution.

    Returns:
      bool [N] or [N, ceil(H / stride), ceil(W / stride)]; None = everything.
    """
    if sizes is None:
        return valid
    rows, columns = (-(-n // stride) for n in x.shape[1:3])
    real = real_places(rows, columns, sizes)
    return real if valid is None else real & valid[:, None, None]


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
        """x: float [N, H, W, C] -> float [N, H', W', features].

        `valid`, bool [N] or [N, H', W']: images, or places of what comes out, that are not valid do
        not count in the batch statistics. None = all do.
        """
        conv = ImageConv
        x = conv(self.features, self.size, self.stride, self.depthwise, name="conv", **self.types)(
            x
        )
        norm = batch_norm.BatchNorm(axis_name=self.axis_name, name="norm", **self.types)
        if valid is not None and valid.ndim == 1:
            valid = valid[:, None, None]
        return norm(x, valid, train=train)
