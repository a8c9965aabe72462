"""Lines of JSON as frames of a stream."""

import io
import json
import re

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.infer.live import sensor_lines
from jaxsign.input.signs.clip import LEFT_HAND, PARTS, RIGHT_HAND


def one(**told):
    (chunk,) = sensor_lines.read([json.dumps(told)])
    return chunk


def test_parts_that_are_told_take_their_places():
    hand = np.arange(63.0).reshape(21, 3)
    chunk = one(time=1.5, left_hand=hand.tolist(), right_hand=None, visibility=[1.0] * 33)
    assert chunk.times.tolist() == [1.5] and chunk.visibility.shape == (1, 33)
    np.testing.assert_array_equal(chunk.x[0, LEFT_HAND], hand)
    assert np.isnan(chunk.x).all(-1).sum() == 543 - 21


def test_points_without_depth_or_unseen_are_absent():
    points = [[0.1, 0.2]] * 543
    points[7] = None
    chunk = one(landmarks=points)
    assert chunk.times is None
    assert np.isnan(chunk.x[0, :, 2]).all() and np.isnan(chunk.x[0, 7]).all()
    assert not np.isnan(chunk.x[0, 8, :2]).any()


def test_features_are_taken_as_they_are():
    assert one(features=[[1, 2], [3, 4]]).x.tolist() == [[[1, 2], [3, 4]]]


def test_a_leap_motion_frame_becomes_its_hand():
    bones = [{"prev_joint": [0, 100 + j, 0], "next_joint": [0, 110 + j, 0]} for j in range(4)]
    hand = {"type": "right", "palm_position": [0, 100, 0], "fingers": [{"bones": bones}] * 5}
    chunk = one(time=0.0, hands=[hand], frame_id=7)
    shown = ~np.isnan(chunk.x[0]).any(-1)
    assert shown[RIGHT_HAND].all() and shown.sum() == 21
    np.testing.assert_allclose(chunk.x[0, RIGHT_HAND.start], [0.5, 0.2, 0.5], atol=1e-6)
    assert np.isnan(one(hands=[]).x).all()


def test_empty_lines_are_left_out():
    assert len(list(sensor_lines.read(["", '{"pose": null}\n', "  "]))) == 1


@pytest.mark.parametrize(
    "line, reason",
    [
        ("{", "no JSON"),
        ("[1, 2]", "expected an object"),
        ("{}", r"keys \(none\)"),
        ('{"left_hnd": null}', "Did you mean 'left_hand'"),
        ('{"landmarks": [], "features": []}', "Expected landmarks, hands"),
        ('{"left_hand": [[1, 2, 3]]}', "left_hand has 1 points, expected 21"),
        ('{"left_hand": 3}', "line 2"),
        ('{"time": "soon", "pose": null}', "line 2"),
        ('{"pose": null, "visibility": [1]}', r"visibility \[1\], expected \[33\]"),
        ('{"hands": [{"type": "left"}]}', "no frame of a Leap Motion sensor"),
    ],
)
def test_a_line_that_is_no_frame_is_named(line, reason):
    with pytest.raises(UserError, match=f"sensor, line 2: |{reason}") as told:
        list(sensor_lines.read(["\n", line], "sensor"))
    assert re.search(reason, str(told.value)) and "sensor, line 2" in str(told.value)


def test_bytes_that_are_no_text_are_told():
    file = io.TextIOWrapper(io.BytesIO(b'{"pose": null}\n' + bytes(range(128, 256))), "utf-8")
    with pytest.raises(UserError, match="pipe: bytes that are no text"):
        list(sensor_lines.read(file, "pipe"))


def test_every_part_has_a_key():
    told = {name: [[0.5, 0.5, 0.0]] * (rows.stop - rows.start) for name, rows in PARTS.items()}
    assert not np.isnan(one(**told).x).any()


def test_lines_that_are_nearly_frames_are_told_apart():
    good = '{"time": 0, "left_hand": null}'
    assert len(list(sensor_lines.read(["\ufeff" + good]))) == 1
    for line, reason in (
        ("[" * 100_000, "no JSON"),
        ('{"left_hand": 5}', "left_hand has int, expected 21 points"),
        ('{"left_hand": [' + ", ".join(["1"] * 21) + "]}", r"expected \[x, y, z\] or null"),
    ):
        with pytest.raises(UserError, match=f"line 1: .*{reason}"):
            list(sensor_lines.read([line]))
