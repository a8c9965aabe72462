"""`jaxsign live` on films, without a window."""

import itertools
import json
import types
import zipfile

import av
import helpers
import live_runs
import numpy as np
import pytest
import run_helpers
from PIL import Image

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.live import frames, picture, session, window
from jaxsign.input.signs.extract.landmarkers import Detection


class FakeLandmarker:
    """Finds a face in bright images alone."""

    def __init__(self):
        self.times = []

    def detect(self, image, milliseconds):
        self.times.append(milliseconds)
        if image.mean() < 100:
            return Detection.nothing()
        return Detection(live_runs.face(), np.ones(33, np.float32))

    def close(self):
        pass


def film(path, count=30, fps=15):
    with av.open(str(path), "w") as container:
        stream_ = container.add_stream("libx264", rate=fps)
        stream_.width, stream_.height, stream_.pix_fmt = 64, 48, "yuv420p"
        for i in range(count):
            image = np.full((48, 64, 3), 200 if i >= 10 else 10, np.uint8)
            container.mux(stream_.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream_.encode())
    return path


def moments(path, **settings):
    recogniser = live_runs.recogniser(live_runs.FakeRun(), **settings)
    going = session.LiveSession(recogniser, FakeLandmarker())
    return going, list(going.run(frames.film(path)))


def test_every_frame_is_a_moment_and_answers_stay_until_the_next(tmp_path):
    going, seen = moments(film(tmp_path / "a.mp4"), every=0.5)
    assert len(seen) == 30 and (np.diff(going.landmarker.times) > 0).all()
    given = [i for i, moment in enumerate(seen) if moment.answer is not None]
    assert given[0] == 14 and len(given) == 2  # dark frames do not count
    assert all(moment.latest is seen[given[0]].answer for moment in seen[given[0] : given[1]])
    totals = going.totals.to_json()
    assert totals["frames"] == 30 and totals["answers"] == 2
    assert totals["stream_seconds"] == pytest.approx(29 / 15, abs=0.01)
    assert totals["landmark_ms_a_frame"] >= 0 and totals["net_ms_an_answer"] >= 0


class Doubts:
    """Notes what it is told of."""

    def __init__(self):
        self.found, self.told = [], 0

    def see_stream(self, name, traits):
        self.found.append(traits)

    def tell(self):
        self.told += 1


def test_what_a_stream_shows_is_told_once_after_some_seconds(tmp_path):
    noted = Doubts()
    recogniser = live_runs.recogniser(live_runs.FakeRun())
    going = session.LiveSession(recogniser, FakeLandmarker(), noted)
    images = [np.full((4, 4, 3), 10 if i < 6 else 200, np.uint8) for i in range(24)]
    for i, _ in enumerate(going.run((i / 2, image) for i, image in enumerate(images))):
        assert noted.told == (i > 20)  # 10 s
    going.finish()
    assert noted.told == 1
    (found,) = noted.found
    assert (found["hand"], found["rate"]) == (0, 2.0) and found["face"] == pytest.approx(16 / 22)


def test_what_a_short_stream_shows_is_told_at_its_end(tmp_path):
    noted = Doubts()
    recogniser = live_runs.recogniser(live_runs.FakeRun())
    going = session.LiveSession(recogniser, FakeLandmarker(), noted)
    list(going.run(frames.film(film(tmp_path / "a.mp4"))))
    assert noted.told == 0
    going.finish()
    assert noted.told == 1 and noted.found[0]["face"] == pytest.approx(20 / 30)


def test_the_picture_shows_skeleton_and_answers(tmp_path):
    _, seen = moments(film(tmp_path / "a.mp4"))
    last = seen[-1]
    points = live_runs.face()
    points[489:522] = np.linspace(0.2, 0.8, 33)[:, None]
    view = picture.PictureView()
    with_all = picture.compose(last.image, points, last.latest, (), last.status, view)
    assert with_all.width == 480
    view.landmarks = False
    without = picture.compose(last.image, points, last.latest, (), last.status, view)
    assert np.abs(np.asarray(with_all, int) - np.asarray(without, int)).max() > 50
    waiting = picture.compose(last.image, None, None, (), last.status, view)
    assert np.asarray(waiting).tobytes() != np.asarray(without).tobytes()


def test_keys_switch_what_is_shown_and_ask_for_actions():
    view = picture.PictureView()
    keys = types.SimpleNamespace(_view=view, _SWITCHES=window.PreviewWindow._SWITCHES)
    keys._KEYS = window.PreviewWindow._KEYS
    assert [window.PreviewWindow.press(keys, key) for key in "qsrclh"] == [
        "quit",
        "shot",
        "reset",
    ] + [""] * 3
    assert (view.confidence, view.landmarks, view.help) == (False, False, False)


def test_a_recorded_film_is_whole_and_has_the_streams_times(tmp_path):
    path = tmp_path / "out" / "seen.mp4"
    made = window.Film(path)
    for i in range(10):
        made.add(Image.new("RGB", (101, 61), (i * 20, 0, 0)), i / 5)
    assert not path.exists()
    made.close()
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([i / 5 for i in range(10)], abs=0.01)
    window.Film(tmp_path / "none.mp4").close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    with pytest.raises(UserError, match="must end with .mp4"):
        window.Film(tmp_path / "x.avi")


def test_a_film_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--record .*seen.mp4: cannot be written"):
        window.Film(tmp_path / "file" / "seen.mp4")


def test_a_film_that_broke_leaves_nothing(tmp_path, monkeypatch):
    made = window.Film(tmp_path / "seen.mp4")
    made.add(Image.new("RGB", (64, 48)), 0.0)

    def full(frame=None):
        raise OSError(28, "No space left on device")

    made._writer._stream = types.SimpleNamespace(width=64, height=48, encode=full)
    with pytest.raises(UserError, match="seen.mp4: cannot be written .No space left"):
        made.add(Image.new("RGB", (64, 48)), 1.0)
    with pytest.raises(UserError, match="No space left"):
        made.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_there_is_no_window(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(UserError, match="no window can be opened.*--no-window"):
        window.PreviewWindow("x", picture.PictureView())


def test_a_damaged_film_is_told(tmp_path, capsys):
    path = film(tmp_path / "a.mkv", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert len(list(frames.film(path))) < 60
    assert "a.mkv: damaged: it ends at" in capsys.readouterr().err


def test_screenshots_are_named_after_the_sign(tmp_path):
    shots = window.Screenshots(tmp_path / "shots")
    first = shots.save(Image.new("RGB", (8, 8)), "thank you/!")
    second = shots.save(Image.new("RGB", (8, 8)), "")
    assert first.name.startswith("thank_you_2") and first.name.endswith("_001.jpg")
    assert second.name.startswith("none_") and second.name.endswith("_002.jpg")


def test_a_camera_that_is_not_there_is_explained():
    with pytest.raises(UserError, match="--camera 97: cannot be opened"):
        next(frames.camera(97))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("live") / "run")


@pytest.mark.shared
def test_the_verb_prints_a_line_an_answer(run_folder, capfd):
    model = helpers.SHARED / "data/mediapipe_models/holistic_landmarker_lite.task"
    clip = helpers.SHARED / "data/sign_clip_mit/clips/test_video.mp4"
    words = ["live", "--workdir", str(run_folder), "--model", str(model), "--video", str(clip)]
    assert cli.main([*words, "--no-window", "--json", "--every", "0.4"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [round(line["time"], 1) for line in lines[:-1]] == [0.2, 0.6, 1.0, 1.4, 1.8]
    assert all(len(line["candidates"]) == 3 for line in lines[:-1])
    assert lines[-1]["totals"]["frames"] == 48


@pytest.mark.shared
def test_an_interrupted_session_tells_its_totals(run_folder, capfd, monkeypatch):
    model = helpers.SHARED / "data/mediapipe_models/holistic_landmarker_lite.task"
    clip = helpers.SHARED / "data/sign_clip_mit/clips/test_video.mp4"
    real = frames.film

    def interrupted(path, max_side, rate):
        yield from itertools.islice(real(path, max_side, rate), 8)
        raise KeyboardInterrupt

    monkeypatch.setattr(frames, "film", interrupted)
    words = ["live", "--workdir", str(run_folder), "--model", str(model), "--video", str(clip)]
    assert cli.main([*words, "--no-window", "--json"]) == 130
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["totals"]["frames"] == 8


def test_what_is_no_film_is_told_before_the_net_is_compiled(run_folder, capsys, tmp_path):
    model = tmp_path / "x.task"
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("a", "b")
    words = ["live", "--workdir", str(run_folder), "--model", str(model), "--no-window"]
    assert cli.main([*words, "--video", str(tmp_path / "none.mp4")]) == 1
    told = capsys.readouterr()
    assert "none.mp4: no such file" in told.err and "ready" not in told.out


def test_without_a_model_file_the_verb_says_where_to_get_one(run_folder, capsys):
    words = ["live", "--workdir", str(run_folder), "--video", "x.mp4", "--no-window"]
    assert cli.main(words) == 1
    assert "holistic_landmarker.task" in capsys.readouterr().err
