"""torch's default initialisers, so that a run from scratch starts as the originals start."""

import math
from collections.abc import Callable

import jax


def torch_uniform(fan_in: int) -> Callable[..., jax.Array]:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): torch's default for linear weights and all biases."""
    bound = 1.0 / math.sqrt(fan_in)

    def init(key, shape, dtype=None, **_):
        return jax.random.uniform(key, shape, dtype or "float32", -bound, bound)

    return init
