"""RoIAlign: a feature map's mean over the cells of a grid on every box."""

import math

import jax
import jax.numpy as jnp

Array = jax.Array


def roi_align(maps: Array, boxes: Array, scale: float = 1 / 16, size: int = 7) -> Array:
    """Means over `size` x `size` cells of every box, as the detectors of Caffe's line take them.

    A cell is sampled at ceil(box / size) points an axis, between which maps are linear. Points
    beyond the map by more than a step count 0. Boxes are at least one step of the map wide and
    are not moved by half a step. A mean over a grid of products is a product of two means, so
    that a box costs two matrix products.

    Args:
      maps: float [F, H, W, C].
      boxes: float [F, N, 4], x1, y1, x2, y2 in pixels of the image that the map was made of. One
        that is wider than two maps has no more points than one that is.
      scale: steps of the map in a pixel.
      size: cells of an axis.

    Returns:
      float [F, N, size, size, C].
    """
    boxes = boxes.astype(jnp.float32) * scale
    height, width = maps.shape[1:3]
    columns = _weights(boxes[..., 0], boxes[..., 2], width, size)
    rows = _weights(boxes[..., 1], boxes[..., 3], height, size)
    found = jnp.einsum("fnyh,fhwc->fnywc", rows.astype(maps.dtype), maps)
    return jnp.einsum("fnxw,fnywc->fnyxc", columns.astype(maps.dtype), found)


def _weights(start: Array, end: Array, steps: int, size: int) -> Array:
    """What share each step of an axis has in each cell: float32 [F, N, size, steps]."""
    most = math.ceil(2 * steps / size)
    cell = jnp.maximum(end - start, 1) / size
    points = jnp.clip(jnp.ceil(cell), 1, most)[..., None]
    number = jnp.arange(most, dtype=jnp.float32)
    inside_cell = (number + 0.5) * cell[..., None] / points
    place = jnp.arange(size, dtype=jnp.float32)[:, None]
    at = start[..., None, None] + place * cell[..., None, None] + inside_cell[..., None, :]
    counts = (number < points)[..., None, :] & (at >= -1) & (at <= steps)
    at = jnp.clip(at, 0, steps - 1)
    share = jnp.maximum(0, 1 - jnp.abs(at[..., None] - jnp.arange(steps)))
    return jnp.where(counts[..., None], share, 0).sum(-2) / points[..., None]
