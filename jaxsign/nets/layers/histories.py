"""What was told before of a thing of the same class: pairs of a video by class and frame.

Source: the public system STKET, which walks through a video pair by pair. One pair of a frame
stands for its class: the last of it, or the one whose object is surest (the first of equal ones).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
GAP = 2  # frames back, at most, from one to the one before it


class History(NamedTuple):
    """The pairs that stand for a pair's class, now and before.

    Attributes:
      places: int32 [B, F, Q, W], among the F Q pairs of the video; the first is of the same frame.
      there: bool [B, F, Q, W]; the first always is.
    """

    places: Array
    there: Array


def history(
    labels: Array, real: Array, classes: int, length: int, scores: Array | None = None
) -> History:
    """Every pair's history, at most `length` frames long, its own frame among them.

    Args:
      labels: int [B, F, Q], of the objects, below `classes`.
      real: bool [B, F, Q].
      classes: how many there are.
      length: of a history, 1 or more.
      scores: float [B, F, Q], of the objects: the surest stands for its class, of its own frame as
        far as the pairs up to a pair itself; None: every pair stands for itself, and the last one
        of a frame for later frames.
    """
    frames, count = labels.shape[1:]
    of_class = (labels[..., None] == jnp.arange(classes)) & real[..., None]
    own = jnp.broadcast_to(jnp.arange(count), labels.shape)
    if scores is None:
        last = jnp.where(of_class, own[..., None], -1).max(2)
    else:
        same = (labels[..., :, None] == labels[..., None, :]) & real[..., None, :]
        so_far = same & jnp.tri(count, dtype=bool)
        own = jnp.where(so_far, scores[..., None, :], -1).argmax(-1)
        last = jnp.where(of_class, scores[..., None], -1).argmax(2)
    before, standing = _before(of_class.any(2)), last.reshape(len(labels), -1)
    frame = jnp.broadcast_to(jnp.arange(frames)[:, None], labels.shape)
    places, there = [frame * count + own], [jnp.ones(labels.shape, bool)]
    for _ in range(length - 1):
        frame = _of(before.reshape(len(labels), -1), jnp.maximum(frame, 0) * classes + labels)
        frame = jnp.where(there[-1], frame, -1)
        there.append(frame >= 0)
        known = jnp.maximum(frame, 0)
        places.append(known * count + _of(standing, known * classes + labels))
    return History(jnp.stack(places, -1), jnp.stack(there, -1))


def _before(there: Array) -> Array:
    """there: bool [B, F, C], in which frames a class is -> int [B, F, C], the frame before; -1."""
    frame = jnp.arange(there.shape[1])[:, None]
    found = jnp.full(there.shape, -1)
    for gap in range(GAP, 0, -1):
        earlier = jnp.pad(there, ((0, 0), (gap, 0), (0, 0)))[:, : there.shape[1]]
        found = jnp.where(earlier, frame - gap, found)
    return found


def _of(table: Array, index: Array) -> Array:
    """table: [B, N], index: int [B, F, Q] -> [B, F, Q]."""
    flat = index.reshape(len(index), -1)
    return jnp.take_along_axis(table, flat, axis=1).reshape(index.shape)


def gathered(values: Array, places: Array) -> Array:
    """values: [B, F, Q, ...], places: int [B, F, Q, ...] among the F Q pairs -> both axes' values.

    The result is [*places.shape, ...].
    """
    inner = values.shape[3:]
    flat = values.reshape(len(values), -1, *inner)
    index = places.reshape(len(places), -1, *[1] * len(inner))
    return jnp.take_along_axis(flat, index, axis=1).reshape(*places.shape, *inner)
