"""Hands apart from where they are: each around its wrist, in its own size, frame by frame.

Views make it of numpy's arrays, nets of JAX's; what the shape of a hand tells is then the same
wherever the hand and the signer stand and however large they look.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import jax

POINTS = 21  # of a hand; its wrist is the first
HANDS = ("body", "local")
Array = TypeVar("Array", np.ndarray, "jax.Array")


def around_wrist(hand: Array) -> Array:
    """Points relative to the wrist, in distances from there to the farthest point of that frame.

    Args:
      hand: float [..., P, D], the wrist first, in units that are equal in all D; NaN = not seen.

    Returns:
      The same shape, at most 1 away from 0. NaN where a point or the wrist is not seen; 0 where all
      points that are seen coincide.
    """
    numbers = hand.__array_namespace__()
    moved = hand - hand[..., :1, :]
    squares = numbers.square(moved).sum(-1, keepdims=True)
    size = numbers.where(numbers.isnan(squares), 0, squares).max(-2, keepdims=True)
    return moved / numbers.sqrt(numbers.where(size > 0, size, 1))
