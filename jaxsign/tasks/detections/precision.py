"""Average precision of boxes, counted so that the counts of many images add up.

Boxes are matched as COCO's evaluation does it; scores fall into bins of a thousandth, so that a
number may differ from COCO's in the third digit. `jaxsign evaluate` tells COCO's own.
"""

from collections.abc import Mapping

import numpy as np

from jaxsign.input.scenes import pairs
from jaxsign.input.scenes.detections import FoundBoxes

Array = np.ndarray
TRUE = ("true_boxes", "true_labels", "valid_true", "ignored")
OVERLAPS = np.linspace(0.5, 0.95, 10)
_BINS = 1000
_RECALLS = np.linspace(0, 1, 101)


def count(found: FoundBoxes, true: Mapping[str, Array], classes: int) -> dict[str, Array]:
    """Hits and misses of the boxes of some images.

    Args:
      found: boxes of F frames, by frame, class and score.
      true: `TRUE` of these frames, as `BoxExamples` has them.
      classes: C, with the background.

    Returns:
      `right` and `told` float64 [T, C, bins], boxes of `found` by score, those that are right and
      all that count, for every overlap of `OVERLAPS`; `true` float64 [C].
    """
    right = np.zeros((len(OVERLAPS), classes, _BINS))
    told = np.zeros_like(right)
    boxes, labels, valid, ignored = (true[name] for name in TRUE)
    there = np.bincount(labels[valid], minlength=classes).astype(np.float64)
    groups = found.frames * classes + found.labels
    starts = np.r_[0, np.flatnonzero(np.diff(groups)) + 1, len(groups)]
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if first == end:
            continue
        frame, label = int(found.frames[first]), int(found.labels[first])
        same = (labels[frame] == label) & (valid[frame] | ignored[frame])
        bins = np.minimum((found.scores[first:end] * _BINS).astype(int), _BINS - 1)
        given = found.boxes[first:end], boxes[frame][same], ignored[frame][same]
        for row, least in enumerate(OVERLAPS.tolist()):
            hit, counts, _ = matched_places(*given, least)
            right[row, label] += np.bincount(bins[hit], minlength=_BINS)
            told[row, label] += np.bincount(bins[counts], minlength=_BINS)
    return {"right": right, "told": told, "true": there}


def matched_places(
    found: Array, boxes: Array, ignored: Array, least: float
) -> tuple[Array, Array, Array]:
    """Which boxes of one class in one image are right.

    Each takes, the surest first, the true box that it overlaps most of those not yet taken. Where
    there is none and enough of it lies in one that is to be ignored, it does not count.

    Args:
      found: float [N, 4], the surest first.
      boxes: float [M, 4]; ignored: bool [M].
      least: overlap from which a box is on another.

    Returns:
      bool [N], it is right; bool [N], it counts; bool [M], the true box was found.
    """
    right, counts = np.zeros(len(found), bool), np.ones(len(found), bool)
    taken = np.zeros(len(boxes), bool)
    if not len(boxes):
        return right, counts, taken
    shared = pairs.iou(found[:, None], boxes[None], 0.0)
    inside = _inside(found[:, None], boxes[ignored][None])
    for number in range(len(found)):
        free = np.where(taken | ignored, -1, shared[number])
        place = int(free.argmax())
        if free[place] >= least:
            right[number] = taken[place] = True
        elif (inside[number] >= least).any():
            counts[number] = False
    return right, counts, taken


def _inside(boxes: Array, others: Array) -> Array:
    """The share of boxes that lies in others: [..., 4], [..., 4] -> [...]."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    both = np.maximum(high - low, 0).prod(-1)
    return np.asarray(both / np.maximum(pairs.areas(boxes, 0.0), 1e-9))


def average(sums: Mapping[str, Array]) -> Array:
    """float64 [T, C]: average precision; NaN of a class that is nowhere true."""
    right, told = (np.cumsum(sums[name][..., ::-1], axis=-1) for name in ("right", "told"))
    true = sums["true"]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / true[:, None]
        precision = np.where(told > 0, right / told, 0)
    # The best precision of this recall or more, at 101 recalls.
    best = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    found = np.full(right.shape[:2], np.nan)
    for row, label in np.ndindex(found.shape):
        if label and true[label]:
            places = np.searchsorted(recall[row, label], _RECALLS, side="left")
            inside = places < recall.shape[-1]
            values = best[row, label, np.minimum(places, recall.shape[-1] - 1)]
            found[row, label] = np.where(inside, values, 0).mean()
    return found


def means(sums: Mapping[str, Array]) -> dict[str, float]:
    """`ap50`, `ap75` and `ap`, of all classes that are anywhere true; NaN where none is."""
    found = average(sums)
    known = ~np.isnan(found[0])
    if not known.any():
        return dict.fromkeys(("ap50", "ap75", "ap"), float("nan"))
    each = found[:, known].mean(axis=1)
    return {"ap50": float(each[0]), "ap75": float(each[5]), "ap": float(each.mean())}
