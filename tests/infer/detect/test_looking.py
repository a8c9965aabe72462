"""A detector over frames: what is seen does not depend on company, padding or chunk."""

import detectors
import numpy as np
import pytest

from jaxsign.tasks.detections import looking

OBJECTS = ("__background__", "person", "cup", "ball")
SIZES = ((48, 64), (64, 48), (50, 60))


@pytest.fixture(scope="module")
def looker():
    return detectors.detector(OBJECTS)


@pytest.fixture(scope="module")
def seen(looker):
    return looker.see([detectors.frame(i, size) for i, size in enumerate(SIZES)])


def one_by_one(looker):
    return [looker.see([detectors.frame(i, size)]) for i, size in enumerate(SIZES)]


def test_boxes_of_a_frame_are_the_same_alone_and_in_company(looker, seen):
    found = looker.find(seen)
    assert len(found.frames) > 6 and set(found.frames) == {0, 1, 2}
    assert (np.bincount(found.frames[found.labels == 1]) <= 1).all()
    for number, alone in enumerate(map(looker.find, one_by_one(looker))):
        mine = found.frames == number
        np.testing.assert_array_equal(found.labels[mine], alone.labels)
        for name in ("boxes", "scores", "distribution", "features"):
            wanted, got = alone.__dict__[name], found.__dict__[name][mine]
            np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3, err_msg=name)
    limits = np.array(SIZES)[found.frames][:, ::-1]
    assert (found.boxes >= 0).all() and (found.boxes[:, 2:] <= limits).all()
    np.testing.assert_allclose(found.distribution.sum(1), 1, rtol=1e-5)


def test_given_boxes_and_what_is_around_pairs(looker, seen):
    frames = np.array([0, 2, 2])
    boxes = np.array([(10, 8, 40, 28), (5, 5, 30, 40), (0, 0, 60, 50)], np.float32)
    features, distribution = looker.look(seen, frames, boxes)
    around = looker.around(seen, frames, boxes)
    assert features.shape == (3, looker.feature_dim) and distribution.shape == (3, 3)
    assert around.shape == (3, 7, 7, looker.union_dim)
    alone = one_by_one(looker)
    for number, rows in ((0, [0]), (2, [1, 2])):
        none = np.zeros(len(rows), int)
        np.testing.assert_allclose(
            looker.look(alone[number], none, boxes[rows])[0], features[rows], rtol=1e-3, atol=1e-4
        )
        np.testing.assert_allclose(
            looker.around(alone[number], none, boxes[rows]), around[rows], rtol=1e-3, atol=1e-4
        )
    # A map cell is the mean of its neighbourhood: the whole image's cells differ from each other.
    assert np.ptp(around[2], axis=(0, 1)).max() > 0.1


def test_no_boxes_are_no_features(looker, seen):
    none, nothing = np.zeros(0, int), np.zeros((0, 4), np.float32)
    assert [part.shape for part in looker.look(seen, none, nothing)] == [(0, 512), (0, 3)]
    assert looker.around(seen, none, nothing).shape == (0, 7, 7, 256)


def test_another_detector_has_another_digest(looker):
    assert looker.digest == detectors.detector(OBJECTS, chunk=1).digest
    assert looker.digest != detectors.detector(OBJECTS[:3]).digest


def test_a_net_that_clips_the_first_of_its_chunks_alone_is_shown_these():
    net = detectors.net(len(OBJECTS)).clone(clip="first_of_chunk", chunk=10)
    variables = detectors.variables(len(OBJECTS))
    assert looking.FrameDetector(net, variables, OBJECTS, chunk=3).chunk == 10
