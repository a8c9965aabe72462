"""Dense layers whose products are fast and exact on a CPU."""

from collections.abc import Callable

import jax
from flax import linen as nn

from jaxsign.nets.layers import backend, initializers, typed

Array = jax.Array
# On a CPU products of few rows are summed in blocks, as torch's are: one term after the other, a
# sum of 1936 terms is three times as far from the exact one. With more rows blocks cost time.
_FEW_ROWS = 16
_BLOCKS = 8
_LONG_SUM = 1024
# XLA's faster products sum over what lies together. From this many rows on it pays to turn the
# left factor of a weight's gradient for them (measured, 1024 to 256 columns: 4096 rows 50 -> 40 ms
# of one core; 512 to 2048: 1920 rows 81 -> 63; 400 rows of 1936 to 1936: 41 -> 51). What made that
# factor must not be made again as it is turned, number by number (a step of SignTransformer, whose
# feed-forward layers have dropout before them: 328 -> 289 ms).
_MANY_ROWS = 1024
_WIDE = 64  # columns: turning costs as much as few of them


def dense(x: Array, kernel: Array, bias: Array | None = None) -> Array:
    """x @ kernel + bias.

    Autodiff asks XLA's CPU backend for a transposed product in the weight gradient and lets it
    fuse a transposing copy into whatever made the cotangent; there the products are spelt out on
    flattened arrays (1.4 times as fast in a transformer's step). Elsewhere the plain form is used.

    Args:
      x: float [..., in].
      kernel: float [in, out].
      bias: float [out] or None.

    Returns:
      float [..., out].
    """
    return _over_rows(_dense_cpu if backend.on_cpu() else _plain, x, kernel, bias)


def dense_rows(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x @ weight.T + bias, of a weight that lies as torch's do.

    Args:
      x: float [..., in].
      weight: float [out, in].
      bias: float [out] or None.

    Returns:
      float [..., out].
    """
    if not backend.on_cpu():
        return dense(x, weight.T, bias)
    return _over_rows(_dense_rows_cpu, x, weight, bias)


def _over_rows(
    product: Callable[[Array, Array, Array | None], Array],
    x: Array,
    weight: Array,
    bias: Array | None,
) -> Array:
    y = product(x.reshape(-1, x.shape[-1]), weight, bias)
    return y.reshape(*x.shape[:-1], y.shape[-1])


def _with(bias: Array | None, y: Array) -> Array:
    return y if bias is None else y + bias


def _matmul(x: Array, kernel: Array) -> Array:
    return jax.lax.dot_general(x, kernel, (((1,), (0,)), ((), ())))


def _plain(x: Array, kernel: Array, bias: Array | None) -> Array:
    return _with(bias, _matmul(x, kernel))


@jax.custom_vjp
def _dense_cpu(x: Array, kernel: Array, bias: Array | None) -> Array:
    rows, width = x.shape
    if rows > _FEW_ROWS or width % _BLOCKS or width < _LONG_SUM:
        return _plain(x, kernel, bias)
    x, kernel = x.reshape(rows, _BLOCKS, -1), kernel.reshape(_BLOCKS, -1, kernel.shape[1])
    return _with(bias, jax.lax.dot_general(x, kernel, (((2,), (1,)), ((1,), (0,)))).sum(0))


_Kept = tuple[Array, Array, Array | None]  # x, the weight, the bias


def _dense_forward(x: Array, kernel: Array, bias: Array | None) -> tuple[Array, _Kept]:
    x = _kept(x, kernel.shape[1])
    return _dense_cpu(x, kernel, bias), (x, kernel, bias)


def _dense_backward(residual: _Kept, d: Array) -> tuple[Array, Array, Array | None]:
    x, kernel, bias = residual
    dx = jax.lax.dot_general(d, kernel, (((1,), (1,)), ((), ())))
    dkernel = _over_all_rows(x, d)
    # From the array that the products take: XLA would make it once more in the shape of y.
    dbias = None if bias is None else d.sum(0).astype(bias.dtype)
    return dx.astype(x.dtype), dkernel.astype(kernel.dtype), dbias


def _turned(x: Array, columns: int) -> bool:
    """Whether the weight's gradient [in, columns] turns x [rows, in]."""
    return len(x) >= _MANY_ROWS and columns >= _WIDE


def _kept(x: Array, columns: int) -> Array:
    """x, which is not made again where the gradient turns it."""
    return backend.made_once(x) if _turned(x, columns) else x


def _over_all_rows(x: Array, d: Array) -> Array:
    """x.T @ d."""
    if _turned(x, d.shape[1]):
        turned = jax.lax.optimization_barrier(x.T)  # without the barrier XLA would undo it
        return jax.lax.dot_general(turned, d, (((1,), (0,)), ((), ())))
    return jax.lax.dot_general(x, d, (((0,), (0,)), ((), ())))


_dense_cpu.defvjp(_dense_forward, _dense_backward)


@jax.custom_vjp
def _dense_rows_cpu(x: Array, weight: Array, bias: Array | None) -> Array:
    if len(x) > _FEW_ROWS:
        return _plain(x, weight.T, bias)
    # XLA sums a matrix times a vector in blocks by itself; others of this form it does not.
    return _with(bias, jax.lax.map(lambda row: weight @ row, x))


def _dense_rows_forward(x: Array, weight: Array, bias: Array | None) -> tuple[Array, _Kept]:
    x = _kept(x, len(weight))
    return _dense_rows_cpu(x, weight, bias), (x, weight, bias)


def _dense_rows_backward(residual: _Kept, d: Array) -> tuple[Array, Array, Array | None]:
    x, weight, bias = residual
    dx, dkernel, dbias = _dense_backward((x, weight.T, bias), d)
    return dx, dkernel.T, dbias


_dense_rows_cpu.defvjp(_dense_rows_forward, _dense_rows_backward)


class Dense(typed.Layer):
    """Linear layer with torch's default initialisation, unless another is given.

    Attributes:
      features: number of outputs.
      use_bias: add a bias.
      kernel_init, bias_init: initialisers of the kernel [in, out] and the bias; None = torch's.
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable[..., Array] | None = None
    bias_init: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [..., in] -> float [..., features]."""
        init = initializers.torch_uniform(x.shape[-1])
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init or init, shape, self.param_dtype)
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init or init, (self.features,), self.param_dtype)
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return dense(x, kernel, bias)
