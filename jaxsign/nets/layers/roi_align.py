"""RoIAlign: a feature map's mean over the cells of a grid on every box."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import backend

Array = jax.Array
# Boxes that are looked at together on a CPU, whose caches hold what is between their two products.
_TOGETHER = 10


def roi_align(
    maps: Array,
    boxes: Array,
    scale: float = 1 / 16,
    size: int = 7,
    sizes: Array | None = None,
    step: int = 1,
) -> Array:
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
      sizes: int [F, 2], rows and columns of each map that are real; they stand first, and what is
        behind them must be finite. None = all are.
      step: only every so many cells of an axis are wanted.

    Returns:
      float [F, N, S, S, C], S = ceil(size / step).
    """
    boxes = boxes.astype(jnp.float32) * scale
    height, width = maps.shape[1:3]
    real = jnp.asarray([[height, width]]) if sizes is None else sizes
    cells = range(0, size, step)
    columns = _weights(boxes[..., 0], boxes[..., 2], width, size, cells, real[:, 1, None])
    rows = _weights(boxes[..., 1], boxes[..., 3], height, size, cells, real[:, 0, None])
    weights = [jnp.moveaxis(axis, 1, 0).astype(maps.dtype) for axis in (rows, columns)]

    def means(of_box: Sequence[Array]) -> Array:
        of_rows, of_columns = of_box
        found = jnp.einsum("fyh,fhwc->fywc", of_rows, maps)
        # With rows among what is done many times, nothing between the products is moved about.
        again = jnp.broadcast_to(of_columns[:, None], (*found.shape[:2], *of_columns.shape[1:]))
        return jnp.einsum("fyxw,fywc->fyxc", again, found)

    if not backend.on_cpu():
        return jnp.moveaxis(jax.vmap(means)(weights), 0, 1)
    together = max(1, _TOGETHER // len(maps))
    return jnp.moveaxis(jax.lax.map(means, weights, batch_size=together), 0, 1)


def _weights(start: Array, end: Array, steps: int, size: int, cells: range, real: Array) -> Array:
    """What share each step of an axis has in each of these cells: float32 [F, N, cells, steps].

    `real` int [F or 1, 1]: so many steps of the map are.
    """
    most = math.ceil(2 * steps / size)
    cell = jnp.maximum(end - start, 1) / size
    points = jnp.clip(jnp.ceil(cell), 1, -(-2 * real // size))[..., None]
    number = jnp.arange(most, dtype=jnp.float32)
    inside_cell = (number + 0.5) * cell[..., None] / points
    place = jnp.asarray(cells, jnp.float32)[:, None]
    at = start[..., None, None] + place * cell[..., None, None] + inside_cell[..., None, :]
    real = real[..., None, None]
    counts = (number < points)[..., None, :] & (at >= -1) & (at <= real)
    at = jnp.clip(at, 0, real - 1)
    share = jnp.maximum(0, 1 - jnp.abs(at[..., None] - jnp.arange(steps)))
    return jnp.where(counts[..., None], share, 0).sum(-2) / points[..., None]
