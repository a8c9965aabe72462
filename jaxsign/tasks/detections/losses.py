"""Losses of a detector's image.

Source: jwyang's faster-rcnn.pytorch, whose means are over the images of a batch.
"""

import jax
import jax.numpy as jnp

Array = jax.Array


def classes(logits: Array, labels: Array, counts: Array) -> Array:
    """Mean cross entropy: float32 [N, C], int [N], bool [N], which count -> float32."""
    told = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]
    return -jnp.where(counts, told, 0).sum() / jnp.maximum(counts.sum(), 1)


def deltas(told: Array, wanted: Array, on: Array, counts: Array, sigma: float) -> Array:
    """Smooth L1 of boxes on something, over the number of all boxes that are looked at.

    Args:
      told, wanted: float32 [N, 4].
      on, counts: bool [N].
      sigma: of `smooth_l1`.
    """
    each = smooth_l1(jnp.where(on[:, None], told - wanted, 0), sigma)
    return each.sum() / jnp.maximum(counts.sum(), 1)


def smooth_l1(x: Array, sigma: float) -> Array:
    """sigma^2 x^2 / 2 up to 1 / sigma^2, from there on |x| - 1 / (2 sigma^2)."""
    edge = 1 / sigma**2
    size = jnp.abs(x)
    return jnp.where(size < edge, 0.5 * jnp.square(x) / edge, size - 0.5 * edge)
