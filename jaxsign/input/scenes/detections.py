"""From what a detector's net tells of its proposals to boxes with one class each.

Source: STTran's detector, as it is used where boxes are not given.
"""

import dataclasses

import numpy as np

from jaxsign.input.scenes import detected, pairs

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class FoundBoxes:
    """Boxes of many frames, flat: by frame, class and score.

    Attributes:
      frames: int [N], not decreasing.
      boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the images as they were before scaling.
      labels: int [N], from 1.
      scores: float32 [N].
      source: int [N], the proposal of its frame that each is of: features are the proposal's.
    """

    frames: Array
    boxes: Array
    labels: Array
    scores: Array
    source: Array


def found(
    class_boxes: Array,
    scores: Array,
    valid: Array,
    scale: float | Array,
    *,
    least: float = 0.1,
    overlap: float = 0.4,
    extra: float = 1.0,
    single: int | None = pairs.PERSON,
) -> FoundBoxes:
    """The boxes of every class that are likely and do not overlap better ones of it.

    Args:
      class_boxes: float [F, N, C, 4], in pixels of the scaled images.
      scores: float [F, N, C].
      valid: bool [F, N], which proposals there are.
      scale: how much larger the images were made; of all, or float [F].
      least: a score that is not enough; m3sgg's is 0.01.
      overlap: above which the worse of two boxes of a class goes.
      extra: of `detected.suppress`: 1, or 0 as m3sgg has it.
      single: of this class only the likeliest box of a frame is taken; None: there is no such.
    """
    likely = (scores > least) & valid[..., None]
    likely[..., 0] = False  # the background
    frames, labels, source = np.nonzero(np.moveaxis(likely, 2, 1))
    at = frames, source, labels
    larger = np.broadcast_to(np.asarray(scale, np.float32), len(scores))[frames, None]
    boxes = np.asarray(class_boxes[at] / larger, np.float32)
    sure = scores[at]
    groups = frames * scores.shape[2] + labels
    kept = detected.suppress(boxes, sure, groups, overlap, extra=extra)
    order = np.lexsort((-sure, groups))
    order = order[kept[order]]
    first = np.r_[True, np.diff(groups[order]) > 0][: len(order)]
    if single is not None:
        order = order[first | (labels[order] != single)]
    return FoundBoxes(frames[order], boxes[order], labels[order], sure[order], source[order])
