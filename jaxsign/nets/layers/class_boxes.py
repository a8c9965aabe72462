"""A detector's boxes as they would be of each class, told in the units of the first detectors."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import boxes as box_layers

Array = jax.Array
# A class's deltas are told in these units.
UNITS = (0.1, 0.1, 0.2, 0.2)


class BoxesToLearn(NamedTuple):
    """Boxes of images that the head looks at while it learns, and what it is to tell of them.

    Attributes:
      boxes: float32 [F, N, 4]; valid: bool [F, N], which of them there are.
      labels: int [F, N], their classes, 0 = nothing.
      deltas: float32 [F, N, 4], to what they are on, in `UNITS`.
    """

    boxes: Array
    valid: Array
    labels: Array
    deltas: Array


def of_classes(boxes: Array, deltas: Array, image_sizes: Array, chunk: int = 0) -> Array:
    """Each box as it would be of each class, within its image.

    Args:
      boxes: float [F, N, 4].
      deltas: float32 [F, N, C, 4], in `UNITS`.
      image_sizes: int [F, 2], heights and widths.
      chunk: as the original: only the first of so many frames has its boxes clipped to the image,
        the others at 0. 0 = every frame has.

    Returns:
      float32 [F, N, C, 4].
    """
    found = box_layers.moved(boxes[:, :, None], deltas * jnp.asarray(UNITS))
    inside = box_layers.clipped(found, image_sizes)
    if not chunk:
        return inside
    first = jnp.arange(len(boxes)) % chunk == 0
    return jnp.where(first[:, None, None, None], inside, jnp.maximum(found, 0))
