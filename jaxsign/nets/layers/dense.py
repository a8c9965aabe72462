"""Dense layers whose gradient products run at matmul speed on a CPU."""

from collections.abc import Callable

import jax
from flax import linen as nn

from jaxsign.nets.layers import backend, initializers, typed

Array = jax.Array


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
    product = _dense_cpu if backend.on_cpu() else _matmul
    y = product(x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[-1])
    return y if bias is None else y + bias


def _matmul(x: Array, kernel: Array) -> Array:
    return jax.lax.dot_general(x, kernel, (((1,), (0,)), ((), ())))


@jax.custom_vjp
def _dense_cpu(x: Array, kernel: Array) -> Array:
    return _matmul(x, kernel)


def _dense_forward(x, kernel):
    return _matmul(x, kernel), (x, kernel)


def _dense_backward(residual, d):
    x, kernel = residual
    dx = jax.lax.dot_general(d, kernel, (((1,), (1,)), ((), ())))
    dkernel = jax.lax.dot_general(x, d, (((0,), (0,)), ((), ())))
    return dx.astype(x.dtype), dkernel.astype(kernel.dtype)


_dense_cpu.defvjp(_dense_forward, _dense_backward)


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
