"""From a detector's boxes to those that a scene graph is told of.

Source: STTran's evaluation of detected boxes. Nothing in it depends on what a net learns.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign.input.scenes import pairs

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Detected:
    """Boxes of many frames, flat.

    Attributes:
      frames: int [N], not decreasing.
      boxes: float32 [N, 4], x1, y1, x2, y2.
      distribution: float32 [N, C - 1], a score for every class but the background.
      labels: int [N], the class from 1 that each came with; the best where a box came twice.
      source: int [N], which of the detector's boxes each is.
    """

    frames: Array
    boxes: Array
    distribution: Array
    labels: Array
    source: Array

    def __getitem__(self, which: Array) -> "Detected":
        rows = (self.frames, self.boxes, self.distribution, self.labels, self.source)
        return Detected(*(values[which] for values in rows))


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Boxes with one class each, and the person of every frame.

    Attributes:
      detected: the boxes.
      labels, scores: int and float32 [N].
      persons: int, a box of each frame that has boxes.
    """

    detected: Detected
    labels: Array
    scores: Array
    persons: Array

    @property
    def pairs(self) -> Array:
        """int [P, 2]: every frame's person with its objects."""
        return pairs.of_persons(self.detected.frames, self.labels, self.persons)


def choose(
    frames: Array,
    boxes: Array,
    distribution: Array,
    doubled: Sequence[int] = (),
    threshold: float = 0.6,
    labels: Array | None = None,
) -> Chosen:
    """The boxes that relations are told of.

    Args:
      frames, boxes, distribution: as `Detected` has them.
      doubled: classes whose boxes are also taken for their second best class, in this order;
        Action Genome's are (5, 8, 17): book, chair, food.
      threshold: overlap from which the worse of two boxes of a class goes.
      labels: int [N], the classes that decide which boxes are doubled, where others than the best
        of the distribution do: a detector's, of boxes that were classified anew.
    """
    came = best_classes(distribution) if labels is None else labels
    found = Detected(frames, boxes, distribution, came, np.arange(len(frames)))
    for label in doubled:
        found = doubt(found, label)
    found = best_of_classes(found, threshold)
    scores, told = found.distribution[:, 1:].max(1), best_classes(found.distribution[:, 1:]) + 1
    persons = pairs.best_of_frames(found.frames, found.distribution[:, 0])
    told[persons] = pairs.PERSON
    scores[persons] = found.distribution[persons, 0]
    return Chosen(found, told, scores, persons)


def best_classes(distribution: Array) -> Array:
    """float [N, K] -> int [N]: the best column, from 1."""
    found: Array = distribution.argmax(1) + 1
    return found


def doubt(boxes: Detected, label: int) -> Detected:
    """The boxes, and behind those of every frame its boxes of a class as if it were not theirs."""
    again = boxes[boxes.labels == label]
    # Only here are scores of the class 0, so that the next best class is told.
    again.distribution[:, label - 1] = 0
    frames = np.concatenate([boxes.frames, again.frames])
    joined = Detected(
        frames,
        np.concatenate([boxes.boxes, again.boxes]),
        np.concatenate([boxes.distribution, again.distribution]),
        np.concatenate([boxes.labels, best_classes(again.distribution)]),
        np.concatenate([boxes.source, again.source]),
    )
    return joined[np.argsort(frames, kind="stable")]


def best_of_classes(boxes: Detected, threshold: float) -> Detected:
    """What is left where boxes of a frame and class overlap, by frame, class and score."""
    scores = boxes.distribution.max(1)
    groups = boxes.frames * (boxes.distribution.shape[1] + 1) + best_classes(boxes.distribution)
    kept = suppress(boxes.boxes, scores, groups, threshold)
    order = np.lexsort((-scores, groups))
    return boxes[order[kept[order]]]


def suppress(
    boxes: Array,
    scores: Array,
    groups: Array,
    threshold: float,
    *,
    extra: float = 1.0,
    inclusive: bool = False,
) -> Array:
    """Non-maximum suppression of many groups of boxes at once.

    The original's own has pixels (`extra` 1); its build for CPUs lets a box go at the threshold
    too (`inclusive`). torchvision's has corners (`extra` 0).

    Args:
      boxes: float [N, 4].
      scores: float [N]; of equal ones the earlier box is the better.
      groups: int [N]; boxes of different groups do not touch each other.
      threshold: overlap above which the worse of two boxes goes.

    Returns:
      bool [N]: the box stays.
    """
    order = np.lexsort((-scores, groups))
    names, rows = np.unique(groups[order], return_inverse=True)
    place = pairs.places(rows)
    shape = len(names), int(place.max(initial=-1)) + 1
    padded = pairs.padded(boxes[order], rows, place, shape, 0)
    kept = pairs.padded(np.ones(len(order), bool), rows, place, shape, False)
    # A box can only be let go by a better one that stays: place by place, in all groups at once.
    for i in range(shape[1] - 1):
        overlap = pairs.iou(padded[:, i : i + 1], padded[:, i + 1 :], extra)
        gone = overlap >= threshold if inclusive else overlap > threshold
        kept[:, i + 1 :] &= ~(gone & kept[:, i : i + 1])
    found = np.empty(len(order), bool)
    found[order] = kept[rows, place]
    return found
