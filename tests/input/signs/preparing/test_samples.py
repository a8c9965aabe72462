"""Keypoints of all widths as samples, and recordings of a sensor."""

import sys
import types

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import hand_joints
from jaxsign.input.signs.formats import in_order
from jaxsign.input.signs.leap_motion import LeapMotion
from jaxsign.input.signs.preparing import label_table, recordings, samples, voya


def hands(frames=6, absent=()):
    """float32 [T, 42, 3], one hand absent in some frames."""
    x = np.random.default_rng(0).uniform(0.2, 0.8, (frames, 42, 3)).astype(np.float32)
    x[list(absent), 21:] = 0
    return x


@pytest.mark.parametrize("shape", [(6, 126), (6, 42, 3), (6, 294), (6, 42, 7)])
def test_both_hands_of_all_widths(shape):
    x = hands(absent=(2, 3))
    stored = x
    if shape[-1] in (294, 7):
        stored = np.concatenate([x, np.zeros((6, 42, 4), np.float32)], axis=-1)
    made = voya.clip(stored.reshape(shape), 30.0)
    assert made.fps == 30
    np.testing.assert_array_equal(made.landmarks[:, clips.LEFT_HAND], x[:, :21])
    seen = ~np.isnan(made.landmarks[:, clips.RIGHT_HAND]).any(axis=(1, 2))
    assert seen.tolist() == [True, True, False, False, True, True]


@pytest.mark.parametrize("shape", [(6, 63), (6, 21, 3), (6, 21, 2)])
def test_one_hand_is_the_left_one(shape):
    x = hands()[:, :21, : 3 if shape[-1] != 2 else 2]
    made = voya.clip(x.reshape(shape), 60.0)
    np.testing.assert_array_equal(made.landmarks[:, clips.LEFT_HAND, : x.shape[-1]], x)
    assert np.isnan(made.landmarks[:, clips.RIGHT_HAND]).all()
    joints = hand_joints.joints(made)
    assert (joints[:, :21, 6] == 1).all() and (joints[:, 21:] == 0).all()
    assert np.abs(joints[:, :21, 3:5]).max() > 0


@pytest.mark.parametrize("shape", [(6, 100), (6, 20, 3), (6, 42, 1), (6,), (0, 126), (), (6, 0)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(UserError):
        voya.clip(np.zeros(shape, np.float32), 60.0)


@pytest.mark.parametrize(
    "x", [hands() * 1j, hands() > 0.5, np.full((6, 42, 3), "a"), [[1], [1, 2]]]
)
def test_what_is_no_number_is_refused(x, tmp_path):
    with pytest.raises(UserError, match="keypoints is no array of numbers"):
        voya.keypoints({"keypoints": x}, tmp_path)


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_single_precision_are_refused(tmp_path):
    with pytest.raises(UserError, match="infinite"):
        voya.clip(voya.keypoints({"keypoints": hands().astype(float) * 1e300}, tmp_path), 30.0)


@pytest.mark.parametrize(
    ("value", "label"),
    [(np.array(b"caf\xc3\xa9"), "café"), (np.float64("nan"), ""), (np.array(["a"]), "a"), (3, "3")],
)
def test_labels_of_other_types(value, label):
    assert voya.label({"label": value}) == label


def test_a_label_that_is_no_text_is_refused():
    with pytest.raises(UserError, match="not UTF-8"):
        voya.label({"label": b"caf\xe9"})


def a_folder(folder):
    for name, key, label in (
        ("train/a", "keypoints", {"label": "b"}),
        ("train/b", "sequence", {"gloss": "a"}),
        ("validation/a", "arr_0", {"class": "b"}),
        ("test/c/x", "keypoints", {}),
        ("test/y", "keypoints", {}),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.savez(folder / name, **{key: hands().reshape(6, 126)}, **label)
    np.savez(folder / "train" / "short.npz", keypoints=np.ones((3, 126)), label="d")
    np.savez(folder / "train" / "odd.npz", keypoints=np.ones((9, 100)), label="e")
    (folder / "train" / "not.npz").write_bytes(b"no archive")
    (folder / "train" / "lost.npz").symlink_to(folder / "gone.npz")


def test_a_folder_of_npz_files(tmp_path):
    a_folder(tmp_path)
    found = samples.collect(tmp_path, samples.keypoints(tmp_path, fps=30))
    rows = [(e.name, e.glosses, e.split) for e in found.entries]
    assert rows == [
        ("train/a", ("b",), "train"),
        ("train/b", ("a",), "train"),
        ("validation/a", ("b",), "val"),
        ("test/c/x", ("c",), "test"),
    ]
    assert found.glosses == ("b", "a", "c")  # as they appear
    told = "\n".join(found.problems)
    assert len(found.problems) == 5 and "lost.npz: " in told
    assert "short.npz: 3 frames" in told and "has no label" in told
    assert "odd.npz: keypoints [9, 100]" in told and "not.npz: not an .npz" in told
    assert found.read(1).fps == 30 and len(found.read(3)) == 6


def test_labels_of_a_table_come_first(tmp_path):
    a_folder(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text("file,label,signer\ntrain/a.npz,X Y,s1\ny,Z,s2\na,W,s3\nz,W,s3\ntest/y,V,s2\n")
    table = label_table.read(path, separator=" ")
    found = samples.collect(tmp_path, samples.keypoints(tmp_path), table)
    rows = {e.name: (e.glosses, e.signer) for e in found.entries}
    assert rows["train/a"] == (("X", "Y"), "s1") and rows["test/y"] == (("Z",), "s2")
    assert rows["train/b"] == (("a",), "")
    told = "\n".join(found.problems)
    assert "'a' names 2 samples" in told and "'z' names no sample" in told
    assert "line 6: 'test/y' names test/y again" in told


def test_numbers_as_labels_keep_their_places():
    assert voya.class_names(["2", "0", "2"]) == ("0", "1", "2")
    assert voya.class_names(["b", "1", "b", "a"]) == ("b", "1", "a")


class Rows(list):
    """Rows of the datasets library, as far as they are used."""

    features = {"label": types.SimpleNamespace(names=["yes", "no"])}


def test_a_set_of_the_datasets_library(tmp_path, monkeypatch):
    (tmp_path / "dataset_dict.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"not installed. Install it: pip install 'jaxsign\[data"):
        samples.keypoints(tmp_path)
    np.savez(tmp_path / "far.npz", keypoints=hands())
    stored = {
        "test": Rows([{"file": "far.npz", "label": 0}]),
        "train": Rows([{"keypoints": hands().tolist(), "label": 1}, {"label": 1}]),
    }
    library = types.SimpleNamespace(load_from_disk=lambda path: stored)
    monkeypatch.setitem(sys.modules, "datasets", library)
    found = samples.collect(tmp_path, samples.keypoints(tmp_path))
    rows = [(e.name, e.glosses, e.split) for e in found.entries]
    assert rows == [("train/00000", ("no",), "train"), ("test/00000", ("yes",), "test")]
    assert "train/00001: has no array" in found.problems[0]
    np.testing.assert_array_equal(
        found.read(0).landmarks,
        samples.collect(tmp_path, samples.keypoints(tmp_path)).read(0).landmarks,
    )
    assert found.read(1).landmarks[0, 468, 0] == hands()[0, 0, 0]


def test_recordings_lie_in_folders_of_their_glosses(tmp_path):
    for name in ("train/HELLO/a", "test/BYE/b"):
        (tmp_path / name).parent.mkdir(parents=True)
        np.save(tmp_path / name, hands(12)[:, :21] * 300)
    (tmp_path / "labels.csv").write_text("file,label\na,HI\n")
    found = recordings.find(tmp_path, LeapMotion(), "left", str(tmp_path / "labels.csv"))
    table = label_table.read(tmp_path / "labels.csv")
    made = samples.collect(tmp_path, found, table, names=lambda names: in_order((), names))
    assert [(e.glosses, e.split) for e in made.entries] == [(("HI",), "train"), (("BYE",), "test")]
    assert made.glosses == ("BYE", "HI") and made.read(0).shape == (6, 42, 7)
    with pytest.raises(UserError, match="no recordings"):
        recordings.find(tmp_path / "train" / "HELLO" / "none", LeapMotion())
