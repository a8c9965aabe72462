"""The verb as it is typed, with real models on a real signing clip."""

import csv

import helpers
import numpy as np
import pytest

from benchmarks import extraction
from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips

MODELS = helpers.SHARED and helpers.SHARED / "data" / "mediapipe_models"
SIGN = helpers.SHARED and helpers.SHARED / "data" / "sign_clip_mit"
pytestmark = pytest.mark.shared

PARTS = {
    "face": clips.FACE,
    "left_hand": clips.LEFT_HAND,
    "pose": clips.POSE,
    "right_hand": clips.RIGHT_HAND,
}


def _extract(out, *words):
    path = str(SIGN / "clips" / "test_video.mp4")
    assert cli.main(["extract", path, "--out", str(out), *words]) == 0
    return clips.load(out / "test_video.clip.npz")


def _found(landmarks, part):
    return np.isfinite(landmarks[:, PARTS[part]]).all((1, 2))


def _distances(one, other, part):
    """Of all points where both have the part; fractions of the image."""
    both = _found(one, part) & _found(other, part)
    points = [array[both][:, PARTS[part], :2] for array in (one, other)]
    return np.abs(points[0] - points[1])


@pytest.fixture(scope="module")
def stored():
    with np.load(SIGN / "landmarks543" / "test_video.npz") as archive:
        return archive["landmarks"].astype(np.float32)


@pytest.fixture(scope="module")
def separate():
    names = {"hand": "hand_landmarker_lite", "pose": "pose_landmarker_lite"}
    names |= {"face": "face_landmarker"}
    return [w for kind, name in names.items() for w in (f"--{kind}", str(MODELS / f"{name}.task"))]


@pytest.fixture(scope="module")
def holistic():
    return ["--model", str(MODELS / "holistic_landmarker_lite.task")]


def test_the_holistic_landmarker_gives_the_stored_landmarks(tmp_path, stored, holistic, capfd):
    clip = _extract(tmp_path, *holistic, "--preview")
    printed = capfd.readouterr()
    assert printed.err == ""  # no notices of native libraries
    assert "right hand" in printed.out and "41.7%" in printed.out
    assert (tmp_path / "test_video.preview.png").is_file()
    assert clip.landmarks.shape == (48, 543, 3) and clip.frame_size == (406, 540)
    assert clip.fps == 25
    np.testing.assert_allclose(clip.timestamps, np.arange(48) / 25, atol=1e-6)
    assert _found(clip.landmarks, "pose").mean() >= 0.95
    assert _found(clip.landmarks, "face").mean() >= 0.95
    assert _found(clip.landmarks, "right_hand").mean() >= 0.35
    for part in ("face", "pose", "right_hand"):
        distances = _distances(clip.landmarks, stored, part)
        assert len(distances) >= 17 and distances.max() < 0.02
    assert clip.visibility.min() >= 0 and clip.visibility.max() <= 1
    # Face and shoulders are in view, ankles are not.
    assert clip.visibility[:, [0, 11, 12]].min() > 0.9 and clip.visibility[:, 27:29].max() < 0.5


def test_hand_pose_and_face_together_agree_with_the_holistic_one(tmp_path, stored, separate):
    clip = _extract(tmp_path, *separate)
    assert _found(clip.landmarks, "pose").mean() >= 0.95
    assert _found(clip.landmarks, "face").mean() >= 0.95
    right = _found(clip.landmarks, "right_hand")
    assert right.mean() >= 0.35 and not _found(clip.landmarks, "left_hand").any()
    assert (right == _found(stored, "right_hand")).mean() >= 0.9
    for part, median in (("face", 0.005), ("pose", 0.02), ("right_hand", 0.02)):
        assert np.median(_distances(clip.landmarks, stored, part)) < median
    # Points of the trunk and head that are in view.
    seen = [array[:, 489 : 489 + 13, :2] for array in (clip.landmarks, stored)]
    assert np.percentile(np.abs(seen[0] - seen[1]), 95) < 0.02


def test_static_every_nth_and_target_fps(tmp_path, holistic, stored):
    every = _extract(tmp_path / "a", *holistic, "--static", "--every-nth", "8")
    assert len(every) == 6 and _found(every.landmarks, "pose").all()
    assert np.median(_distances(every.landmarks, stored[::8], "face")) < 0.005
    slow = _extract(tmp_path / "b", *holistic, "--target-fps", "5")
    np.testing.assert_allclose(slow.timestamps, np.arange(10) / 5, atol=1e-6)


def test_a_model_of_another_kind_is_told(tmp_path, capsys):
    wrong = str(MODELS / "face_landmarker.task")
    video = str(SIGN / "clips" / "test_video.mp4")
    assert cli.main(["extract", video, "--out", str(tmp_path), "--model", wrong]) == 1
    assert f"{wrong}: cannot be loaded as a holistic landmarker" in capsys.readouterr().err


def test_the_benchmark_runs(monkeypatch):
    rows = extraction.measure("check")
    assert [row.other for row in rows] == ["MediaPipe", "decoding"]
    assert "frames/s" in rows[0].note and rows[0].ratio > 0
    monkeypatch.setenv("JAXSIGN_BENCH_MODEL", "/no/such.task")
    with pytest.raises(UserError, match="/no/such.task: no such file.*JAXSIGN_BENCH_MODEL=FILE"):
        extraction.measure("check")


def test_failures_show_in_the_exit_status(tmp_path, holistic, capsys):
    place, out = tmp_path / "videos", tmp_path / "clips"
    place.mkdir()
    (place / "empty.mp4").touch()
    assert cli.main(["extract", str(place), "--out", str(out), *holistic]) == 2
    assert "1 video failed" in capsys.readouterr().out
    with open(out / "extract.csv", newline="", encoding="utf-8") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["failed"]
