"""What a detector is to tell of anchors and proposals, and which of these its loss looks at.

Source: jwyang's faster-rcnn.pytorch. Of boxes on nothing it draws some more than once where there
are few; here each counts once, and means are over those that there are.
"""

import dataclasses

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import boxes as box_layers
from jaxsign.nets.layers import class_boxes

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Boxes of an image that a loss looks at.

    Attributes:
      count: so many.
      share: the most of them that are on something.
      on: overlap with a true box from which one is on it.
      off: overlap with all true boxes below which one is on nothing.
      least: the least overlap of one on nothing.
    """

    count: int
    share: float
    on: float
    off: float
    least: float = 0.0


def of_anchors(
    anchors: Array, image_size: Array, boxes: Array, real: Array, rng: Array | None, asked: Sampling
) -> tuple[Array, Array, Array]:
    """What an image's anchors are to tell.

    On something are those that overlap a box enough, and of each box those that overlap it most.
    Anchors that reach beyond the image are not looked at.

    Args:
      anchors: float32 [A, 4].
      image_size: int [2], height and width.
      boxes: float32 [M, 4]; real: bool [M], which there are.
      rng: draws. None = nothing is drawn: all are looked at.
      asked: how many.

    Returns:
      bool [A], on something; bool [A], the loss looks at it; float32 [A, 4], deltas to the box that
      it overlaps most.
    """
    height, width = image_size[0], image_size[1]
    inside = (anchors >= 0).all(1) & (anchors[:, 2] < width) & (anchors[:, 3] < height)
    shared = box_layers.overlap(anchors[:, None], boxes)
    shared = jnp.where(inside[:, None] & real, shared, 0)
    most = shared.max(1)
    best = (shared == shared.max(0)) & (shared > 0)
    on = inside & (best.any(1) | (most >= asked.on))
    off = inside & ~on & (most < asked.off)
    on, off = _drawn(on, off, rng, asked)
    return on, on | off, box_layers.deltas(anchors, boxes[shared.argmax(1)])


def of_proposals(
    proposals: Array,
    found: Array,
    boxes: Array,
    labels: Array,
    real: Array,
    rng: Array | None,
    asked: Sampling,
) -> class_boxes.BoxesToLearn:
    """Boxes of an image that a detector's head learns from: proposals, and the true ones.

    Args:
      proposals: float32 [P, 4]; found: bool [P], which there are.
      boxes: float32 [M, 4]; labels: int [M]; real: bool [M].
      rng: draws. None = nothing is drawn: all are looked at, in the order of proposals and boxes.
      asked: how many.

    Returns:
      Them, of one image. N is `asked.count`, or as many boxes as there can be.
    """
    every, there = jnp.concatenate([proposals, boxes]), jnp.concatenate([found, real])
    shared = jnp.where(real, box_layers.overlap(every[:, None], boxes), 0)
    most = shared.max(1)
    on = there & (most >= asked.on)
    off = there & (most < asked.off) & (most >= asked.least)
    on, off = _drawn(on, off, rng, asked)
    valid, to = on | off, shared.argmax(1)
    if rng is not None:
        # Those on something first, in the order in which they came.
        count = min(asked.count, len(every))
        _, places = jax.lax.top_k(2 * on + off, count)
        every, on, valid, to = every[places], on[places], valid[places], to[places]
        every = jnp.where(valid[:, None], every, 0)
    deltas = box_layers.deltas(every, boxes[to]) / jnp.asarray(class_boxes.UNITS)
    return class_boxes.BoxesToLearn(every, valid, jnp.where(on, labels[to], 0), deltas)


def _drawn(on: Array, off: Array, rng: Array | None, asked: Sampling) -> tuple[Array, Array]:
    """Of boxes on something at most their share, of those on nothing the rest: bool [N] each."""
    if rng is None:
        return on, off
    rngs = jax.random.split(rng)
    on = _some(on, rngs[0], int(asked.count * asked.share))
    return on, _some(off, rngs[1], asked.count - on.sum())


def _some(mask: Array, rng: Array, count: Array | int) -> Array:
    """At most `count` of the places where `mask` bool [N] holds, drawn."""
    draws = jnp.where(mask, jax.random.uniform(rng, mask.shape), 2.0)
    rank = jnp.argsort(jnp.argsort(draws))
    return mask & (rank < count)
