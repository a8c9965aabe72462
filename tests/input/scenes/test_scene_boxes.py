"""Boxes of frames: pairs, suppression, and assignment, beside plain loops over them."""

import numpy as np
import pytest

from jaxsign.input.scenes import assigning, detected, pairs


def _iou(a, b, extra=1.0):
    width = min(a[2], b[2]) - max(a[0], b[0]) + extra
    height = min(a[3], b[3]) - max(a[1], b[1]) + extra
    both = max(width, 0) * max(height, 0)
    sizes = [(c[2] - c[0] + extra) * (c[3] - c[1] + extra) for c in (a, b)]
    return both / (sum(sizes) - both)


def _boxes(rng, count, spread=60):
    corner = rng.uniform(0, spread, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 60, (count, 2))], axis=1)


def _frames(rng, count):
    return np.sort(rng.choice([0, 1, 2, 5], count))  # 3 and 4 have no box


def test_the_overlap_of_pixels_is_larger_than_that_of_corners():
    first, second = np.array([0.0, 0, 9, 9]), np.array([5.0, 0, 14, 9])
    assert pairs.iou(first, second) == pytest.approx(50 / 150)
    assert pairs.iou(first, second, extra=0) == pytest.approx(36 / 126)
    assert pairs.iou(first, np.array([20.0, 20, 30, 30])) == 0
    assert pairs.iou(np.zeros(4), np.zeros(4), extra=0) == 0


def test_pairs_are_each_frames_person_with_what_is_no_person():
    frames = np.array([0, 0, 0, 2, 2, 3, 5, 5])
    labels = np.array([7, 1, 4, 1, 9, 3, 1, 1])
    persons = np.array([1, 3, 7])  # frame 3 has none; in frame 5 the other box is a person
    found = pairs.of_persons(frames, labels, persons)
    assert found.tolist() == [[1, 0], [1, 2], [3, 4]]
    every = [[0, 1], [0, 2], [1, 2], [3, 4], [6, 7]]
    assert pairs.every_pair(frames).tolist() == every
    assert pairs.places(frames).tolist() == [0, 1, 2, 0, 1, 0, 0, 1]
    best = pairs.best_of_frames(frames, np.array([0.1, 0.5, 0.5, 0.9, 0.2, 0, 0.1, 0.3]))
    assert best.tolist() == [1, 3, 5, 7]


def test_the_box_around_a_pair():
    both = np.array([[[3.0, 4, 10, 12], [1, 6, 8, 20]]])
    assert pairs.around(both).tolist() == [[1, 4, 10, 20]]


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_suppression_is_that_of_a_loop_over_every_group(extra):
    rng = np.random.default_rng(0)
    boxes, scores = _boxes(rng, 80), rng.choice(np.linspace(0, 1, 20), 80)
    groups = rng.integers(0, 4, 80)
    kept = np.zeros(80, bool)
    for group in range(4):
        own = [i for i in np.argsort(-scores, kind="stable") if groups[i] == group]
        while own:
            best, *own = own
            kept[best] = True
            own = [i for i in own if not _iou(boxes[best], boxes[i], extra) > 0.4]
    found = detected.suppress(boxes, scores, groups, 0.4, extra=extra)
    assert 20 < kept.sum() < 70
    np.testing.assert_array_equal(found, kept)


def test_at_the_threshold_itself_a_box_goes_only_where_it_is_asked_for():
    boxes = np.array([[0.0, 0, 9, 9], [0, 0, 9, 4]])
    scores, groups = np.array([0.9, 0.8]), np.zeros(2, int)
    assert detected.suppress(boxes, scores, groups, 0.5).all()
    assert detected.suppress(boxes, scores, groups, 0.5, inclusive=True).tolist() == [True, False]
    assert detected.suppress(boxes[:0], scores[:0], groups[:0], 0.5).shape == (0,)


def test_chosen_boxes_stand_by_frame_class_and_score_with_one_person_a_frame():
    boxes = np.array([[0.0, 0, 9, 9], [50, 0, 60, 9], [0, 0, 9, 10], [0, 50, 9, 60]], np.float32)
    # Classes 1 (person), 2, 3; the third box overlaps the first and is less sure.
    distribution = np.array(
        [[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1]], np.float32
    )
    frames = np.array([0, 0, 0, 4])
    found = detected.choose(frames, boxes, distribution, doubled=(3,))
    # Doubted, boxes 0 and 2 are of class 2 too, where 2 is the surer one.
    assert found.detected.source.tolist() == [1, 2, 0, 3]
    assert found.detected.frames.tolist() == [0, 0, 0, 4]
    assert found.labels.tolist() == [1, 2, 3, 1]
    np.testing.assert_allclose(found.scores, [0.6, 0.3, 0.7, 0.2])
    assert found.pairs.tolist() == [[0, 1], [0, 2]]
    assert distribution[0, 2] == np.float32(0.7)  # the detector's own is as it was


def test_a_box_is_doubled_by_the_class_that_it_came_with():
    boxes = np.array([[0.0, 0, 9, 9], [50, 0, 60, 9]], np.float32)
    distribution = np.array([[0.1, 0.2, 0.7], [0.2, 0.1, 0.7]], np.float32)
    frames = np.zeros(2, int)
    # The detector took the first for class 2, which an own classifier now takes for class 3.
    found = detected.choose(frames, boxes, distribution, (3,), labels=np.array([2, 3]))
    assert found.detected.source.tolist() == [1, 0, 1]
    again = found.detected.distribution[found.detected.source == 1]
    np.testing.assert_allclose(again, [[0.2, 0.1, 0], [0.2, 0.1, 0.7]])


def _assigned(found, found_frames, truth, truth_frames, classes):
    """The rule, true box by true box."""
    labels, matched = np.zeros(len(found), int), []
    for i, box in enumerate(found):
        ious = [_iou(box, t) if truth_frames[k] == found_frames[i] else -1
                for k, t in enumerate(truth)]  # fmt: skip
        if max(ious) > 0.5:
            labels[i] = classes[int(np.argmax(ious))]
    for k, true in enumerate(truth):
        own = [i for i in range(len(found)) if found_frames[i] == truth_frames[k]]
        ious = {i: _iou(found[i], true) for i in own}
        order = sorted(own, key=lambda i: -ious[i])
        free = [i for i in order if i not in matched]
        if not own or ious[order[0]] <= 0.5 or not free:
            matched.append(-1)
            continue
        labels[free[0]] = classes[k]
        matched.append(free[0])
    return labels, matched


def test_true_boxes_are_assigned_as_by_a_loop_over_them():
    second = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth, truth_frames = _boxes(rng, 16), _frames(rng, 16)
        picked = rng.integers(0, 16, 20)
        order = np.argsort(truth_frames[picked], kind="stable")
        found = (truth[picked] + rng.normal(0, 4, (20, 4)))[order]
        found_frames, classes = truth_frames[picked][order], rng.integers(1, 9, 16)
        labels, matched = _assigned(found, found_frames, truth, truth_frames, classes)
        got = assigning.assign(
            assigning.Boxes(found_frames, found, np.zeros(20, int)),
            assigning.Boxes(truth_frames, truth, classes),
        )
        assert got.found.tolist() == matched
        assert got.labels.tolist() == labels.tolist()
        second += sum(k >= 0 and _iou(found[k], truth[i]) <= 0.5 for i, k in enumerate(matched))
    assert second  # some had to take a box that overlaps them little


def test_a_persons_box_is_a_persons_and_no_box_is_two_things_but_for_parity():
    found = assigning.Boxes(np.zeros(1, int), np.array([[0.0, 0, 19, 19]]), np.zeros(1, int))
    true = np.array([[0.0, 0, 19, 29], [0, 0, 19, 21]])
    truth = assigning.Boxes(np.zeros(2, int), true, np.array([1, 6]))
    got = assigning.assign(found, truth)
    assert (got.labels.tolist(), got.found.tolist()) == ([1], [0, -1])
    # The original has the person's box for the object's too, and calls it so.
    got = assigning.assign(found, truth, parity=True)
    assert (got.labels.tolist(), got.found.tolist()) == ([6], [0, 0])
    person = assigning.Boxes(np.zeros(1, int), true[:1], np.array([1]))
    assert assigning.assign(found, person, parity=True).labels.tolist() == [1]


def test_what_was_not_found_stands_behind_its_frames_boxes():
    boxes = np.array([[0.0, 0, 20, 20], [100, 0, 120, 20], [0, 0, 20, 20]], np.float32)
    found = assigning.Boxes(np.array([0, 0, 1]), boxes, np.zeros(3, int))
    true = np.array([[0.0, 0, 20, 20], [50, 50, 70, 70], [0, 0, 20, 20], [0, 0, 9, 9]], np.float32)
    truth = assigning.Boxes(np.array([0, 0, 1, 2]), true, np.array([1, 5, 1, 1]))
    got = assigning.supply(found, truth)
    assert got.boxes.frames.tolist() == [0, 0, 0, 1, 2]
    assert got.boxes.labels.tolist() == [1, 0, 5, 1, 1]
    assert got.source.tolist() == [0, 1, -1, 2, -1]
    assert got.missing.tolist() == [-1, -1, 1, -1, 3]
    assert got.places.tolist() == [0, 2, 3, 4]
    np.testing.assert_array_equal(got.boxes.boxes[got.places], true)


def test_nothing_detected_at_all_supplies_every_true_box():
    nothing = assigning.Boxes(np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros(0, int))
    truth = assigning.Boxes(np.array([1, 1]), np.ones((2, 4), np.float32), np.array([1, 6]))
    got = assigning.supply(nothing, truth)
    assert got.boxes.labels.tolist() == [1, 6]
    assert got.missing.tolist() == [0, 1]
