"""torch's default initialisers, so that a run from scratch starts as the originals start."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def torch_uniform(fan_in: int) -> Callable[..., jax.Array]:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): torch's default for linear weights and all biases."""
    bound = 1.0 / math.sqrt(fan_in)

    def init(
        key: jax.Array, shape: Sequence[int], dtype: DTypeLike | None = None, **_: object
    ) -> jax.Array:
        return jax.random.uniform(key, shape, dtype or "float32", -bound, bound)

    return init


def fan_out_normal(
    key: jax.Array, shape: Sequence[int], dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Kaiming normal for [..., in, out] with torch's fan out, taps * out, also depthwise."""
    return math.sqrt(2.0 / (math.prod(shape[:-2]) * shape[-1])) * jax.random.normal(
        key, shape, dtype
    )
