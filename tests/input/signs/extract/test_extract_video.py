"""Reading videos: upright, with their own times, whole or with a clear reason."""

import av
import extract_fakes as fakes
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.infer.features import inputs
from jaxsign.infer.live import frames as live_frames
from jaxsign.input.signs.extract import recording, video
from jaxsign.input.signs.extract.settings import ExtractionSettings


def _frames(path, **options):
    with video.Video(path) as opened:
        frames = [(frame.seconds, frame.pixels(**options), frame.size) for frame in opened]
    return frames, opened


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts", ".gif", ".odd"])
def test_any_container_gives_all_frames_and_times(tmp_path, suffix):
    path = fakes.movie(tmp_path / f"a{suffix.replace('.odd', '.mp4')}", 12, rate=20)
    path = path.rename(tmp_path / f"b{suffix}")
    frames, opened = _frames(path)
    assert len(frames) == 12 and opened.damage == ""
    np.testing.assert_allclose([f[0] for f in frames], np.arange(12) / 20, atol=1e-3)
    assert frames[0][1].shape == (48, 64, 3) and frames[0][2] == (64, 48)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (0, 0)), (90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))]
)
def test_rotation_is_honoured(tmp_path, rotation, corner):
    # The white square of the top left goes where a player would show it.
    frames, _ = _frames(fakes.movie(tmp_path / "a.mp4", 2, rotation=rotation))
    image, size = frames[0][1], frames[0][2]
    assert size == ((48, 64) if rotation % 180 else (64, 48))
    assert image.shape[:2] == size[::-1] and image.flags.c_contiguous
    rows, columns = ((5, -6)[end] for end in corner)
    assert image[rows, columns].min() > 220
    others = [image[y, x] for y in (5, -6) for x in (5, -6) if (y, x) != (rows, columns)]
    assert sum(int(pixel.min()) > 220 for pixel in others) == 0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_the_whole_display_matrix_is_applied(tmp_path, quarters, mirrored):
    path = fakes.movie(tmp_path / "a.mp4", 1)
    stored = _frames(path)[0][0][1]
    turn = np.linalg.matrix_power([[0, 1], [-1, 0]], quarters)  # rows: where x and y go
    matrix = np.diag([-1, 1]) @ turn if mirrored else turn
    shown = _frames(fakes.shown_by(path, *matrix.ravel().tolist()))[0][0][1]
    ys, xs = np.mgrid[: stored.shape[0], : stored.shape[1]]
    places = np.stack([xs.ravel(), ys.ravel()], 1) @ matrix
    places -= places.min(0)
    wanted = np.empty_like(shown)
    wanted[places[:, 1], places[:, 0]] = stored.reshape(-1, 3)
    np.testing.assert_array_equal(shown, wanted)


def test_features_and_live_show_a_mirrored_film_as_extract_does(tmp_path):
    path = fakes.shown_by(fakes.movie(tmp_path / "a.mp4", 1), -1, 0, 0, 1)
    shown = _frames(path)[0][0][1]
    assert shown[5, -6].min() > 220 > shown[5, 5].min()  # the white square, now on the right
    np.testing.assert_array_equal(next(live_frames.film(path))[1], shown)
    np.testing.assert_array_equal(next(inputs.images(path, ExtractionSettings()))[1], shown)


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    frames, _ = _frames(fakes.movie(tmp_path / "a.mp4", 2, aspect=2))
    assert frames[0][2] == (128, 48) and frames[0][1].shape == (48, 128, 3)


def test_large_frames_are_scaled_down_and_small_ones_left(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 1, size=(320, 200), rotation=90)
    assert _frames(path, max_side=160)[0][0][1].shape == (160, 100, 3)
    assert _frames(path, max_side=1280)[0][0][1].shape == (320, 200, 3)
    assert _frames(path, max_side=160)[0][0][2] == (200, 320)


def test_bgr_swaps_red_and_blue_of_rows_that_are_padded(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 1, colour=fakes.RED, size=(406, 54))
    rgb, bgr = (_frames(path, bgr=swap)[0][0][1] for swap in (False, True))
    assert rgb[27, 300, 0] > 200 > 60 > rgb[27, 300, 2]
    np.testing.assert_array_equal(rgb, bgr[..., ::-1])
    assert rgb.flags.c_contiguous and bgr.flags.c_contiguous


def test_uneven_times_are_kept_from_the_first_kept_frame_on(tmp_path):
    times = [0, 10, 50, 60, 200, 210, 240]
    path = fakes.movie(tmp_path / "a.mp4", times=times)
    clip, note = recording.record(path, fakes.Fake(), ExtractionSettings())
    np.testing.assert_allclose(clip.timestamps, np.array(times) / 1000)
    assert clip.fps == 25 and note == "" and clip.source == str(path)
    nth, _ = recording.record(path, fakes.Fake(), ExtractionSettings(every_nth=3))
    np.testing.assert_allclose(nth.timestamps, [0, 0.06, 0.24])


def test_the_true_rate_takes_the_place_of_the_films_times(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", times=list(range(12)))  # "1000 frames a second"
    clip, note = recording.record(path, fakes.Fake(), ExtractionSettings(source_fps=25))
    np.testing.assert_allclose(clip.timestamps, np.arange(12) / 25)
    assert clip.fps == 25 and note == ""
    found = [row[0] for row in inputs.images(path, ExtractionSettings(source_fps=25))]
    np.testing.assert_allclose(found, np.arange(12) / 25)
    chosen = ExtractionSettings(source_fps=30, target_fps=10)
    assert len(recording.record(path, fakes.Fake(), chosen)[0]) == 4


def test_what_the_landmarker_finds_is_in_the_clip(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 5, rate=10)
    clip, _ = recording.record(path, fakes.Fake(), ExtractionSettings(), source="me")
    assert clip.landmarks.shape == (5, 543, 3) and clip.frame_size == (64, 48)
    assert clip.source == "me" and clip.fps == 10
    np.testing.assert_array_equal(np.isfinite(clip.landmarks[:, 522, 0]), [1, 0, 1, 0, 1])
    np.testing.assert_allclose(clip.landmarks[4, 530], [0.25, 0.75, 0.4])
    assert (clip.visibility == 0.75).all() and np.isnan(clip.landmarks[:, :489]).all()


def test_target_fps_and_long_videos(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 300, rate=30)
    shares = []
    clip, _ = recording.record(
        path,
        fakes.Fake(),
        ExtractionSettings(target_fps=10),
        progress=lambda n, share: shares.append(share),
    )
    np.testing.assert_allclose(clip.timestamps, np.arange(100) / 10, atol=1e-3)
    assert clip.fps == pytest.approx(10, abs=0.01)
    assert shares == sorted(shares) and shares[-1] > 0.97


def test_a_single_frame_is_a_clip(tmp_path):
    clip, _ = recording.record(
        fakes.movie(tmp_path / "a.mp4", 1), fakes.Fake(), ExtractionSettings()
    )
    assert len(clip) == 1 and clip.timestamps.tolist() == [0.0] and clip.fps == 30


def _empty(folder):
    (folder / "a.mp4").touch()
    return folder / "a.mp4"


def _text(folder):
    (folder / "a.mp4").write_text("no video" * 1000)
    return folder / "a.mp4"


BAD = {
    "is empty": _empty,
    "cannot be read as a video": _text,
    "holds no video stream, only audio": lambda folder: fakes.sound(folder / "a.mp4"),
    "cannot be read as a video.*cut short": lambda folder: fakes.cut(
        fakes.movie(folder / "a.mp4", 60)
    ),
    "no such file": lambda folder: folder / "a.mp4",
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_video_is_told(tmp_path, message):
    with pytest.raises(UserError, match=message) as told:
        recording.record(BAD[message](tmp_path), fakes.Fake(), ExtractionSettings())
    assert str(tmp_path / "a.mp4") in str(told.value)


def _fast_start(path, frames):
    """An MP4 whose header stands at the beginning, so that it outlives a cut."""
    plain = fakes.movie(path.with_name("plain.mp4"), frames)
    options = {"movflags": "faststart"}
    with av.open(str(plain)) as source, av.open(str(path), "w", options=options) as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return path


def test_a_short_mp4_cut_short_is_noticed(tmp_path):
    path = _fast_start(tmp_path / "a.mp4", 14)
    with av.open(str(path)) as source:
        starts = sorted(packet.pos for packet in source.demux(video=0) if packet.pos)
    path.write_bytes(path.read_bytes()[: starts[9]])  # between two packets: nothing is broken
    with pytest.raises(UserError, match="cut short.* 9 frames"):
        recording.record(path, fakes.Fake(), ExtractionSettings())


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi"])
def test_a_video_cut_short_fails_unless_the_rest_is_asked_for(tmp_path, suffix):
    path = fakes.cut(fakes.movie(tmp_path / f"a{suffix}", 120))
    with pytest.raises(UserError, match="damaged.*--keep-partial"):
        recording.record(path, fakes.Fake(), ExtractionSettings())
    clip, note = recording.record(path, fakes.Fake(), ExtractionSettings(), keep_partial=True)
    assert 10 < len(clip) < 110
    assert "cut short" in note or "decoding failed" in note
