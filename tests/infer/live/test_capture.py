"""Recording a clip and comparing it."""

import json

import helpers
import numpy as np
import pytest
from live_runs import face
from test_live import FakeLandmarker, film

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.live import capture, comparing, frames
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip


def images(count=60, fps=30.0, jitter=0.0):
    rng = np.random.default_rng(0)
    for i in range(count):
        yield i / fps + rng.uniform(0, jitter), np.full((8, 6, 3), 200, np.uint8)


def record(settings, **options):
    return capture.capture(images(**options), FakeLandmarker(), settings)


def test_a_recording_ends_with_enough_frames_and_starts_at_zero():
    clip = record(capture.CaptureSettings(max_frames=20))
    assert len(clip) == 20 and clip.frame_size == (6, 8)
    assert clip.timestamps[0] == 0 and clip.fps == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("jitter", [0.0, 0.01])
def test_the_rate_is_kept_although_frames_come_unevenly(jitter):
    clip = record(capture.CaptureSettings(fps=10.0), jitter=jitter)
    assert len(clip) == 20 and clip.fps == pytest.approx(10, abs=0.3)


def test_long_recordings_are_thinned_evenly():
    clip = record(capture.CaptureSettings(target_frames=16))
    assert len(clip) == 16
    kept = np.linspace(0, 59, 16).astype(int)
    np.testing.assert_allclose(clip.timestamps, kept / 30, atol=1e-9)


def test_face_only_leaves_the_rest_absent():
    class Everything(FakeLandmarker):
        def detect(self, image, milliseconds):
            found = super().detect(image, milliseconds)
            found.points[:] = 0.5
            return found

    clip = capture.capture(images(5), Everything(), capture.CaptureSettings(face_only=True))
    assert clip.presence["face"].all() and not clip.presence["pose"].any()


def test_the_watcher_may_end_it():
    seen = []
    clip = capture.capture(
        images(),
        FakeLandmarker(),
        capture.CaptureSettings(),
        watch=lambda image, detection, count: seen.append(count) or count == 7,
    )
    assert len(clip) == 7 and seen == list(range(1, 8))


def test_json_has_null_for_what_is_absent():
    clip = record(capture.CaptureSettings(max_frames=3))
    written = json.loads(
        json.dumps(capture.to_json(clip, capture.CaptureSettings(target_frames=16)))
    )
    assert (written["frames"], written["landmarks_per_frame"]) == (3, 543)
    assert written["landmarks"][0][0] == [0.5, 0.5, 0.5]
    assert written["landmarks"][0][500] == [None] * 3
    assert written["dataset_format"] is True and written["target_frames"] == 16


@pytest.mark.parametrize("changes", [{"max_frames": 0}, {"fps": -1}, {"target_frames": -2}])
def test_settings_that_record_nothing_are_refused(changes):
    with pytest.raises(UserError, match="capture: max_frames"):
        record(capture.CaptureSettings(**changes))


def test_nothing_to_record_is_said():
    with pytest.raises(UserError, match="no frame came"):
        capture.capture([], FakeLandmarker(), capture.CaptureSettings())


def clip_of(points, count=10):
    landmarks = np.tile(face()[None], (count, 1, 1))
    landmarks[:, :2] = points
    return Clip(landmarks, np.arange(float(count)))


def test_likeness_is_that_of_ranges_lengths_and_form():
    one = clip_of([[0, 0, 0], [1, 1, 1]])
    same = comparing.compare(one, one)
    assert (same.ranges, same.frames, same.form, same.verdict) == (1, 1, 1, "alike")
    half = clip_of([[0, 0, 0], [0.5, 1, 1]], count=5)
    found = comparing.compare(one, half)
    assert found.ranges == pytest.approx((0.5 + 1 + 1) / 3)
    assert found.frames == 0.5 and found.form == 0.5
    assert found.overall == pytest.approx((found.ranges + 1.0) / 3)
    nothing = Clip(np.full((2, 543, 3), np.nan, np.float32), np.arange(2.0))
    assert comparing.compare(one, nothing).verdict == "different"


def test_the_picture_shows_both(tmp_path):
    one = clip_of([[0, 0, 0], [1, 1, 1]])
    comparing.draw(one, one, ("a", "b"), tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 10_000
    assert [p.name for p in tmp_path.iterdir()] == ["both.png"]


def test_films_are_recorded_too(tmp_path):
    path = film(tmp_path / "a.mp4")
    clip = capture.capture(
        frames.film(path), FakeLandmarker(), capture.CaptureSettings(max_frames=12)
    )
    assert clip.presence["face"].tolist() == [False] * 10 + [True] * 2


@pytest.mark.shared
def test_the_verb_saves_and_compares(tmp_path, capfd):
    model = helpers.SHARED / "data/mediapipe_models/holistic_landmarker_lite.task"
    clip = helpers.SHARED / "data/sign_clip_mit/clips/test_video.mp4"
    out = tmp_path / "hello.clip.npz"
    words = ["capture", "--out", str(out), "--model", str(model), "--video", str(clip)]
    words += ["--no-window", "--max-frames", "8", "--compare"]
    assert cli.main([*words, str(helpers.SHARED / "data/islr_parquet_fingerspelling")]) == 0
    printed = capfd.readouterr().out
    assert "8 frames" in printed and "overall" in printed
    assert len(clips.load(out)) == 8 and (tmp_path / "hello.png").is_file()
    assert cli.main([*words, str(tmp_path)]) == 1
    assert "exists already" in capfd.readouterr().err
