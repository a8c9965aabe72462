"""Boxes x1, y1, x2, y2: moved by what a net tells, kept within an image, compared, let go.

Source: the first Faster R-CNN, whose boxes reach to the end of their last pixel.
"""

import math

import jax
import jax.numpy as jnp

Array = jax.Array
# How boxes are compared -> what is added to every side.
LEGACY, TORCHVISION = "legacy", "torchvision"
KINDS = {LEGACY: 1.0, TORCHVISION: 0.0}
_LN2 = 0.693359375, -2.12194440054690583e-4
_SERIES = [1 / math.factorial(n) for n in range(9, 1, -1)]
_WIDEST = 87.0


def moved(boxes: Array, deltas: Array) -> Array:
    """Boxes as a net changes them.

    Args:
      boxes: float [..., 4].
      deltas: float [..., 4]: the centre's way in sides of the box, and logarithms of the factors
        of its sides.

    Returns:
      float32 [..., 4], of the shape that both spread to.
    """
    boxes, deltas = boxes.astype(jnp.float32), deltas.astype(jnp.float32)
    sides = boxes[..., 2:] - boxes[..., :2] + 1
    centre = boxes[..., :2] + 0.5 * sides
    centre = deltas[..., :2] * sides + centre
    # The new box is as wide as told without a pixel more: so the original's are.
    reach = 0.5 * (_exp(deltas[..., 2:]) * sides)
    return jnp.concatenate([centre - reach, centre + reach], axis=-1)


def deltas(boxes: Array, wanted: Array) -> Array:
    """What moves boxes to others: the inverse of `moved`, but for a pixel of these others' sides.

    Args:
      boxes, wanted: float [..., 4], of shapes that fit each other.

    Returns:
      float32 [..., 4]: what a net is to tell of each.
    """
    (sides, centre), (others, to) = (_sides_and_centre(one) for one in (boxes, wanted))
    return jnp.concatenate([(to - centre) / sides, jnp.log(others / sides)], axis=-1)


def _sides_and_centre(boxes: Array) -> tuple[Array, Array]:
    boxes = boxes.astype(jnp.float32)
    sides = boxes[..., 2:] - boxes[..., :2] + 1
    return sides, boxes[..., :2] + 0.5 * sides


def _exp(x: Array) -> Array:
    """float32 -> float32, with the last bit of torch's but for one number in twenty.

    XLA's own is a bit off for one in ten, and a bit of a wide box is more than boxes may differ.
    """
    twos = jnp.clip(jnp.round(x * math.log2(math.e)), -126, 127)
    # ln 2 in two parts, the first of so few bits that its products are exact.
    rest = (x - twos * _LN2[0]) - twos * _LN2[1]
    series = jnp.polyval(jnp.asarray(_SERIES, jnp.float32), rest) * rest * rest
    # The barrier keeps a compiler from finding that what is lost is nothing.
    whole = jax.lax.optimization_barrier(1 + rest)
    lost = rest - (whole - 1)
    power = jax.lax.bitcast_convert_type((twos.astype(jnp.int32) + 127) << 23, jnp.float32)
    found = (whole + (lost + series)) * power
    return jnp.where(jnp.abs(x) < _WIDEST, found, jnp.exp(x))


def clipped(boxes: Array, image_sizes: Array) -> Array:
    """Boxes within their image.

    Args:
      boxes: float [F, ..., 4].
      image_sizes: int or float [F, 2], heights and widths: the last pixels are one less.

    Returns:
      float [F, ..., 4].
    """
    last = jnp.flip(image_sizes, -1).astype(boxes.dtype) - 1  # x, y
    last = jnp.tile(last, 2).reshape(len(boxes), *[1] * (boxes.ndim - 2), 4)
    return jnp.clip(boxes, 0, last)


def overlap(first: Array, second: Array, kind: str = LEGACY) -> Array:
    """Intersection over union: float [..., 4] and [..., 4] -> [...].

    Args:
      first, second: of shapes that fit each other.
      kind: 'legacy': sides are a pixel longer than corners are apart; 'torchvision': they are not.
    """
    extra = KINDS[kind]
    low = jnp.maximum(first[..., :2], second[..., :2])
    high = jnp.minimum(first[..., 2:], second[..., 2:])
    both = _product(jnp.maximum(high - low + extra, 0))
    areas = [_product(boxes[..., 2:] - boxes[..., :2] + extra) for boxes in (first, second)]
    return both / (areas[0] + areas[1] - both)


def _product(sides: Array) -> Array:
    return sides[..., 0] * sides[..., 1]


def best(
    boxes: Array, real: Array, threshold: float, count: int, kind: str = LEGACY
) -> tuple[Array, Array]:
    """Non-maximum suppression: the first boxes that no better one that stays overlaps too much.

    What is asked for are a few boxes of thousands: each round takes the best that is left and
    lets go what it overlaps, so that there are as many rounds as boxes asked for.

    Args:
      boxes: float [F, N, 4], the best first; of equally good ones the earlier is the better.
      real: bool [F, N], False = there is no box.
      threshold: overlap of which the worse of two boxes goes: from it on ('legacy', as the
        original's own build for a CPU) or above it ('torchvision').
      count: boxes that are kept at most.
      kind: of `overlap`.

    Returns:
      int32 [F, count], places of those that stay, in order, and bool [F, count], where there is
      one; the places behind these are 0.
    """
    numbers = jnp.arange(boxes.shape[1])

    def take(left: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        place, found = jnp.argmax(left, axis=1), left.any(1)
        taken = jnp.take_along_axis(boxes, place[:, None, None], axis=1)
        shared = overlap(taken, boxes, kind)
        gone = shared >= threshold if kind == LEGACY else shared > threshold
        return left & ~gone & (numbers != place[:, None]), (place, found)

    if not boxes.shape[1]:
        empty = jnp.zeros((len(boxes), count), jnp.int32)
        return empty, empty > 0
    _, (places, found) = jax.lax.scan(take, real, length=count)
    return jnp.where(found, places, 0).T.astype(jnp.int32), found.T
