"""Recall of relations as STTran's evaluator counts it: frame by frame, in numpy."""

import functools

import numpy as np

from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks.scenes import recall

Array = np.ndarray
_LISTED = 100  # candidates of a frame without constraint


def recalls(
    told: recall.Answers, truth: recall.Truth, words: Vocabulary, constraint: recall.Constraint
) -> Array:
    """float [K]: R@K, the mean over frames that have a true relation."""
    rows = []
    for frame in range(truth.length):
        ours, true = np.flatnonzero(told.frames == frame), np.flatnonzero(truth.frames == frame)
        if truth.relations[true].any():
            rows.append(_of_frame(told, truth, words, constraint, ours, true))
    return np.mean(rows, axis=0)


def _of_frame(
    told: recall.Answers,
    truth: recall.Truth,
    words: Vocabulary,
    constraint: recall.Constraint,
    ours: Array,
    true: Array,
) -> list[float]:
    pairs, predicates, sure = _candidates(told, words, constraint, ours)
    order = np.argsort(sure)[::-1]
    guesses = _triplets(told.labels, told.boxes, pairs[order], predicates[order])
    pair, predicate = np.nonzero(truth.relations[true])
    wanted = _triplets(truth.labels, truth.boxes, truth.pairs[true][pair], predicate)
    matches = _matches(*wanted, *guesses)
    found: list[Array] = [np.asarray(one, int) for one in matches]
    empty = np.zeros(0, int)
    hits = [functools.reduce(np.union1d, found[:cut], empty) for cut in recall.CUTS]
    return [len(hit) / len(pair) for hit in hits]


def _candidates(
    told: recall.Answers, words: Vocabulary, constraint: recall.Constraint, rows: Array
) -> tuple[Array, Array, Array]:
    """Pairs [n, 2], predicates [n] and scores [n]; a row of scores is a pair's of one group."""
    parts = words.parts
    wide = np.zeros((len(parts) * len(rows), told.relations.shape[1]), np.float32)
    for number, part in enumerate(parts):
        wide[number * len(rows) : (number + 1) * len(rows), part] = told.relations[rows, part]
    pairs = np.tile(told.pairs[rows], (len(parts), 1))
    both = told.scores[pairs].prod(1)
    if constraint == "with":
        return pairs, wide.argmax(1), both * wide.max(1)
    if constraint == "no":
        sure = both[:, None] * wide
        best = np.argsort(sure.ravel())[::-1][:_LISTED]
        row, predicate = np.unravel_index(best, sure.shape)
        return pairs[row], predicate, sure[row, predicate]
    listed = list[tuple[int, int]]()
    kinds = np.repeat([group.kind for group in words.groups], len(rows))
    for number, (kind, scores) in enumerate(zip(kinds, wide, strict=True)):
        told_here = [scores.argmax()] if kind == "one" else np.flatnonzero(scores > recall.SURE)
        listed += [(number, int(predicate)) for predicate in told_here]
    row, predicate = np.array(listed, int).reshape(-1, 2).T
    return pairs[row], predicate, both[row] * wide[row, predicate]


def _triplets(labels: Array, boxes: Array, pairs: Array, predicates: Array) -> tuple[Array, Array]:
    """int [n, 3], class, predicate and class, and float [n, 8], both boxes."""
    first, second = labels[pairs].T
    return np.column_stack((first, predicates, second)), boxes[pairs].reshape(-1, 8)


def _matches(triplets: Array, boxes: Array, told: Array, told_boxes: Array) -> list[list[int]]:
    """Of every candidate the true relations that it tells."""
    same = (triplets[..., None] == told.T[None]).all(1)
    found: list[list[int]] = [[] for _ in range(len(told))]
    for number in np.flatnonzero(same.any(1)):
        kept = np.flatnonzero(same[number])
        near = [
            _overlaps(boxes[number, part], told_boxes[kept][:, part]) >= recall.OVERLAP
            for part in (slice(0, 4), slice(4, 8))
        ]
        for candidate in kept[near[0] & near[1]]:
            found[candidate].append(int(number))
    return found


def _overlaps(box: Array, others: Array) -> Array:
    """Intersection over union of a box with others, [n, 4] -> [n], the last pixel counted."""
    box, others = box.astype(float), others.astype(float)
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]) + 1
    both = np.maximum(sides, 0).prod(1)
    areas = [(one[..., 2:] - one[..., :2] + 1).prod(-1) for one in (box, others)]
    shares: Array = both / (areas[0] + areas[1] - both)
    return shares
