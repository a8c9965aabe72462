"""Recall of relations, beside plain loops over frames, candidates and true relations."""

import numpy as np
import pytest

from jaxsign.input.scenes.vocabulary import Group, Vocabulary
from jaxsign.tasks.scenes import recall

WORDS = Vocabulary(
    ("__background__", "person", "cup", "bag", "bed"),
    (
        Group("looks", ("at", "away"), "one"),
        Group("place", ("above", "below", "beside"), "several", reversed=True),
        Group("touch", ("holds", "wears"), "several"),
    ),
)
_PARTS = ((0, 2), (2, 5), (5, 7))


def _iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    both = max(width, 0) * max(height, 0)
    return both / (sum((c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)) - both)


def _candidates(told, frame, constraint):
    """(score, subject, predicate, object) of a frame in the order of the rule."""
    rows = []
    for group, (start, end) in zip(WORDS.groups, _PARTS, strict=True):
        for p in np.flatnonzero(told.frames == frame):
            scores = told.relations[p, start:end]
            chosen = [int(scores.argmax())]
            if constraint == "no":
                chosen = list(range(end - start))
            elif constraint == "semi" and group.kind == "several":
                chosen = [k for k, s in enumerate(scores) if s > 0.9]
            person, thing = told.pairs[p]
            ends = (thing, person) if group.reversed else (person, thing)
            sure = np.float64(told.scores[person]) * np.float64(told.scores[thing])
            rows += [(sure * scores[k], ends[0], start + k, ends[1]) for k in chosen]
    order = sorted(range(len(rows)), key=lambda i: (-rows[i][0], -i))
    return [rows[i] for i in order]


def _by_loops(told, truth, constraint, cut):
    """Every frame's share, and hits of predicates and of objects."""
    shares, hits, objects = [], np.zeros(7, int), np.zeros(5, int)
    for frame in range(truth.length):
        best, right, count = _candidates(told, frame, constraint)[:cut], 0, 0
        for p in np.flatnonzero(truth.frames == frame):
            for r in np.flatnonzero(truth.relations[p]):
                person, thing = truth.pairs[p]
                count += 1
                ends = (thing, person) if 2 <= r < 5 else (person, thing)
                if any(_tells(told, truth, row, ends, r) for row in best):
                    right += 1
                    hits[r] += 1
                    objects[truth.labels[thing]] += 1
        shares.append(right / count if count else np.nan)
    return np.array(shares), hits, objects


def _tells(told, truth, row, ends, predicate):
    boxes = list(zip(ends, (row[1], row[3]), strict=True))
    same = all(truth.labels[a] == told.labels[b] for a, b in boxes) and row[2] == predicate
    return same and all(_iou(truth.boxes[a], told.boxes[b]) >= 0.5 for a, b in boxes)


def _made(seed, length=6, boxes=5):
    """Frames of a person and things; some have no pair, and scores are often equal."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 100, (length, boxes, 2))
    true = np.concatenate([corner, corner + rng.uniform(20, 60, (length, boxes, 2))], -1)
    labels = rng.integers(2, 5, (length, boxes))
    labels[:, 0] = 1
    seen = np.where(rng.random((length, boxes)) < 0.8, labels, rng.integers(2, 5, labels.shape))
    seen[:, 0] = 1
    frames = np.repeat(np.arange(length), boxes - 1)
    things = np.tile(np.arange(1, boxes), length)
    both = np.stack([frames * boxes, frames * boxes + things], 1)
    relations = rng.random((len(both), 7)) < 0.3
    relations[frames == 3] = False  # a frame without a true relation
    scores = rng.choice(np.linspace(0.5, 1, 4), (length, boxes)).astype(np.float32)
    # Things are told in another order, twice some of them, and none in frame 1.
    picked = np.sort(rng.integers(0, len(both), 2 * len(both)))
    picked = picked[frames[picked] != 1]
    told = recall.Answers(
        (true + rng.normal(0, 4, true.shape)).reshape(-1, 4).astype(np.float32),
        seen.reshape(-1),
        scores.reshape(-1),
        both[picked],
        frames[picked],
        rng.choice(np.linspace(0, 1, 12), (len(picked), 7)).astype(np.float32),
    )
    flat = true.reshape(-1, 4).astype(np.float32)
    truth = recall.Truth(flat, labels.reshape(-1), both, frames, relations, length)
    return told, truth


@pytest.mark.parametrize("constraint", recall.CONSTRAINTS)
def test_recall_is_that_of_loops_over_frames_and_candidates(constraint):
    cuts = (1, 3, 10, 40)
    for seed in range(4):
        told, truth = _made(seed)
        found = recall.ranks(told, truth, WORDS, constraint)
        sums = recall.count(found, truth, WORDS, cuts)
        for i, cut in enumerate(cuts):
            shares, hits, objects = _by_loops(told, truth, constraint, cut)
            np.testing.assert_allclose(recall.per_frame(found, truth, cut), shares)
            assert recall.recall(sums)[i] == pytest.approx(np.nanmean(shares))
            np.testing.assert_array_equal(sums["hits"][i], hits)
            np.testing.assert_array_equal(sums["object_hits"][i], objects)
        assert sums["hits"][-1].sum() > sums["hits"][0].sum()
        assert sums["frames"] == truth.length - 1  # of frame 3 nothing is true


def test_products_that_float32_would_take_for_equal_are_told_apart():
    boxes = np.array([[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], np.float32)
    scores = np.array([1, 0.456, 0.304], np.float32)
    sure = np.zeros((2, 7), np.float32)
    sure[:, 0] = 0.658, 0.987
    assert scores[1] * sure[0, 0] == scores[2] * sure[1, 0]
    pairs, frames = np.array([[0, 1], [0, 2]]), np.zeros(2, int)
    told = recall.Answers(boxes, np.array([1, 2, 2]), scores, pairs, frames, sure)
    truth = recall.Truth(boxes, told.labels, pairs, frames, sure > 0, 1)
    assert recall.ranks(told, truth, WORDS, "with")[:, 0].tolist() == [0, 1]


def test_sums_of_parts_add_up_to_those_of_the_whole():
    told, truth = _made(0)
    parts = []
    for frames in ([0, 1], [2, 3, 4, 5]):
        ours, theirs = np.isin(told.frames, frames), np.isin(truth.frames, frames)
        part = recall.Answers(
            told.boxes, told.labels, told.scores, told.pairs[ours], told.frames[ours],
            told.relations[ours],
        )  # fmt: skip
        true = recall.Truth(
            truth.boxes, truth.labels, truth.pairs[theirs], truth.frames[theirs],
            truth.relations[theirs], truth.length,
        )  # fmt: skip
        parts.append(recall.count(recall.ranks(part, true, WORDS, "no"), true, WORDS))
    whole = recall.count(recall.ranks(told, truth, WORDS, "no"), truth, WORDS)
    for name, value in whole.items():
        np.testing.assert_allclose(parts[0][name] + parts[1][name], value, err_msg=name)


def test_the_worked_example_of_one_pair():
    boxes = np.array([[0, 0, 9, 19], [5, 5, 14, 14]], np.float32)
    labels, pair = np.array([1, 2]), np.array([[0, 1]])
    true = np.array([[1, 0, 0, 1, 1, 0, 1]], bool)  # at; below, beside; wears
    sure = np.array([[0.6, 0.4, 0.95, 0.92, 0.1, 0.3, 0.5]], np.float32)
    told = recall.Answers(boxes, labels, np.ones(2, np.float32), pair, np.zeros(1, int), sure)
    truth = recall.Truth(boxes, labels, pair, np.zeros(1, int), true, 1)

    def at(constraint, cut):
        return recall.per_frame(recall.ranks(told, truth, WORDS, constraint), truth, cut)[0]

    # above, at, wears: two of four are true. Above and below are both surer than 0.9.
    assert [at("with", cut) for cut in (1, 2, 3)] == [0, 0.25, 0.5]
    assert [at("semi", cut) for cut in (1, 2, 3)] == [0, 0.25, 0.5]
    assert [at("no", cut) for cut in (1, 2, 4, 7)] == [0, 0.25, 0.75, 1]
    ranks = recall.ranks(told, truth, WORDS, "semi")
    assert ranks[0].tolist()[:5] == [2, recall.NEVER, 0, 1, recall.NEVER]
    sums = recall.count(recall.ranks(told, truth, WORDS, "with"), truth, WORDS, (3,))
    assert recall.mean_recall(sums)[0] == pytest.approx(2 / 7)
    np.testing.assert_array_equal(
        recall.per_predicate(sums)[0], [1, np.nan, np.nan, 0, 0, np.nan, 1]
    )
    np.testing.assert_array_equal(recall.per_object(sums)[0], [np.nan] * 2 + [0.5] + [np.nan] * 2)


def test_without_any_candidate_nothing_is_found_and_without_truth_there_is_no_number():
    _, truth = _made(0)
    nothing, row = np.zeros((0, 4), np.float32), np.zeros(0, int)
    told = recall.Answers(nothing, row, row, np.zeros((0, 2), int), row, np.zeros((0, 7)))
    for constraint in recall.CONSTRAINTS:
        sums = recall.count(recall.ranks(told, truth, WORDS, constraint), truth, WORDS)
        assert recall.recall(sums).tolist() == [0, 0, 0, 0]
    none = recall.Truth(nothing, row, np.zeros((0, 2), int), row, np.zeros((0, 7), bool), 2)
    sums = recall.count(recall.ranks(told, none, WORDS, "no"), none, WORDS)
    assert np.isnan(recall.recall(sums)).all()
