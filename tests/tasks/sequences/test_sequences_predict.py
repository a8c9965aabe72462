"""Prediction of label sequences in files and folders, and the command line."""

import json

import numpy as np
import pytest
import sequence_runs

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer import clip_items, files, predict
from jaxsign.infer import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sequence_runs.save_run(tmp_path_factory.mktemp("run") / "r")


def test_one_file_shows_all_hypotheses(folder, tmp_path, capsys):
    x = sequence_runs.clip(60)
    np.savez(tmp_path / "a.npz", X=x)
    out = tmp_path / "p.json"
    assert predict.predict_files(folder, tmp_path / "a.npz", out=out, batch_size=4) == 0
    saved = json.loads(out.read_text(encoding="utf-8"))
    run = runs.load_run(folder)
    (expected,) = sequence_runs.recognise(run, [run.features(x)], 1, mode="two_pass")
    names = sequence_runs.NAMES
    assert saved["gloss_prediction"] == [f"{names[i]} ({i})" for i in expected.glosses]
    assert saved["mode"] == "two_pass" and len(saved["hypotheses"]) == 8
    best = saved["hypotheses"][0]
    assert best["score"] == saved["score"] == pytest.approx(expected.score, abs=1e-3)
    assert saved["gloss_probability"] == pytest.approx(np.exp(best["log_ctc"]))
    printed = capsys.readouterr().out
    assert (
        "a.npz" in printed and "log attention" in printed and names[expected.glosses[0]] in printed
    )


def test_a_folder_gives_a_line_a_file_and_names_bad_ones(folder, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for seed, frames in enumerate((20, 90)):
        np.savez(data / f"c{seed}.npz", X=sequence_runs.clip(frames, seed))
    np.savez(data / "empty.npz", X=np.zeros((0, 42, 7), np.float32))
    np.savez(data / "flat.npz", X=np.zeros((8, 294), np.float32))
    np.savez(data / "nan.npz", X=np.full((8, 42, 7), np.nan, np.float32))
    out = tmp_path / "p.json"
    words = ["predict", "--workdir", str(folder), str(data), "--out", str(out), "--mode", "greedy"]
    assert cli.main([*words, "--batch-size", "4"]) == 1
    saved = json.loads(out.read_text(encoding="utf-8"))
    assert [row["file"] for row in saved] == ["c0.npz", "c1.npz"]
    assert all(len(row["hypotheses"]) == 1 for row in saved)
    streams = capsys.readouterr()
    assert "2 of 5 files predicted." in streams.out
    for name, reason in (("empty", "no frames"), ("flat", "42 x 7"), ("nan", "NaN")):
        line = next(li for li in streams.err.splitlines() if f"{name}.npz" in li)
        assert reason in line


def test_stored_features_are_read_as_in_training_wherever_they_lie(folder, tmp_path):
    run = runs.load_run(folder)
    x = sequence_runs.clip(30)
    x[..., 3:] *= 5  # velocities that no clip would be given anew
    features = tmp_path / "processed/val/features"
    features.mkdir(parents=True)
    np.save(features / "sample_00000.npy", x)
    (tmp_path / "processed/label_map.json").write_text('{"<blank>": 0, "HELLO": 1}')
    for place in (features / "sample_00000.npy", features, tmp_path / "processed"):
        (item,) = clip_items.find(place)
        np.testing.assert_array_equal(files.read(item, run).x, run.features(x))
    np.save(features / "other.npy", np.zeros((4, 5), np.float32))
    _, other = sorted(clip_items.find(features), key=lambda i: i.name != "other.npy")[::-1]
    with pytest.raises(UserError, match="other.npy"):
        files.read(other, run)


def test_words_that_make_no_sense_are_refused(folder, tmp_path, capsys):
    np.savez(tmp_path / "a.npz", X=sequence_runs.clip(8))
    with pytest.raises(UserError, match="n_best <= beam"):
        predict.predict_files(folder, tmp_path / "a.npz", asked={"beam": 3, "n_best": 4})
    with pytest.raises(UserError, match="every frame"):
        predict.predict_files(folder, tmp_path / "a.npz", mask="visibility")
    for words in (["--costs", "3,4"], ["--costs", "0,1,1"], ["--mode", "best"], ["--beam", "0"]):
        with pytest.raises(SystemExit):
            cli.main(["evaluate", "--workdir", str(folder), *words])
    assert "neither unit nor like 3,3,4" in capsys.readouterr().err
