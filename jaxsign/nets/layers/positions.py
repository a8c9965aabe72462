"""Fixed positional tables."""

import math

import numpy as np


def sinusoidal(length: int, features: int) -> np.ndarray:
    """The table of "Attention Is All You Need": sine in even, cosine in odd columns.

    Computed in float32 in the order of operations that torch modules commonly use, so that the
    table equals theirs to rounding.

    Args:
      length: number of positions.
      features: table width; even.

    Returns:
      float32 [length, features].
    """
    position = np.arange(length, dtype=np.float32)[:, None]
    step = np.float32(-math.log(10000.0) / features)
    frequency = np.exp(np.arange(0, features, 2, dtype=np.float32) * step)
    table = np.empty((length, features), np.float32)
    table[:, 0::2] = np.sin(position * frequency)
    table[:, 1::2] = np.cos(position * frequency)
    return table
