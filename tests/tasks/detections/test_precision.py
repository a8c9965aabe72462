"""Average precision, beside COCO's own."""

import numpy as np
import pytest

from jaxsign.input.boxes.source import BoxedImage
from jaxsign.input.scenes.detections import FoundBoxes
from jaxsign.tasks.detections import precision


def made(seed=0, images=12, classes=3):
    """Truth of images and boxes that are more or less it."""
    rng = np.random.default_rng(seed)
    shape = images, 5
    low = rng.uniform(0, 60, (*shape, 2))
    boxes = np.concatenate([low, low + rng.uniform(8, 40, (*shape, 2))], -1).astype(np.float32)
    labels = rng.integers(1, classes, shape).astype(np.int32)
    real = rng.random(shape) < 0.8
    ignored = real & (rng.random(shape) < 0.15)
    true = dict(zip(precision.TRUE, (boxes, labels, real & ~ignored, ignored), strict=True))
    rows = []
    for frame, place in np.argwhere(real | (rng.random(shape) < 0.3)):
        for _ in range(rng.integers(1, 3)):
            label = labels[frame, place] if rng.random() < 0.8 else rng.integers(1, classes)
            moved = boxes[frame, place] + rng.normal(0, 3, 4)
            rows.append((frame, label, round(rng.random(), 4), *moved))
    rows = np.array(sorted(rows, key=lambda row: (row[0], row[1], -row[2])))
    frames, labels = rows[:, 0].astype(int), rows[:, 1].astype(int)
    return true, FoundBoxes(frames, rows[:, 3:].astype(np.float32), labels, rows[:, 2], labels * 0)


def test_it_is_cocos_but_for_the_bins_of_scores():
    pytest.importorskip("pycocotools")
    from jaxsign.tasks.detections import coco_precision

    true, found = made()
    theirs = coco_precision.Evaluation(("__background__", "a", "b"))
    for i, rows in enumerate(zip(*true.values(), strict=True)):
        boxes, labels, real, ignored = rows
        kept, here = real | ignored, found.frames == i
        image = BoxedImage(str(i), (200, 200), boxes[kept], labels[kept], ignored[kept])
        theirs.add(image, found.boxes[here], found.labels[here], found.scores[here])
    ours = precision.count(found, true, 3)
    np.testing.assert_allclose(precision.average(ours)[:, 1:], theirs.average()[:, 1:], atol=0.01)
    assert 0.1 < precision.means(ours)["ap"] < precision.means(ours)["ap50"] < 0.95


def test_a_class_of_crowds_alone_is_nowhere_true_even_where_nothing_is_found():
    pytest.importorskip("pycocotools")
    from jaxsign.tasks.detections import coco_precision

    boxes = np.array([[0, 0, 9, 9], [5, 5, 20, 20]], np.float32)
    image = BoxedImage("it", (50, 50), boxes, np.array([1, 2]), np.array([False, True]))
    nothing = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0)
    for found in (nothing, (boxes[1:], np.array([1]), np.array([0.9]))):
        made = coco_precision.Evaluation(("__background__", "a", "b"))
        made.add(image, *found)
        assert (made.average()[:, 1] == 0).all() and np.isnan(made.average()[:, 2]).all()


def test_counts_of_parts_add_up_and_what_is_nowhere_true_counts_nowhere():
    true, found = made()
    whole = precision.count(found, true, 3)
    parts = [
        precision.count(
            FoundBoxes(found.frames[rows] - first, found.boxes[rows], found.labels[rows],
                       found.scores[rows], found.source[rows]),
            {name: values[first : first + 6] for name, values in true.items()}, 3,
        )
        for first in (0, 6)
        for rows in [(found.frames >= first) & (found.frames < first + 6)]
    ]  # fmt: skip
    for name, value in whole.items():
        np.testing.assert_array_equal(parts[0][name] + parts[1][name], value)
    empty = {name: values[:, :0] for name, values in true.items()}
    assert np.isnan(precision.means(precision.count(found, empty, 3))["ap50"])


def test_true_boxes_are_all_there_is_to_find():
    true, _ = made()
    frames, places = np.nonzero(true["valid_true"])
    order = np.lexsort((true["true_labels"][frames, places], frames))
    at = frames[order], places[order]
    found = FoundBoxes(
        at[0], true["true_boxes"][at], true["true_labels"][at], np.ones(len(order)), at[1]
    )
    assert precision.means(precision.count(found, true, 3)) == {"ap50": 1, "ap75": 1, "ap": 1}
