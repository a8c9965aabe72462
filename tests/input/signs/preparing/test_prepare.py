"""`jaxsign prepare` of keypoints, recordings and clips."""

import json

import numpy as np
import pytest
from collections_of_clips import a_clip, write_csv

from jaxsign import cli
from jaxsign.input.signs import formats


def prepare(source, data, out, *words):
    common = ["--source", source, "--data", str(data), "--out", str(out)]
    return cli.main(["prepare", *common, *map(str, words)])


def keypoints(frames=8, seed=0):
    return np.random.default_rng(seed).uniform(0.3, 0.6, (frames, 126)).astype(np.float32)


def a_voya_folder(folder, labels):
    for i, label in enumerate(labels):
        split = ("train", "train", "validation", "test")[i % 4]
        (folder / split).mkdir(parents=True, exist_ok=True)
        np.savez(folder / split / f"x{i}", keypoints=keypoints(seed=i), label=label)


def test_keypoints_keep_their_splits_and_get_velocities(tmp_path, capsys):
    a_voya_folder(tmp_path / "voya", [3, 0, 3, 3])
    words = ["--source-fps", "30"]
    assert prepare("huggingface", tmp_path / "voya", tmp_path / "out", *words) == 0
    said = capsys.readouterr().out
    assert "4 glosses and the blank" in said and "warning: train has no clip of 2" in said
    names = json.loads((tmp_path / "out" / "label_map.json").read_text())
    assert names == {"<blank>": 0, "0": 1, "1": 2, "2": 3, "3": 4}  # every number, as id - 1
    label = np.load(tmp_path / "out" / "val" / "labels" / "sample_00000.npy")
    x = np.load(tmp_path / "out" / "val" / "features" / "sample_00000.npy")
    assert label.tolist() == [4] and label.dtype == np.int64
    assert x.shape == (15, 42, 7) and (x[..., 6] == 1).all() and np.abs(x[..., 3:6]).max() > 1
    np.testing.assert_allclose(x[::2, :, :3].reshape(8, 126), keypoints(seed=2), atol=1e-5)
    assert prepare("huggingface", tmp_path / "voya", tmp_path / "old", "--upstream") == 0
    x = np.load(tmp_path / "old" / "val" / "features" / "sample_00000.npy")
    assert x.shape == (8, 42, 7) and (x[..., 3:] == 0).all()


def test_samples_that_fail_are_left_out_and_told(tmp_path, capsys):
    a_voya_folder(tmp_path / "voya", ["a", "b", "a", "b"])
    np.savez(tmp_path / "voya" / "train" / "short", keypoints=keypoints(3), label="c")
    assert prepare("huggingface", tmp_path / "voya", tmp_path / "out") == 2
    said = capsys.readouterr().out
    assert "1 left out:" in said and "short.npz: 3 frames, expected at least 4" in said
    assert prepare("huggingface", tmp_path / "voya", tmp_path / "again", "--skip") == 0


def test_recordings_of_a_sensor(tmp_path):
    frames = np.random.default_rng(0).uniform(20, 300, (24, 21, 3))
    for i in range(4):
        folder = tmp_path / "leap" / ("HELLO", "BYE")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{i}.npy", frames + i)
    assert prepare("leap", tmp_path / "leap", tmp_path / "out", "--side", "left") == 0
    found = formats.open_collection(tmp_path / "out")
    assert found.glosses == ("BYE", "HELLO") and len(found) == 4
    x = np.load(tmp_path / "out" / "test" / "features" / "sample_00000.npy")
    assert x.shape == (12, 42, 7) and (x[:, :21, 6] == 1).all() and (x[:, 21:] == 0).all()
    assert prepare("leap", tmp_path / "leap", tmp_path / "old", "--upstream") == 0
    assert formats.open_collection(tmp_path / "old").read(0).fps == 120


def clips(folder, count=6):
    rows = [["file", "glosses", "signer"]]
    for i in range(count):
        a_clip(i, frames=9).save(folder / f"c{i}.clip.npz")
        rows.append([f"c{i}", ("A", "B C")[i % 2], f"s{i % 3}"])
    write_csv(folder / "labels.csv", rows)


def test_clips_of_any_format(tmp_path, capsys):
    clips(tmp_path / "clips")
    words = ["--split", "stratified", "--val-share", "0", "--test-share", "0.34"]
    assert prepare("clips", tmp_path / "clips", tmp_path / "out", *words) == 0
    found = formats.open_collection(tmp_path / "out")
    assert found.glosses == ("A", "B C") and {e.signer for e in found.entries} <= {"s0", "s1", "s2"}
    # What was prepared can be prepared again: its splits stay.
    assert prepare("clips", tmp_path / "out", tmp_path / "again") == 0
    again = formats.open_collection(tmp_path / "again")
    assert [(e.name, e.glosses, e.signer) for e in again.entries] == [
        (e.name, e.glosses, e.signer) for e in found.entries
    ]
    np.testing.assert_allclose(
        np.load(tmp_path / "again" / "train" / "features" / "sample_00000.npy")[..., :3],
        np.load(tmp_path / "out" / "train" / "features" / "sample_00000.npy")[..., :3],
        atol=1e-4,
    )
    capsys.readouterr()
    assert prepare("clips", tmp_path / "out", tmp_path / "again") == 1
    assert "exists already" in capsys.readouterr().err


def test_a_table_labels_clips_anew(tmp_path, capsys):
    clips(tmp_path / "clips")
    write_csv(
        tmp_path / "new.csv",
        [["file", "label"], *([f"c{i}.clip.npz", "X Y"] for i in range(5)), ["gone", "Z"]],
    )
    words = ["--labels", tmp_path / "new.csv", "--separator", " "]
    assert prepare("clips", tmp_path / "clips", tmp_path / "out", *words) == 2
    said = capsys.readouterr().out
    assert "'gone' names no clip" in said and "c5: has no row in" in said
    found = formats.open_collection(tmp_path / "out")
    assert {e.glosses for e in found.entries} == {("X", "Y")} and len(found) == 5


def test_a_table_that_names_a_clip_twice_does_not_decide_by_itself(tmp_path, capsys):
    clips(tmp_path / "clips")
    rows = [["file", "label"], *([f"c{i}", "X"] for i in range(6)), ["c0.clip.npz", "Y"]]
    write_csv(tmp_path / "new.csv", rows)
    words = ["--labels", tmp_path / "new.csv"]
    assert prepare("clips", tmp_path / "clips", tmp_path / "out", *words) == 2
    assert "line 8: 'c0.clip.npz' names c0 again" in capsys.readouterr().out
    assert {e.glosses for e in formats.open_collection(tmp_path / "out").entries} == {("X",)}


def test_a_seed_is_one_of_numpys(tmp_path, capsys):
    with pytest.raises(SystemExit):
        prepare("clips", tmp_path, tmp_path / "out", "--seed", "4294967296")
    assert "4294967296 is no seed" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--fps", "0"], ["--source-fps", "nan"]])
def test_a_rate_is_one_of_films(tmp_path, capsys, words):
    with pytest.raises(SystemExit):
        prepare("clips", tmp_path, tmp_path / "out", *words)
    said = capsys.readouterr().err
    assert words[0] in said and f"'{words[1]}': expected 0.01 to 1000" in said


def test_the_originals_split_of_few_clips_repeats_them(tmp_path):
    clips(tmp_path / "clips")
    assert prepare("clips", tmp_path / "clips", tmp_path / "out", "--split", "original") == 0
    found = formats.open_collection(tmp_path / "out")
    assert [e.split for e in found.entries].count("val") == 6 and len(found) == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "given"], "6 of 6 clips belong to no split"),
        (["--val-share", "0.9"], "together less than 1"),
        (["--labels", "none.csv"], "none.csv: no such file"),
    ],
)
def test_mistakes_are_one_message(tmp_path, capsys, words, message):
    clips(tmp_path / "clips")
    assert prepare("clips", tmp_path / "clips", tmp_path / "out", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
