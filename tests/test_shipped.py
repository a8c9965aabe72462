"""Models that come with the package: whole, small, called by name, and never written to."""

import glob
import json
import shutil
import tomllib

import numpy as np
import pytest
from helpers import ROOT, damaged, rewrite

from jaxsign import api, cli, shipped
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import weights

NAMES = shipped.names()
MOST = 5_000_000  # bytes of a model
MEND = "Else install jaxsign again from where it came from"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_whole_small_and_tells_its_licence(name):
    model = shipped.read(name)
    assert shipped.digests(model.folder) == dict(model.files)
    assert model.size < MOST and model.measured
    statement = (model.folder / "README.md").read_text(encoding="utf-8")
    assert "licence" in statement.lower() and model.word in statement
    for one in model.measured:  # as `jaxsign evaluate` spells it
        assert f"{100 * one.right / one.count:.1f}" in statement


@pytest.mark.parametrize("name", NAMES)
def test_a_model_names_no_place_of_its_maker(name):
    config = configs.flatten(configs.load_run_config(shipped.FOLDER / name))
    assert [key for key, value in config.items() if str(value).startswith("/")] == []


def test_the_files_of_models_and_of_the_page_are_in_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = set()
    for package, patterns in settings["tool"]["setuptools"]["package-data"].items():
        folder = ROOT.joinpath(*package.split("."))
        assert (folder / "__init__.py").exists()  # else it is no package that takes data
        for pattern in patterns:  # matched as by setuptools, whose glob is Python's
            found = glob.glob(pattern, root_dir=folder, recursive=True)
            packed |= {folder / name for name in found if (folder / name).is_file()}
    for folder in (ROOT / "jaxsign/models", ROOT / "jaxsign/infer/serve/page"):
        files = {path for path in folder.rglob("*") if path.is_file()}
        assert files and files <= packed


def test_a_model_is_called_by_its_name(tmp_path):
    assert shipped.resolved("model:traduttore33") == str(shipped.FOLDER / "traduttore33")
    for other in ("runs/model:x", "rtsp://camera/", "clips/", "-"):
        assert shipped.resolved(other) == other
    with pytest.raises(UserError, match="Did you mean 'traduttore33'.*Known: model:traduttore33"):
        shipped.resolved("model:tradutore3")


def test_a_damaged_file_is_named(tmp_path):
    shutil.copytree(shipped.FOLDER / "traduttore33", tmp_path / "traduttore33")
    files = [path for path in (tmp_path / "traduttore33").rglob("*") if path.is_file()]
    rng = np.random.default_rng(0)
    for path in files:
        whole = path.read_bytes()
        for cut in (False, True):
            if path.name == shipped.ABOUT and not cut:
                continue  # a letter of its texts may be any other
            rewrite(path, damaged(whole, rng, cut=cut))
            with pytest.raises(UserError) as told:
                shipped.read("traduttore33", tmp_path)
            assert str(path) in str(told.value) and MEND in str(told.value)
        path.unlink()
        with pytest.raises(UserError, match=f"no such file(?s:.*){MEND}"):
            shipped.read("traduttore33", tmp_path)
        path.write_bytes(whole)
    assert shipped.read("traduttore33", tmp_path).measured


REFUSED = (
    "train --config small --workdir model:traduttore33",
    "sweep --config small --workdir model:traduttore33 --space pyproject.toml",
    "import pyproject.toml --workdir model:traduttore33",
    "evaluate --workdir model:traduttore33 --data tests",
    "evaluate --workdir model:traduttore33 --none -",
    "baseline --workdir model:traduttore33",
    f"train --config small --workdir {shipped.FOLDER / 'traduttore33'}",
)


@pytest.mark.parametrize("line", REFUSED)
def test_nothing_is_written_into_a_model(line, capsys):
    assert cli.main(line.split()) == 1
    assert "comes with jaxsign and is only read" in capsys.readouterr().err
    assert shipped.digests(shipped.FOLDER / "traduttore33") == shipped.read("traduttore33").files


def test_a_training_in_python_is_refused_too():
    with pytest.raises(UserError, match="is only read. Give a folder of your own"):
        api.train("asl_hybrid:synthetic", "model:traduttore33")


def test_models_are_listed(capsys):
    assert cli.main(["models"]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["models", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    model = shipped.read("traduttore33")
    assert told["name"] == model.word and model.word in shown
    assert told["bytes"] == model.size and told["parameters"] == model.parameters
    first = told["measured"][0]
    assert first["interval"][0] < first["accuracy"] < first["interval"][1]
    assert f"{100 * first['accuracy']:.1f} %" in shown


def test_a_model_has_one_checkpoint():
    with pytest.raises(UserError, match="comes with jaxsign, with its best checkpoint alone"):
        weights.load_variables(shipped.read("traduttore33").folder, "last")
