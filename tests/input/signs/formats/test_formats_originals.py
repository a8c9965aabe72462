"""The original systems' own layouts: FSLR, SignON, WhisperSign, archives of 75 points, .pose."""

import builtins
import json
import sys

import helpers
import making
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, fslr_npz
from jaxsign.input.signs.formats import fslr, pose

GOLDEN_FSLR = helpers.GOLDEN / "fslr" / "validate_npz"


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def test_fslr_hidden_pose_points_keep_their_places():
    clip = fslr.load(GOLDEN_FSLR / "ok.npz")
    with np.load(GOLDEN_FSLR / "ok.npz") as arrays:
        x, mask = arrays["X"].reshape(-1, 78, 2), arrays["mask"]
        times = arrays["timestamps_ms"]
    np.testing.assert_allclose(clip.timestamps, times / 1000)
    np.testing.assert_array_equal(clip.visibility[:, :25] >= 0.5, mask[:, :25])
    kept = (x[:, :25] != 0).any(axis=-1)
    found = clip.landmarks[:, clips.POSE][:, :25]
    np.testing.assert_array_equal(found[..., :2][kept], x[:, :25][kept])
    assert np.isnan(found[~kept & ~mask[:, :25]]).all()
    hand = clip.landmarks[:, clips.LEFT_HAND]
    np.testing.assert_array_equal(np.isnan(hand[..., 0]), ~mask[:, 25:46])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x_nan", "NaN"),
        ("x_shape", "expected"),
        ("missing_X", "X2048"),
        ("t_mismatch", "mask"),
        ("ts_decreasing", "timestamps"),
        ("not_a_zip", "not an .npz"),
        ("empty_T0", "empty"),
    ],
)
def test_bad_fslr_files(name, words):
    with pytest.raises(UserError, match=rf"{name}.npz.*{words}"):
        fslr.load(GOLDEN_FSLR / f"{name}.npz")


def test_fslr_folder_takes_names_from_the_label_map(tmp_path):
    fslr_npz.write(tmp_path / "a.npz", np.full((3, 156), 0.5))
    (tmp_path / "labels.csv").write_text("file,gloss,cat,occluded\na,0,0,1\n")
    (tmp_path / "label_map.csv").write_text(
        "gloss_id,label,cat_id,category\n0,GOOD MORNING,0,GREETING\n1,HELLO,0,GREETING\n"
    )
    found = formats.open_collection(tmp_path)
    assert (found.format, found.entries[0].glosses) == ("fslr", ("GOOD MORNING",))
    assert found.entries[0].category == "GREETING"
    assert found.classes() == (("GOOD MORNING", "HELLO"), ("GREETING",))


def a_signon_folder(folder, rows, header="Id,Label,Participant,Video,Subset"):
    (folder / "samples.csv").write_text("\n".join([header, *rows]) + "\n")
    for name in ("a.b_1", "c"):
        points = np.random.default_rng(0).random((4, 75, 3))
        points[1, 33:54] = np.nan
        save(folder / "mediapipe" / f"{name}.npy", points)


def test_signon_folder(tmp_path):
    a_signon_folder(tmp_path, ["0,2,S1,a.b_1.mp4,train", "1,0,S2,c.mp4,pilot"])
    found = formats.open_collection(tmp_path)
    assert found.format == "signon" and found.glosses == ("0", "1", "2")
    assert [(e.name, e.glosses, e.signer, e.split) for e in found.entries] == [
        ("a.b_1", ("2",), "S1", "train"),
        ("c", ("0",), "S2", ""),  # the original ignores other subsets
    ]
    clip = found.read(0)
    assert clip.fps == 25 and np.isnan(clip.landmarks[1, clips.LEFT_HAND]).all()
    (tmp_path / "glosses.csv").write_text("Gloss,Count\nYES,9\nNO,8\nHOUSE,7\n")
    assert formats.open_collection(tmp_path).entries[0].glosses == ("HOUSE",)


def test_bad_signon_rows(tmp_path):
    rows = ["0,x,S1,a.b_1.mp4,train", "1,0,S2,gone.mp4,val", "2,0,S2,c.mp4,val", "3,0,S2,c.mp4,val"]
    a_signon_folder(tmp_path, rows)
    found = formats.open_collection(tmp_path)
    assert [entry.name for entry in found.entries] == ["c"]
    text = "\n".join(found.problems)
    assert "line 2" in text and "gone.npy" in text and "line 5" in text
    a_signon_folder(tmp_path, ["0,1,S1,c.mp4,train,9"], "Id,Label,Participant,Video,Subset,More")
    with pytest.raises(UserError, match="header is .*More, expected Id,Label"):
        formats.open_collection(tmp_path)
    a_signon_folder(tmp_path, ["2,0,S2,c.mp4,val"])
    for bad in (
        np.zeros((4, 74, 3)),
        np.zeros((0, 75, 3)),
        np.array([{}]),
        np.zeros((2, 75, 3), int),
    ):
        np.save(tmp_path / "mediapipe" / "c.npy", bad)
        with pytest.raises(UserError, match=r"c.npy: "):
            formats.open_collection(tmp_path).read(0)
    (tmp_path / "mediapipe" / "c.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match="c.npy: not a readable"):
        formats.open_collection(tmp_path).frames(0)


def a_whispersign_folder(folder):
    features = np.zeros((6, 42, 7), np.float32)
    features[2:, :21] = np.random.default_rng(0).random((4, 21, 7)) + 0.1
    save(folder / "train" / "features" / "sample_00000.npy", features)
    save(folder / "train" / "labels" / "sample_00000.npy", np.array([2, 1]))
    save(folder / "val" / "features" / "sample_00000.npy", features)
    names = {"<blank>": 0, "xin_chao": 1, "bạn": 2}
    (folder / "label_map.json").write_text(json.dumps(names, ensure_ascii=False), "utf-8")
    return features


def test_whispersign_folder(tmp_path):
    features = a_whispersign_folder(tmp_path)
    found = formats.open_collection(tmp_path)
    assert found.format == "whispersign" and found.glosses == ("xin_chao", "bạn")
    assert [(e.name, e.glosses, e.split) for e in found.entries] == [
        ("train/sample_00000", ("bạn", "xin_chao"), "train"),
        ("val/sample_00000", (), "val"),
    ]
    clip = found.read(0)
    assert np.isnan(clip.landmarks[:2]).all() and clip.fps == 60
    np.testing.assert_array_equal(clip.landmarks[2:, clips.LEFT_HAND], features[2:, :21, :3])


def test_bad_whispersign_files(tmp_path):
    features = a_whispersign_folder(tmp_path)
    save(tmp_path / "train" / "labels" / "sample_00000.npy", np.array([3]))
    found = formats.open_collection(tmp_path)
    assert len(found) == 1 and "[3] are no glosses" in found.problems[0]
    features[0, 0, 0] = np.nan
    save(tmp_path / "val" / "features" / "sample_00000.npy", features)
    with pytest.raises(UserError, match="val/features/sample_00000.npy: holds NaN"):
        found.read(0)
    (tmp_path / "label_map.json").unlink()
    with pytest.raises(UserError, match="label_map.json: no such file. Expected"):
        formats.open_collection(tmp_path)


@pytest.mark.parametrize(
    "numbers",
    [
        {"A": 0, "B": 1},  # training would take A for the blank
        {"A": 0, "B": 1, "<blank>": 2},
        {"<blank>": 1, "B": 2},
        {"<blank>": 0, " ": 1},
    ],
)
def test_whispersign_maps_whose_blank_is_not_0_are_refused(tmp_path, numbers):
    a_whispersign_folder(tmp_path)
    (tmp_path / "label_map.json").write_text(json.dumps(numbers))
    with pytest.raises(UserError, match="the number 0 belongs to <blank>"):
        formats.open_collection(tmp_path)


def test_a_gloss_called_as_the_blank_is_not_written(tmp_path):
    source = making.collection([making.clip()], glosses=("YES", "<blank>"))
    with pytest.raises(UserError, match="<blank> is no name of a gloss"):
        formats.write_collection(source, tmp_path / "out", "whispersign")
    assert not list(tmp_path.iterdir())


def test_whispersign_labels_without_features_are_told(tmp_path):
    a_whispersign_folder(tmp_path)
    features = tmp_path / "train" / "features" / "sample_00000.npy"
    features.rename(tmp_path / "away.npy")
    assert (
        "labels/sample_00000.npy: has no features" in formats.open_collection(tmp_path).problems[0]
    )
    features.symlink_to(tmp_path / "gone.npy")
    found = formats.open_collection(tmp_path)
    with pytest.raises(UserError, match="features/sample_00000.npy"):
        found.frames(0)


@pytest.mark.parametrize("points", [75, 543])
def test_archive_of_clips_of_one_length(tmp_path, points):
    landmarks = np.random.default_rng(0).random((3, 5, points, 3)).astype(np.float16)
    arrays = {
        "landmarks": landmarks,
        "pose_visibility": np.ones((3, 5, 33), np.float16),
        "label": np.array([1, 0, 1]),
        "split": np.array([0, 2, 1]),
        "classes": np.array(["-", "a"]),
    }
    np.savez(tmp_path / "sequences.npz", **arrays)
    for path in (tmp_path, tmp_path / "sequences.npz"):
        found = formats.open_collection(path)
        assert found.format == "sequences" and found.glosses == ("-", "a")
        assert [(e.split, e.glosses, e.category) for e in found.entries] == [
            ("train", ("a",), "letter"),
            ("test", ("-",), "idle"),
            ("val", ("a",), "letter"),
        ]
        clip = found.read(2)
        nose, thumb = (0, 37) if points == 75 else (489, 472)  # of the pose, of the left hand
        np.testing.assert_array_equal(clip.landmarks[:, 489], landmarks[2, :, nose])
        np.testing.assert_array_equal(clip.landmarks[:, 472], landmarks[2, :, thumb])
        assert np.isnan(clip.landmarks[:, 0]).all() == (points == 75)
        assert found.frames(2) == len(clip) == 5 and clip.visibility.shape == (5, 33)
    np.savez(tmp_path / "sequences.npz", **(arrays | {"label": np.array([1, 0, 2])}))
    with pytest.raises(UserError, match="row 2: label=2"):
        formats.open_collection(tmp_path)


def test_pose_files_that_are_none(tmp_path):
    (tmp_path / "a.pose").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="a.pose: not a readable .pose file"):
        formats.open_collection(tmp_path / "a.pose").read(0)
    pose.write_clip(tmp_path / "b.pose", making.clip())
    data = (tmp_path / "b.pose").read_bytes()
    (tmp_path / "b.pose").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="b.pose"):
        formats.open_collection(tmp_path / "b.pose").read(0)


def test_pose_files_of_other_components(tmp_path):
    module = pose.library()
    header = module.pose_header
    component = header.PoseHeaderComponent("BODY_135", ["Nose"], [], [], "XYC")
    size = header.PoseHeaderDimensions(10, 10)
    body = module.numpy.NumPyPoseBody(25.0, np.ones((2, 1, 1, 2)), np.ones((2, 1, 1)))
    with open(tmp_path / "a.pose", "wb") as file:
        module.Pose(header.PoseHeader(0.2, size, [component]), body).write(file)
    with pytest.raises(UserError, match="has the components BODY_135"):
        pose.load(tmp_path / "a.pose")


def test_pose_files_without_the_library(tmp_path, monkeypatch):
    (tmp_path / "a.pose").write_bytes(b"")
    real = builtins.__import__

    def absent(name, *words, **options):
        if name.startswith("pose_format"):
            raise ImportError("No module named 'pose_format'")
        return real(name, *words, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    for name in [name for name in sys.modules if name.startswith("pose_format")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UserError, match=r"pip install .*'\.\[pose\]'"):
        formats.open_collection(tmp_path / "a.pose")


def test_two_classes_of_one_name_are_an_error(tmp_path):
    a_signon_folder(tmp_path, ["0,1,S2,c.mp4,train"])
    (tmp_path / "glosses.csv").write_text("Gloss\nYES\nNO\nYES\n")
    with pytest.raises(UserError, match="glosses.csv: the classes 0, 2 are named 'YES'"):
        formats.open_collection(tmp_path)
    fslr_npz.write(tmp_path / "f" / "a.npz", np.full((3, 156), 0.5))
    (tmp_path / "f" / "labels.csv").write_text("file,gloss,cat\na,0,0\n")
    names = {"heads": {"gloss": ["YES", "YES "], "cat": None}}
    (tmp_path / "f" / "labels.json").write_text(json.dumps(names))
    with pytest.raises(UserError, match="labels.json: the classes 0, 1 are named 'YES'"):
        formats.open_collection(tmp_path / "f")


def test_signon_subsets_that_are_none_and_videos_without_a_name(tmp_path):
    a_signon_folder(tmp_path, ["0,0,S1,a.b_1.mp4,Train", "1,0,S2,c.mp4,"])
    with pytest.raises(UserError, match="Subset holds none of train, val, test; found Train"):
        formats.open_collection(tmp_path)
    a_signon_folder(tmp_path, ["0,0,S1,/,train", "1,0,S2,c.mp4,"])
    found = formats.open_collection(tmp_path)
    assert [entry.name for entry in found.entries] == ["c"]
    assert "line 2: Video is empty" in found.problems[0]


@pytest.mark.parametrize(
    "harm",
    [
        {"pose_visibility": np.ones((1, 5, 20))},
        {"pose_visibility": np.ones((1, 4, 33))},
        {"landmarks": np.ones((1, 5, 75, 3), int)},
        {"landmarks": np.ones((1, 0, 75, 3)), "pose_visibility": np.ones((1, 0, 33))},
        {"landmarks": np.ones((1, 5, 75))},
        {"landmarks": np.ones((1, 5, 76, 3))},
        {"label": np.zeros(1)},
        {"label": np.zeros((1, 1), int)},
        {"split": np.array(["train"])},
        {"classes": np.array("a")},
        {"classes": np.array(["a", "a"])},
    ],
)
def test_archives_of_other_arrays(tmp_path, harm):
    arrays = {
        "landmarks": np.ones((1, 5, 75, 3)),
        "pose_visibility": np.ones((1, 5, 33)),
        "label": np.array([0]),
        "split": np.array([0]),
        "classes": np.array(["a"]),
    }
    np.savez(tmp_path / "sequences.npz", **(arrays | harm))
    with pytest.raises(UserError, match="sequences.npz: (expected|the classes 0, 1)"):
        formats.open_collection(tmp_path / "sequences.npz", "sequences")


@pytest.mark.parametrize("name", ["pose", "whispersign", "signon"])
def test_points_without_depth_are_written(tmp_path, name):
    clip = making.clip(4, fps=60.0)
    flat = clip.landmarks.copy()
    flat[..., 2] = np.nan
    path = tmp_path / f"x{formats.get(name).suffix}"
    formats.get(name).write_clip(path, clips.Clip(flat, clip.timestamps, fps=60.0))
    found = formats.open_collection(path).read(0).landmarks
    for part in (clips.LEFT_HAND, clips.RIGHT_HAND):
        np.testing.assert_allclose(found[:, part, :2], flat[:, part, :2], rtol=1e-5)


def test_the_first_file_of_a_folder_may_be_of_another_shape(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 7), np.float32))
    np.savez(tmp_path / "b.npz", X=np.full((3, 156), 0.5, np.float32))
    found = formats.open_collection(tmp_path)
    assert found.format == "fslr" and len(found.read(1)) == 3
    with pytest.raises(UserError, match=r"a.npz: X is \[3, 7\] float32, expected \[T, 156\]"):
        found.read(0)


def test_the_first_file_of_a_folder_may_be_damaged(tmp_path):
    for name in "abc":
        fslr_npz.write(tmp_path / f"{name}.npz", np.full((3, 156), 0.5))
    (tmp_path / "a.npz").write_bytes(b"")
    found = formats.open_collection(tmp_path)
    assert found.format == "fslr" and len(found) == 3 and found.frames(1) == 3
    with pytest.raises(UserError, match="a.npz: not an .npz file"):
        found.read(0)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".clip.npz", ".parquet"])
def test_damaged_single_files_are_told_as_such(tmp_path, suffix):
    for data in (b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04 cut short"):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(data)
        with pytest.raises(UserError, match=f"x{suffix}: not an? (readable )?.*cut short"):
            formats.open_collection(path).read(0)
    if suffix == ".npy":
        np.save(path, np.array([{}], object), allow_pickle=True)
        with pytest.raises(UserError, match="pickled objects"):
            formats.open_collection(path)
