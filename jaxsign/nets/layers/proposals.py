"""Proposals: the boxes of an image that its detector looks at closer.

Source: the first Faster R-CNN.
"""

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import boxes as box_layers

Array = jax.Array


def proposals(
    scores: Array,
    deltas: Array,
    anchors: Array,
    image_sizes: Array,
    real: Array | None = None,
    *,
    most: int = 6000,
    count: int = 100,
    threshold: float = 0.7,
) -> tuple[Array, Array]:
    """The best boxes of images.

    Args:
      scores: float [F, N], of the anchors; of equal ones the earlier is the better.
      deltas: float [F, N, 4], as `boxes.moved` takes them.
      anchors: float [N, 4].
      image_sizes: int or float [F, 2], heights and widths that boxes are clipped to.
      real: bool [F, N], False = the anchor is one of padding. None = all are real.
      most: the best of these are compared with one another.
      count: and of what is left of them the best are taken.
      threshold: of `boxes.best`, in the definition 'legacy'.

    Returns:
      float32 [F, count, 4], the best first, and bool [F, count], where there is one; 0 elsewhere.
    """
    scores = scores.astype(jnp.float32)
    scores = scores if real is None else jnp.where(real, scores, -jnp.inf)
    top, order = jax.lax.top_k(scores, min(most, scores.shape[1]))
    taken = jnp.take_along_axis(deltas, order[..., None], axis=1)
    boxes = box_layers.clipped(box_layers.moved(anchors[order], taken), image_sizes)
    places, found = box_layers.best(boxes, top > -jnp.inf, threshold, count)
    boxes = jnp.take_along_axis(boxes, places[..., None], axis=1)
    return jnp.where(found[..., None], boxes, 0), found
