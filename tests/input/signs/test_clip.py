import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clip_lib


def make_clip(frames=7, seed=0, visibility=True):
    rng = np.random.default_rng(seed)
    landmarks = rng.random((frames, 543, 3), np.float32)
    landmarks[rng.random((frames, 543)) < 0.2] = np.nan
    return clip_lib.Clip(
        landmarks,
        np.arange(frames) / 25,
        (640, 480),
        25.0,
        "camera – left",
        rng.random((frames, 33), np.float32) if visibility else None,
    )


@pytest.mark.parametrize("visibility", [True, False])
def test_round_trip(tmp_path, visibility):
    clip = make_clip(visibility=visibility)
    path = clip.save(tmp_path / "deep" / "how are you.v2.clip.npz")
    again = clip_lib.load(path)
    np.testing.assert_array_equal(again.landmarks, clip.landmarks)
    np.testing.assert_array_equal(again.timestamps, clip.timestamps)
    assert (again.frame_size, again.fps, again.source) == ((640, 480), 25.0, "camera – left")
    assert (again.visibility is None) == (not visibility)
    if visibility:
        np.testing.assert_array_equal(again.visibility, clip.visibility)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_parts_cover_every_point_once():
    covered = np.zeros(clip_lib.POINTS, int)
    for part in clip_lib.PARTS.values():
        covered[part] += 1
    assert (covered == 1).all()


def test_presence_tells_the_frames_of_every_part_and_is_in_the_file(tmp_path):
    landmarks = np.full((4, clip_lib.POINTS, 3), np.nan, np.float32)
    landmarks[1:3, clip_lib.POSE] = 0.5
    landmarks[3, clip_lib.LEFT_HAND.start] = 0.5  # one point is enough
    clip = clip_lib.Clip(landmarks, np.arange(4.0))
    seen = {name: np.flatnonzero(frames).tolist() for name, frames in clip.presence.items()}
    assert seen == {"face": [], "left_hand": [3], "pose": [1, 2], "right_hand": []}
    path = clip.save(tmp_path / "a.clip.npz")
    stored = clip_lib.read_npz(path)["presence"]
    np.testing.assert_array_equal(stored, np.stack(list(clip.presence.values()), 1))


@pytest.mark.parametrize(
    "change",
    [
        {"landmarks": np.zeros((3, 542, 3))},
        {"landmarks": np.zeros((0, 543, 3)), "timestamps": np.zeros(0)},
        {"landmarks": np.full((3, 543, 3), np.inf)},
        {"timestamps": np.zeros(4)},
        {"timestamps": np.asarray([0, 2, 1])},
        {"timestamps": np.asarray([0, np.nan, 1])},
        {"visibility": np.zeros((3, 25))},
        {"fps": -1.0},
    ],
)
def test_impossible_clips_are_refused(change):
    fields = {"landmarks": np.zeros((3, 543, 3)), "timestamps": np.arange(3)}
    with pytest.raises(ValueError):
        clip_lib.Clip(**{**fields, **change})


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = make_clip().save(tmp_path / "a.clip.npz")
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError):
        make_clip(seed=1).save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_unreadable_files_are_user_errors(tmp_path):
    good = make_clip().save(tmp_path / "good.clip.npz")
    (tmp_path / "cut.clip.npz").write_bytes(good.read_bytes()[:5000])
    (tmp_path / "text.clip.npz").write_text("hello")
    np.savez(tmp_path / "other.clip.npz", X=np.zeros((2, 156)))
    with open(tmp_path / "pickled.clip.npz", "wb") as file:
        np.savez(file, landmarks=np.asarray([{}], object))
    for name in ("cut", "text", "other", "pickled", "absent"):
        with pytest.raises(UserError, match=f"{name}.clip.npz"):
            clip_lib.load(tmp_path / f"{name}.clip.npz")


def test_wrong_suffix(tmp_path):
    with pytest.raises(UserError, match="clip.npz"):
        make_clip().save(tmp_path / "a.npz")
