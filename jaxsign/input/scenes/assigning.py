"""What a detector found of the boxes that are true, to learn relations from its boxes.

Source: STTran's training on detected boxes.
"""

import dataclasses

import numpy as np

from jaxsign.input.scenes import pairs

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Boxes:
    """Boxes of many frames, flat.

    Attributes:
      frames: int [N], not decreasing.
      boxes: float32 [N, 4], x1, y1, x2, y2.
      labels: int [N].
    """

    frames: Array
    boxes: Array
    labels: Array


@dataclasses.dataclass(frozen=True)
class Assigned:
    """Which box stands for which true one.

    Attributes:
      labels: int [N], the class of every detected box; 0, the background, where it is no true
        one's.
      found: int [T], the detected box that stands for each true one; -1 = none.
    """

    labels: Array
    found: Array


def assign(
    detected: Boxes, truth: Boxes, threshold: float = 0.5, *, parity: bool = False
) -> Assigned:
    """Finds a detected box for every true one.

    A true box takes the one that overlaps it most, if by more than the threshold; where an earlier
    one of its frame has that already, the next best that is free, however little it overlaps. The
    box then is of the true one's class, whichever true one it overlaps most.

    Args:
      detected: what was found; its labels are not looked at.
      truth: a frame's person comes before its objects.
      threshold: an overlap that is not enough.
      parity: as the original: a person's box stays of the class of the true one that it overlaps
        most, which may be an object; and where no box is free the best is taken once more.
    """
    names, rows = np.unique(truth.frames, return_inverse=True)
    place = pairs.places(rows)
    shape = len(names), int(place.max(initial=-1)) + 1
    wanted, box = pairs.together(truth.frames, detected.frames)
    overlap = pairs.iou(truth.boxes[wanted], detected.boxes[box])
    of_frame = pairs.places(detected.frames)
    width = int(of_frame.max(initial=0)) + 1
    table = np.full((*shape, width), -1.0)
    table[rows[wanted], place[wanted], of_frame[box]] = overlap
    labels = _best(detected, truth, wanted, box, overlap, threshold)
    numbers = np.full((shape[0], width), -1)
    numbers[rows[wanted], of_frame[box]] = box
    known = pairs.padded(truth.labels, rows, place, shape, 0)
    found = np.full(shape, -1)
    free = numbers >= 0
    every = np.arange(shape[0])
    # True boxes choose one after the other, in all frames at once.
    for i in range(shape[1]):
        open_to = np.where(free, table[:, i], -1.0)
        best, next_best = table[:, i].argmax(1), open_to.argmax(1)
        takes, there = table[every, i, best] > threshold, open_to[every, next_best] >= 0
        if parity:
            next_best = np.where(there, next_best, best)
        else:
            takes &= there
        found[takes, i] = numbers[takes, next_best[takes]]
        free[every[takes], next_best[takes]] = False
        if i or not parity:
            labels[found[takes, i]] = known[takes, i]
    return Assigned(labels, found[rows, place])


def _best(
    detected: Boxes, truth: Boxes, wanted: Array, box: Array, overlap: Array, threshold: float
) -> Array:
    """int [N]: the class of the true box that each detected one overlaps most."""
    labels = np.zeros(len(detected.frames), truth.labels.dtype)
    order = np.lexsort((-wanted, overlap))  # the last one written counts: the most, the first
    order = order[overlap[order] > threshold]
    labels[box[order]] = truth.labels[wanted[order]]
    return labels


@dataclasses.dataclass(frozen=True)
class Supplied:
    """Detected boxes and, behind those of every frame, the true ones that were not found.

    Attributes:
      boxes: with the classes to be learned.
      source: int [N'], which detected box each is; -1: none.
      missing: int [N'], which true box each is that was not found; -1: it was detected.
      places: int [T], which of the boxes stands for each true one.
    """

    boxes: Boxes
    source: Array
    missing: Array
    places: Array


def supply(detected: Boxes, truth: Boxes, threshold: float = 0.5) -> Supplied:
    """Detected boxes, completed by the true ones that were not found; see `assign`."""
    assigned = assign(detected, truth, threshold)
    lost = np.flatnonzero(assigned.found < 0)
    count = len(detected.frames)
    frames = np.concatenate([detected.frames, truth.frames[lost]])
    order = np.argsort(frames, kind="stable")
    boxes = Boxes(
        frames[order],
        np.concatenate([detected.boxes, truth.boxes[lost]])[order],
        np.concatenate([assigned.labels, truth.labels[lost]])[order],
    )
    where = np.empty(len(order), int)
    where[order] = np.arange(len(order))
    places = assigned.found.copy()
    places[lost] = count + np.arange(len(lost))
    source = np.where(order < count, order, -1)
    missing = np.full(len(order), -1)
    missing[where[count:]] = lost
    return Supplied(boxes, source, missing, where[places])
