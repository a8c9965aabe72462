"""Loading a run folder."""

import json

import pytest
import run_helpers

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module")
def run(folder):
    return runs.load_run(folder)


def test_everything_comes_from_the_folder(run):
    assert run.heads == ("gloss", "cat") and run.input_dim == 156
    assert run.labels["gloss"][3] == "DON’T KNOW"
    assert run.max_length == 32 and run.info["epoch"] == 7 and run.net.emb_dim == 16


def test_without_labels_json_there_are_no_names(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", names=None))
    assert run.labels == {"gloss": None, "cat": None}


@pytest.mark.parametrize("kind", ["absent", "empty", "file", "pt"])
def test_what_is_no_run_folder_is_said(tmp_path, kind):
    place = tmp_path / ("x.pt" if kind == "pt" else "x")
    if kind == "empty":
        place.mkdir()
    elif kind != "absent":
        place.write_text("x")
    with pytest.raises(UserError, match="is not a run folder.*config.json.*checkpoints") as error:
        runs.load_run(place)
    assert ("jaxsign import" in str(error.value)) and (kind != "pt" or "Bring" in str(error.value))


def test_no_checkpoint_yet_is_said(tmp_path):
    configs.save_run_config(configs.load("fslr_transformer"), tmp_path)
    with pytest.raises(UserError, match="no best checkpoint yet"):
        runs.load_run(tmp_path)


def _edit(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_unknown_keys_name_the_nearest(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    _edit(folder, lambda c: c["optim"].update(weigth_decay=1))
    with pytest.raises(UserError, match="optim.weigth_decay.*optim.weight_decay"):
        runs.load_run(folder)


def test_keys_of_a_later_version_get_their_defaults(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    _edit(folder, lambda c: c.pop("smoke") and c["input"].pop("threads"))
    assert runs.load_run(folder).config.input.threads == configs.base().input.threads


def test_damaged_labels_are_said(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    (folder / "labels.json").write_text('["HELLO"]')
    with pytest.raises(UserError, match="labels.json: not readable"):
        runs.load_run(folder)
