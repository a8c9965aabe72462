"""Boxes of many frames at once, flat: which are a frame's, which make pairs, how they overlap.

Every box has the number of its frame; boxes of a frame stand behind each other. Nothing here goes
through frames or pairs one by one.
"""

import numpy as np

Array = np.ndarray
PERSON = 1  # the class of persons; 0 is the background


def iou(first: Array, second: Array, extra: float = 1.0) -> Array:
    """Intersection over union of boxes x1, y1, x2, y2: [..., 4], [..., 4] -> [...].

    It is 0 of two boxes without any area.

    Args:
      first, second: of shapes that fit each other.
      extra: added to every width and height: 1 where a box reaches to the end of its last pixel, 0
        where its corners are points.
    """
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    both = np.maximum(high - low + extra, 0).prod(-1)
    either = areas(first, extra) + areas(second, extra) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def areas(boxes: Array, extra: float = 1.0) -> Array:
    """[..., 4] -> [...]."""
    found: Array = (boxes[..., 2:] - boxes[..., :2] + extra).prod(-1)
    return found


def around(boxes: Array) -> Array:
    """The box around both of every pair: [..., 2, 4] -> [..., 4]."""
    return np.concatenate([boxes[..., :2].min(-2), boxes[..., 2:].max(-2)], axis=-1)


def places(frames: Array) -> Array:
    """int [N]: which of its frame each box is, from 0; `frames`: int [N], not decreasing."""
    return np.arange(len(frames)) - np.searchsorted(frames, frames)


def padded(values: Array, rows: Array, places: Array, shape: tuple[int, int], fill: float) -> Array:
    """[N, ...] -> [*shape, ...] with every value in its row and place, `fill` elsewhere."""
    found = np.full((*shape, *values.shape[1:]), fill, values.dtype)
    found[rows, places] = values
    return found


def together(first: Array, second: Array) -> tuple[Array, Array]:
    """Every two things of one frame.

    Args:
      first, second: int [N] and [M], the frame of each thing; `second` does not decrease.

    Returns:
      int [P], int [P]: which of the first and which of the second, in the order of the first.
    """
    start = np.searchsorted(second, first)
    count = np.searchsorted(second, first, side="right") - start
    left = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    return left, start[left] + within


def every_pair(frames: Array) -> Array:
    """int [P, 2]: every two boxes of a frame, the earlier first; `frames`: int [N]."""
    first, second = together(frames, frames)
    return np.stack([first, second], axis=1)[first < second]


def of_persons(frames: Array, labels: Array, persons: Array) -> Array:
    """The pairs of every frame's person with its other boxes, those that are no persons.

    Args:
      frames: int [N], not decreasing.
      labels: int [N].
      persons: int, the box of the person of each frame that has one.

    Returns:
      int [P, 2]: person and object, in the order of the persons and then of the objects.
    """
    person, other = together(frames[persons], frames)
    pairs = np.stack([persons[person], other], axis=1)
    return pairs[(labels[other] != PERSON) & (pairs[:, 0] != pairs[:, 1])]


def best_of_frames(frames: Array, scores: Array) -> Array:
    """int: the box with the highest score of every frame that has boxes; the first of equal ones.

    Args:
      frames: int [N], not decreasing.
      scores: float [N].
    """
    order = np.lexsort((-scores, frames))
    sorted_frames = frames[order]
    return order[np.flatnonzero(np.diff(sorted_frames, prepend=-1))]
