import json

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip


def a_clip(frames=5, seed=0):
    landmarks = np.random.default_rng(seed).random((frames, 543, 3), np.float32)
    landmarks[0, :468] = np.nan
    return Clip(landmarks, np.arange(frames) / 25, frame_size=(64, 48), fps=25.0, source="me")


def a_folder(folder, names=("a b.v1", "train/b", "val/c")):
    for seed, name in enumerate(names):
        a_clip(3 + seed, seed).save(folder / f"{name}.clip.npz")
    return folder


def test_a_folder_with_class_numbers_and_names(tmp_path):
    a_folder(tmp_path)
    (tmp_path / "labels.csv").write_text("file,gloss,cat\na b.v1.clip.npz,2,0\n")
    (tmp_path / "train" / "labels.csv").write_text("file,gloss,cat,signer\nb,0,1,anna\n")
    names = {"heads": {"gloss": ["YES", "NO", "GOOD MORNING"], "cat": ["GREETING", "ANSWER"]}}
    (tmp_path / "labels.json").write_text(json.dumps(names))
    found = formats.open_collection(tmp_path)
    assert found.format == "clips" and not found.problems
    entries = {entry.name: entry for entry in found.entries}
    assert entries["a b.v1"].glosses == ("GOOD MORNING",)
    assert entries["a b.v1"].category == "GREETING" and entries["a b.v1"].split == ""
    assert entries["train/b"].glosses == ("YES",)
    assert (entries["train/b"].split, entries["train/b"].signer) == ("train", "anna")
    assert entries["val/c"].glosses == () and entries["val/c"].split == "val"
    for i, entry in enumerate(found.entries):
        assert entry.path.is_file() and found.frames(i) == len(found.read(i))
    assert found.classes()[0] == ("YES", "NO", "GOOD MORNING")


def test_numbers_without_names_stay_numbers_in_order(tmp_path):
    a_folder(tmp_path, ("a", "b"))
    (tmp_path / "labels.csv").write_text("file,gloss,cat\na,10,0\nb,9,0\n")
    glosses = formats.open_collection(tmp_path).classes()[0]
    assert glosses == tuple(str(i) for i in range(11))


def test_what_is_wrong_with_single_rows_is_told(tmp_path):
    a_folder(tmp_path, ("a",))
    rows = ["file,gloss,cat,split", "a,0,0,train", "a,1,0,train", "gone,0,0,val", "b,0,0,dev"]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    found = formats.open_collection(tmp_path)
    assert [entry.name for entry in found.entries] == ["a"]
    text = "\n".join(found.problems)
    assert "line 3: 'a' again" in text and "split='dev'" in text and "gone.clip.npz" in text


def test_one_file_is_a_collection_of_one(tmp_path):
    a_clip().save(tmp_path / "x.clip.npz")
    found = formats.open_collection(tmp_path / "x.clip.npz")
    assert (found.format, len(found), found.entries[0].name) == ("clips", 1, "x")
    bare = tmp_path / "bare.npz"
    np.savez(bare, landmarks=a_clip().landmarks.astype(np.float16), fps=np.float64(10))
    found = formats.open_collection(bare)
    assert found.format == "clips"
    np.testing.assert_allclose(found.read(0).timestamps, np.arange(5) / 10)


def test_a_damaged_file_is_named(tmp_path):
    a_folder(tmp_path, ("a", "b"))
    (tmp_path / "a.clip.npz").write_bytes(b"no archive")
    found = formats.open_collection(tmp_path)
    for ask in (found.read, found.frames):
        with pytest.raises(UserError, match="a.clip.npz"):
            ask(0)


def test_nothing_that_is_known(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match="(?s)none of the known formats.*notes.txt.*clips:"):
        formats.detect(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        formats.detect(tmp_path / "absent")
    with pytest.raises(UserError, match="Did you mean 'clips'"):
        formats.open_collection(tmp_path, "clip")


def test_a_bare_file_keeps_what_it_tells(tmp_path):
    clip = a_clip()
    times = np.array([0, 0.1, 0.15, 0.4, 0.5])
    np.savez(tmp_path / "a.npz", landmarks=clip.landmarks, timestamps=times)
    found = formats.open_collection(tmp_path / "a.npz").read(0)
    np.testing.assert_array_equal(found.timestamps, times)
    assert found.fps == 0
    clip.save(tmp_path / "b.clip.npz").rename(tmp_path / "b.npz")
    found = formats.open_collection(tmp_path / "b.npz").read(0)
    np.testing.assert_array_equal(found.timestamps, clip.timestamps)
    assert (found.frame_size, found.fps) == (clip.frame_size, clip.fps)
    for fps in (0.0, -3.0, np.nan):
        np.savez(tmp_path / "c.npz", landmarks=clip.landmarks, fps=fps)
        with pytest.raises(UserError, match="c.npz: fps is"):
            formats.open_collection(tmp_path / "c.npz").read(0)


def test_drafts_of_an_interrupted_command_are_no_clips(tmp_path):
    a_folder(tmp_path / "data" / ".out.x1.partial")
    (tmp_path / "data" / "notes.txt").write_text("")
    with pytest.raises(UserError, match="none of the known formats"):
        formats.detect(tmp_path / "data")
