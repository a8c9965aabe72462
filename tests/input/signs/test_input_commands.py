"""The verbs validate and export-data, as they are typed."""

import argparse
import csv

import helpers
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.signs import (
    clip_source,
    commands,
    convert_commands,
    exporting,
    sources,
    validate,
)
from jaxsign.input.signs.clip import POINTS, Clip

FOLDER = helpers.GOLDEN / "fslr" / "validate_npz"


def _run(*words: str) -> int:
    top = argparse.ArgumentParser()
    verbs = top.add_subparsers()
    commands.add_validate(verbs)
    convert_commands.add_export_data(verbs)
    convert_commands.add_convert(verbs)
    parsed, rest = top.parse_known_args(words)
    parsed.rest = rest
    assert not rest or parsed.overrides
    return parsed.run(parsed)


def test_validate_prints_the_report_and_tells_by_its_status(tmp_path, capsys):
    assert _run("validate", str(FOLDER / "ok_no_x2048.npz")) == 0
    assert capsys.readouterr().out == "Checked 1 files; 0 with issues.\n"
    assert _run("validate", str(FOLDER / "ok_no_x2048.npz"), "--require-x2048") == 2
    assert "  * missing key: X2048 (required)\n" in capsys.readouterr().out
    assert _run("validate", str(FOLDER / "mask_allfalse.npz"), "--no-check-transformer") == 0
    with pytest.raises(UserError, match="no such folder"):
        _run("validate", str(tmp_path / "nowhere"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "train"
    words = [
        "--config.data.synthetic.signs=3",
        "--config.data.synthetic.categories=2",
        "--config.data.synthetic.clips_per_signer=1",
    ]
    words += ["--config.data.synthetic.frames=(8,12)", "--find-occluded"]
    recipe = ["--config", "fslr_transformer:synthetic"]
    assert _run("export-data", *recipe, "--split", "val", "--out", str(out), *words) == 0
    return out


def test_export_data_passes_the_validator(exported):
    report = validate.validate_tree(exported)
    assert report.files and report.issues == {}


def test_export_data_gives_the_same_labels_and_keypoints_back(exported):
    data = configs.load("fslr_transformer").data
    data.val.path = str(exported)
    again = sources.open_source(data, "val")
    synthetic = configs.load("fslr_transformer:synthetic").data
    synthetic.synthetic.update(signs=3, categories=2, clips_per_signer=1, frames=(8, 12))
    first = sources.open_source(synthetic, "val")
    assert again.ids == first.ids and len(again) == 6
    for head in ("gloss", "cat"):
        np.testing.assert_array_equal(again.labels[head], first.labels[head])
    np.testing.assert_array_equal(again.lengths, first.lengths)
    assert again.occluded is not None and again.read(0).shape == (first.lengths[0], 156)


def test_convert_writes_the_same_from_a_recipe(exported, tmp_path):
    settings = ("signs=3", "categories=2", "clips_per_signer=1", "frames=(8,12)")
    words = [f"--config.data.synthetic.{one}" for one in settings]
    recipe = ["--config", "fslr_transformer:synthetic", "--split", "val", "--find-occluded"]
    assert _run("convert", *recipe, "--to", "fslr", "--out", str(tmp_path / "x"), *words) == 0
    names = sorted(path.name for path in exported.iterdir())
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == names
    for name in names:
        one, other = (folder / name for folder in (exported, tmp_path / "x"))
        if name.endswith(".npz"):
            arrays = [dict(np.load(path)) for path in (one, other)]
            assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[0])
        else:
            assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Give SRC"),
        (("a", "--config", "b"), "Give SRC"),
        (("--config", "b", "--to", "store"), "--to store: a recipe"),
        (("--config", "b", "--confidence", "0"), "--confidence: a recipe"),
        (("a", "--find-occluded"), "goes with --config"),
    ],
)
def test_convert_of_a_recipe_takes_what_fits(words, message, tmp_path):
    with pytest.raises(UserError, match=message):
        _run("convert", *words, "--out", str(tmp_path / "x"))


def test_export_data_does_not_write_over_a_data_set(exported):
    with pytest.raises(UserError, match=r"labels\.csv exists already"):
        _run("export-data", "--config", "fslr_transformer:synthetic", "--out", str(exported))


def _source(**changes):
    clip = Clip(np.full((4, POINTS, 3), 0.5, np.float32), np.array([0.0, 0.1, 0.2, 0.35]))
    given = {
        "name": "mine",
        "ids": ["a/b", "c d.e"],
        "lengths": np.array([4, 4], np.int32),
        "labels": {"gloss": np.array([1, 0]), "cat": np.array([0, 2])},
        "reader": [clip, np.full((3, 156), 0.25, np.float32)].__getitem__,
        "occluded": np.array([True, False]),
    }
    return clip_source.Source(**given | changes)


def _export(monkeypatch, out, source):
    monkeypatch.setattr(sources, "open_source", lambda data, split: source)
    return exporting.export_data(configs.base(), "train", out)


def test_export_data_keeps_times_names_and_occlusion(monkeypatch, tmp_path):
    assert _export(monkeypatch, tmp_path, _source()) == 2
    with open(tmp_path / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "gloss", "cat", "occluded"],
        ["a_b.npz", "1", "0", "1"],
        ["c d.e.npz", "0", "2", "0"],
    ]
    with np.load(tmp_path / "a_b.npz") as clip:
        assert clip["timestamps_ms"].tolist() == [0, 100, 200, 350]
        assert '"occluded_flag": 1' in str(clip["meta"])
        np.testing.assert_array_equal(clip["X"], np.full((4, 156), 0.5, np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"sign": np.zeros(2, int)}}, "no gloss and no cat"),
        ({"ids": ["a/b", "a_b"]}, "two examples"),
        ({"reader": lambda i: np.zeros((3, 2048), np.float32)}, r"\[3, 2048\].*keypoints"),
    ],
)
def test_sources_that_do_not_fit_are_refused(monkeypatch, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        _export(monkeypatch, tmp_path, _source(**changes))
    assert not (tmp_path / "labels.csv").exists()
