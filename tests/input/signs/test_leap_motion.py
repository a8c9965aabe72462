"""Recordings of a Leap Motion sensor."""

import json

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import leap_motion, leap_motion_files


def a_finger(finger, at):
    """Bones that go up from the palm, 30 mm each; joint k of the finger is at height 30 * k."""
    foot = np.array([at + 20.0 * finger, 100.0, 0.0])
    ends = [(foot + [0, 30.0 * k, 0], foot + [0, 30.0 * (k + 1), 0]) for k in range(4)]
    return {"bones": [{"prev_joint": list(a), "next_joint": list(b)} for a, b in ends]}


def a_frame(at, side="right", **rest):
    hand = {"type": side, "palm_position": [at, 110.0, 0.0], "wrist_position": [at, 90.0, 0.0]}
    return {"hands": [{**hand, "fingers": [a_finger(i, at) for i in range(5)], **rest}]}


def moving(frames=13, speed=1.2):
    """120 frames a second; the hand moves `speed` mm a frame along x."""
    return [a_frame(speed * i) for i in range(frames)]


def test_joints_are_where_bones_meet_and_the_fingertip_is_the_last_end():
    x = leap_motion.LeapMotion(normalise=False).frames(moving(1))
    heights = x[0, 21:, 1]
    np.testing.assert_allclose(heights[0], 90)
    np.testing.assert_allclose(heights[1:].reshape(5, 4), np.full((5, 4), [130, 160, 190, 220]))
    upstream = leap_motion.LeapMotion(normalise=False, upstream=True).frames(moving(1))
    assert upstream[0, 22:26, 1].tolist() == [100, 130, 160, 220]


def test_recordings_of_120_frames_a_second_become_60():
    x = leap_motion.LeapMotion().frames(moving(13))
    assert x.shape == (7, 42, 7) and x.dtype == np.float32
    assert (x[:, :21] == 0).all() and (x[:, 21:, 6] == 1).all()
    np.testing.assert_allclose(x[:, 21, 0], 0.5 + 2.4 * np.arange(7) / 500, rtol=1e-5)
    # 1.2 mm a frame at 120 frames a second are 144 mm a second.
    np.testing.assert_allclose(x[:, 21, 3], 144 / 500, rtol=1e-4)
    assert leap_motion.LeapMotion(rate=0).frames(moving(13)).shape == (13, 42, 7)


def test_frames_without_a_hand_do_not_reach_into_their_neighbours():
    frames = moving(20)
    frames[8:12] = [{"hands": []}] * 4
    x = leap_motion.LeapMotion(rate=0).frames(frames)
    assert (x[8:12] == 0).all()
    np.testing.assert_allclose(np.delete(x[:, 21, 3], np.s_[8:12]), 144 / 500, rtol=1e-4)


def test_of_two_hands_of_one_side_the_surer_one_counts():
    both = {"hands": [*a_frame(5, confidence=0.9)["hands"], *a_frame(50, confidence=0.4)["hands"]]}
    for hands, expected, upstream in ((both["hands"], 5, 50), (both["hands"][::-1], 5, 5)):
        found = leap_motion.LeapMotion(normalise=False).frames([{"hands": hands}])
        assert found[0, 21, 0] == expected and found[0, 21, 6] == np.float32(0.9)
        old = leap_motion.LeapMotion(normalise=False, upstream=True).frames([{"hands": hands}])
        assert old[0, 21, 0] == upstream


def test_a_stream_is_collected_and_cleared():
    sensor = leap_motion.LeapMotion()
    assert sensor.get_sequence().shape == (0, 42, 7)
    for frame in moving(5):
        sensor.add_frame(frame)
    kept = sensor.get_sequence(clear_buffer=False)
    np.testing.assert_array_equal(kept, sensor.get_sequence())
    assert len(kept) == 3 and len(sensor.get_sequence()) == 0


def test_arrays_of_bones_get_a_wrist():
    fingers = moving(1)[0]["hands"][0]["fingers"]
    bones = [[*b["prev_joint"], *b["next_joint"]] for f in fingers for b in f["bones"]]
    x = leap_motion.LeapMotion(normalise=False).array(np.array([bones]), "bones", "left")
    assert x[0, 0].tolist() == [40, 100, 0, 0, 0, 0, 1]
    assert x[0, 5:9, 1].tolist() == [130, 160, 190, 220] and (x[:, 21:] == 0).all()


def write_csv(path, rows, extra=("timestamp", "hand_type", "confidence"), drop=()):
    names = [f"{j}_{a}" for j in leap_motion_files.JOINTS for a in "xyz"]
    kept = [name for name in names if name not in drop]
    lines = [",".join([*extra, *kept])]
    for cells, height in rows:
        values = {name: height if name.endswith("_y") else 10 for name in names}
        lines.append(",".join(map(str, [*cells, *(values[name] for name in kept)])))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6])
def test_tables_tell_hands_confidences_and_times(tmp_path, unit):
    rows = []
    for i in range(4):
        time = i * unit / 60
        rows += [([time, "left", 0.5], 100 + i), ([time, "Right", 0.8], 200 + i)]
    write_csv(tmp_path / "x.csv", rows)
    x = leap_motion.LeapMotion(normalise=False).load(tmp_path / "x.csv")
    assert x.shape == (4, 42, 7)
    np.testing.assert_allclose(x[:, 0, 1], [100, 101, 102, 103], rtol=1e-5)
    np.testing.assert_allclose(x[:, 21:, 6], 0.8, rtol=1e-6)
    np.testing.assert_allclose(x[:, :, 4], 60, rtol=1e-4)
    old = leap_motion.LeapMotion(normalise=False, upstream=True).load(tmp_path / "x.csv")
    assert old.shape == (8, 42, 7) and (old[:, :21] == 0).all()


def test_joints_without_columns_are_absent_and_half_a_joint_is_an_error(tmp_path):
    rows = [([i / 120, "left", 1.0], 50) for i in range(5)]
    tip = [f"pinky_tip_{a}" for a in "xyz"]
    write_csv(tmp_path / "a.csv", rows, drop=tip)
    x = leap_motion.LeapMotion().load(tmp_path / "a.csv")
    assert (x[:, 20] == 0).all() and (x[:, :20, 6] == 1).all()
    write_csv(tmp_path / "b.csv", rows, drop=tip[:1])
    with pytest.raises(UserError, match="b.csv: lacks the columns pinky_tip_x"):
        leap_motion.LeapMotion().load(tmp_path / "b.csv")


def test_files_of_all_kinds(tmp_path):
    frames = moving(6)
    (tmp_path / "list.json").write_text(json.dumps(frames))
    (tmp_path / "object.json").write_text(json.dumps({"frames": frames}))
    (tmp_path / "lines.json").write_text("\n".join(map(json.dumps, frames)))
    expected = leap_motion.LeapMotion().frames(frames)
    for name in ("list", "object", "lines"):
        found = leap_motion.LeapMotion().load(tmp_path / f"{name}.json")
        np.testing.assert_array_equal(found, expected)
    joints = np.random.default_rng(0).uniform(0, 200, (6, 21, 3))
    np.save(tmp_path / "x.npy", joints.reshape(6, 63))
    np.savez(tmp_path / "x.npz", joints_xyz=joints)
    for name in ("x.npy", "x.npz"):
        found = leap_motion.LeapMotion().load(tmp_path / name, hand="left")
        np.testing.assert_array_equal(found, leap_motion.LeapMotion().array(joints, hand="left"))


def test_bad_files_are_named(tmp_path):
    sensor = leap_motion.LeapMotion()
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('[{"hands": [{"type": "left"}]}]')
    np.save(tmp_path / "c.npy", np.zeros((4, 7)))
    np.savez(tmp_path / "d.npz", a=np.zeros(3), b=np.zeros(3))
    write_csv(tmp_path / "e.csv", [(["x", "left", 1], 5), ([0.1, "both", 1], 5)])
    write_csv(tmp_path / "f.csv", [([0, "left", 1], 5), ([9, "left", 1], 5), ([7, "left", 1], 5)])
    (tmp_path / "g.csv").write_text("a,b\n1,2\n")
    for name, words in (
        ("a.json", "a.json: not readable as JSON"),
        ("b.json", "b.json: frame 0: no frame of a Leap Motion sensor"),
        ("c.npy", r"c.npy: flat: \[4, 7\], expected"),
        ("d.npz", "d.npz: expected an array joints_xyz"),
        ("e.csv", "(?s)timestamp='x' is no finite number.*hand_type is 'both'"),
        ("f.csv", "f.csv: timestamp must grow"),
        ("g.csv", "g.csv: no column of a joint"),
    ):
        with pytest.raises(UserError, match=words):
            sensor.load(tmp_path / name)


def test_a_bone_that_is_missing_for_a_moment_does_not_move_its_neighbours():
    whole, torn = moving(13), moving(13)
    del torn[5]["hands"][0]["fingers"][1]["bones"][2]["next_joint"]
    torn[6]["hands"][0]["fingers"].pop()
    sensor = leap_motion.LeapMotion(normalise=False)
    x, expected = sensor.frames(torn), sensor.frames(whole)
    seen = x[..., 6] > 0
    assert not seen[3, 38:].any() and seen[2].any() and seen[4, 21:].all()
    np.testing.assert_allclose(x[seen], expected[seen], atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"type": "unknown"}, "frame 2: .*neither left nor right"),
        ({"confidence": float("nan")}, "confidence nan is not between 0 and 1"),
        ({"confidence": 1.5}, "confidence 1.5 is not between 0 and 1"),
        ({"wrist_position": [float("inf"), 0, 0]}, "inf mm away"),
        ({"wrist_position": [0, 1e300, 0]}, "mm away"),
        ({"wrist_position": [0, 10**400, 0]}, "frame 2"),
        ({"fingers": [{"bones": [{"prev_joint": 7}]}]}, "frame 2"),
        ({"fingers": [{"bones": [{"prev_joint": [7]}]}]}, "frame 2"),
    ],
)
def test_hands_that_make_no_sense_are_refused(wrong, message):
    frames = moving(4)
    frames[2]["hands"][0].update(wrong)
    with pytest.raises(UserError, match=message):
        leap_motion.LeapMotion().frames(frames)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("30,1e300,1,1,1", "wrist_x='1e300' is no number from -1e.06 to 1e.06"),
        ("30,1,1,1,-0.5", "confidence='-0.5' is no number from 0 to 1"),
        ("30,1,5,1,1,1", "line 3: has more cells than the header has columns"),
    ],
)
def test_cells_that_make_no_sense_are_refused(tmp_path, line, message):
    path = tmp_path / "a.csv"
    path.write_text(f"timestamp,wrist_x,wrist_y,wrist_z,confidence\n20,1,1,1,1\n{line}\n")
    with pytest.raises(UserError, match=message):
        leap_motion.LeapMotion().load(path)


def test_ranges_and_rates_are_finite():
    for name in ("range_mm", "fps", "rate"):
        with pytest.raises(UserError, match=name):
            leap_motion.LeapMotion(**{name: float("inf")})
