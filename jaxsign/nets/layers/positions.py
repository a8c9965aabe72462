"""Fixed positional tables."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

Array = jax.Array
ROWS = 1000  # of the tables that the originals keep


def sinusoidal(length: int, features: int) -> np.ndarray:
    """The table of "Attention Is All You Need": sine in even, cosine in odd columns.

    Computed in float32 in the order of operations that torch modules commonly use, so that the
    table equals theirs to rounding.

    Args:
      length: number of positions.
      features: table width; even.

    Returns:
      float32 [length, features].

    Raises:
      ValueError: an odd width.
    """
    if features % 2:
        raise ValueError(f"positions of {features} numbers: sine and cosine need an even width")
    position = np.arange(length, dtype=np.float32)[:, None]
    step = np.float32(-math.log(10000.0) / features)
    frequency = np.exp(np.arange(0, features, 2, dtype=np.float32) * step)
    table = np.empty((length, features), np.float32)
    table[:, 0::2] = np.sin(position * frequency)
    table[:, 1::2] = np.cos(position * frequency)
    return table


class Sinusoidal(nn.Module):
    """Adds `sinusoidal` to clips of any length.

    The first rows are a variable, not a constant: an imported checkpoint brings its own table,
    which may differ from ours in the last bit, and an exported one must give it back as it came.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [B, T, D] -> the same shape and type."""
        frames, width = x.shape[1:]
        table = jnp.asarray(self.variable("buffers", "table", sinusoidal, ROWS, width).value)
        if frames > ROWS:
            table = jnp.concatenate([table, sinusoidal(frames, width)[ROWS:]])
        return x + table[:frames].astype(x.dtype)
