"""Files of several people: the one who signs is taken, or asked for."""

import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import pose

SIZE = (640, 480)


def write(path, people, confidence):
    """A .pose of `people` float [T, P, 543, 3], pixels, with confidence [T, P]."""
    module = pose.library()
    header = module.pose_header
    components = [pose._component(header, name) for name in pose._COMPONENTS]
    there = np.repeat(confidence[..., None], people.shape[2], axis=2).astype(np.float32)
    body = module.numpy.NumPyPoseBody(25.0, people.astype(np.float32), there)
    size = header.PoseHeaderDimensions(*SIZE, 0)
    with open(path, "wb") as file:
        module.Pose(header.PoseHeader(header.VERSION, size, components), body).write(file)


@pytest.fixture
def two():
    """float [24, 2, 543, 3] pixels and confidence [24, 2] of two who move alike."""
    steps = np.sin(np.arange(24) / 3)[:, None, None, None] * 40
    people = np.random.default_rng(3).uniform(100, 400, (1, 2, clips.POINTS, 3)) + steps
    return people, np.ones((24, 2))


def _is_person(clip, people, number):
    expected = people[:, number, :33, 0].astype(np.float32) / SIZE[0]
    np.testing.assert_allclose(clip.landmarks[:, clips.POSE, 0], expected, atol=1e-6)


@pytest.mark.parametrize("empty", [0, 1])
def test_a_person_who_is_never_seen_counts_for_nothing(tmp_path, two, empty, caplog):
    people, confidence = two
    confidence[:, empty] = 0
    write(tmp_path / "a.pose", people, confidence)
    _is_person(pose.load(tmp_path / "a.pose"), people, 1 - empty)
    assert not caplog.records


def test_of_a_signer_and_a_passer_by_the_signer_is_taken_and_told(tmp_path, two, caplog):
    people, confidence = two
    confidence[:, 0] = 0
    confidence[10:13, 0] = 0.4
    write(tmp_path / "a.pose", people, confidence)
    _is_person(pose.load(tmp_path / "a.pose"), people, 1)
    assert "took person 2" in caplog.text and "person 1 in 3 of 24 frames" in caplog.text


def test_who_stands_still_is_not_taken(tmp_path, two):
    people, confidence = two
    people[:, 0] = people[:1, 0]
    write(tmp_path / "a.pose", people, confidence)
    _is_person(pose.load(tmp_path / "a.pose"), people, 1)


def test_of_two_who_move_one_is_asked_for(tmp_path, two, capsys):
    people, confidence = two
    source = tmp_path / "a.pose"
    write(source, people, confidence)
    with pytest.raises(UserError, match="shows 2 people who move.*--person N"):
        pose.load(source)
    for number in (0, 1):
        out = tmp_path / f"{number}.clip.npz"
        words = ["convert", str(source), "--out", str(out), "--person", str(number + 1)]
        assert cli.main(words) == 0
        _is_person(clips.load(out), people, number)
    with pytest.raises(UserError, match="--person 3, but it holds 2"):
        formats.open_collection(source, person=3).read(0)
    with pytest.raises(UserError, match="format clips is of one person"):
        formats.open_collection(out, person=1)
    assert cli.main(["inspect", str(source), "--person", "1", "--json"]) == 0


@pytest.mark.parametrize("still", [False, True])
def test_an_empty_person_is_never_taken(tmp_path, two, still, caplog):
    people, confidence = two
    people, confidence = people[:, [0, 1, 1]], confidence[:, [0, 1, 1]]
    confidence[:, 1] = 0
    people[:, 2] = people[:1, 2]
    if still:
        people[:, 0] = people[:1, 0]
    write(tmp_path / "a.pose", people, confidence)
    if still:
        with pytest.raises(UserError, match="2 people and nobody moves: person 1 .*person 3 in"):
            pose.load(tmp_path / "a.pose")
        return
    for _ in range(3):
        _is_person(pose.load(tmp_path / "a.pose"), people, 0)
    assert len(caplog.records) == 1
