"""Boxes with one class each, beside a plain loop over frames and classes."""

import numpy as np
import pytest

from jaxsign.input.scenes import detections, pairs


def plain(class_boxes, scores, valid, scale, least, overlap):
    rows = []
    for frame, label in np.ndindex(len(scores), scores.shape[2]):
        told = [i for i in np.flatnonzero(valid[frame]) if scores[frame, i, label] > least]
        left = sorted(told, key=lambda i: -scores[frame, i, label]) if label else []
        while left:
            best, *left = left
            rows.append((frame, label, best))
            if label == pairs.PERSON:
                break
            boxes = class_boxes[frame, :, label] / np.float32(scale)
            left = [i for i in left if pairs.iou(boxes[best], boxes[i]) <= overlap]
    return rows


@pytest.fixture
def told():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 60, (3, 20, 4, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 60, corner.shape)], -1)
    scores = rng.dirichlet(np.ones(4), (3, 20)).astype(np.float32)
    valid = rng.random((3, 20)) < 0.8
    valid[1] = False
    return boxes.astype(np.float32), scores, valid


def test_likely_boxes_of_every_class_and_one_person_a_frame(told):
    boxes, scores, valid = told
    found = detections.found(boxes, scores, valid, 1.5)
    rows = np.stack([found.frames, found.labels, found.source], axis=1).tolist()
    expected = plain(boxes, scores, valid, 1.5, 0.1, 0.4)
    assert rows == [list(row) for row in expected] and 10 < len(rows) < 100
    at = found.frames, found.source, found.labels
    np.testing.assert_array_equal(found.boxes, boxes[at] / np.float32(1.5))
    np.testing.assert_array_equal(found.scores, scores[at])
    assert set(found.frames) == {0, 2}
    assert np.unique(found.frames[found.labels == pairs.PERSON], return_counts=True)[1].max() == 1


def test_nothing_likely_is_nothing_found(told):
    boxes, scores, valid = told
    for found in (
        detections.found(boxes, scores, valid, 1.0, least=1.0),
        detections.found(boxes, scores, np.zeros_like(valid), 1.0),
    ):
        assert found.boxes.shape == (0, 4) and not len(found.labels)
