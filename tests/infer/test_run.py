"""Loading a run folder."""

import functools
import json
import re
import zlib

import numpy as np
import pytest
import run_helpers

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import files
from jaxsign.infer import run as runs
from jaxsign.input.signs import views
from jaxsign.tasks import manifests
from jaxsign.train import fitting


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


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_that_has_not_ended_is_told(tmp_path, caplog, ended):
    folder = run_helpers.save_run(tmp_path / "r")
    (folder / "manifest.json").write_text(json.dumps({"ended": ended, "epochs_done": 9}))
    runs.load_run(folder)
    told = r"not trained to its end yet \(9 of \d\d+ epochs\); what it knew by epoch 7 answers"
    assert bool(re.search(told, caplog.text)) is not ended


def test_a_damaged_manifest_is_told_with_a_way_out(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest.json: not what a run writes.*Remove it"):
        runs.load_run(folder)
    (folder / "manifest.json").unlink()
    assert runs.load_run(folder).manifest == manifests.Manifest()


def test_infinite_numbers_are_no_input(run):
    x = np.zeros((3, 156), np.float32)
    run.check(x, "x.npy")
    x[1, 7] = -np.inf
    with pytest.raises(UserError, match=r"^x.npy: frame 1 holds infinite numbers; expected fini"):
        run.check(x, "x.npy")


def test_an_array_in_which_nobody_was_found_is_no_sign(tmp_path):
    run = runs.load_run(run_helpers.save_points_run(tmp_path / "r"))
    points = np.full((6, 75, 3), np.nan, np.float32)
    with pytest.raises(UserError, match="the array: nobody was found in any of its 6 frames"):
        files.of_array(points, run)
    points[2, :33] = 0.5
    assert len(files.of_array(points, run).x) == 6


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


def _set(section, **values):
    return lambda config: config[section].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("net", n_layers=-1), r"config.json: .*\n.*net.n_layers=-1"),
        (_set("net", n_layers=2), r"config.json: the weights .*\n.*stored none, by the recipe"),
        (_set("net", ff_dim=48), r"stored \[\d+, \d+\], by the recipe \[\d+, \d+\]"),
        (_set("net", n_layers="two"), r"config.json: this recipe makes no net"),
        (_set("net", emb_dim=None), r"config.json: this recipe makes no net"),
        (_set("net", emb_dim={"a": 1}), r"config.json: "),
        (_set("net", depth=3), r"config.json: .*\n.*no field 'depth'"),
        (_set("net", name="nothing"), r"config.json: .*\n.*nothing"),
        (_set("net", num_gloss=7), r"labels.json: .*\n.*gloss: 5 names, 7 classes"),
        (_set("task", heads=[]), r"config.json: (?s:.*)task.heads=\(\): expected some of"),
        (_set("task", heads="gloss"), r"config.json: (?s:.*)task.heads='gloss'"),
        (_set("task", heads=["gloss", "hand"]), r"config.json: .*\n.*task.heads="),
        (_set("task", name=3), r"config.json: "),
        (lambda config: config.update(net=[1]), "config.json"),
        (lambda config: config.update(task=None), "config.json"),
        (lambda config: config.update(optim="x"), "config.json"),
        (lambda config: config.pop("net"), "config.json"),
    ],
)
def test_an_edited_recipe_is_one_error(saved, change, message):
    path = saved / "config.json"
    content = path.read_bytes()
    try:
        _edit(saved, change)
        with pytest.raises(UserError, match=message):
            runs.load_run(saved)
    finally:
        path.write_bytes(content)


def _places(values, before=()):
    for key, value in values.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from _places(value, (*before, key))


def _told(config):
    """All of a recipe that an answer depends on; it can only be told where it is fine."""
    net, view = fitting.build_net(config, "config.json"), views.of_recipe(config)
    x = None if view is None else view(run_helpers.recorded(6)).tobytes()
    return repr(net), x, config.input.max_length, config.task.heads, config.task.name


# Each place gets one of these, the same whatever others there are.
_VALUES = (None, True, -1, 1e30, {}, [], "x", False)
# These may be chosen freely, and change the answer.
_FREE = {
    "net.dropout_offset",
    "net.dropout_start_epoch",
    "net.max_len",
    "net.ff_dim",
    "net.auxiliary_ctc",
    "view.relative_velocity",
}


@pytest.mark.parametrize("name", ["fslr_transformer", "asl_hybrid", "whisper_sign"])
def test_any_value_in_any_place_of_a_recipe_is_refused_or_changes_no_answer(tmp_path, name):
    recipe = configs.load(name)
    recipe.net.num_gloss = 5
    configs.save_run_config(recipe, tmp_path)
    path = tmp_path / "config.json"
    good, refused = json.loads(path.read_text()), 0
    wanted = _told(configs.load_run_config(tmp_path))
    for *sections, key in _places(good):
        place = ".".join((*sections, key))
        node = functools.reduce(dict.__getitem__, sections, good)
        before, value = node[key], _VALUES[zlib.crc32(place.encode()) % len(_VALUES)]
        if isinstance(before, bool) and isinstance(value, bool):
            continue  # the other one is as good
        node[key] = value
        path.write_text(json.dumps(good))
        node[key] = before
        try:
            found = _told(configs.load_run_config(tmp_path))
        except UserError:
            refused += 1
        else:
            assert found == wanted or place in _FREE, (place, value)
    assert refused > 90


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"gloss": ["A"], "cat": ["X", "Y", "Z"]}, "gloss: 1 names, 5 classes"),
        ({"gloss": "ABCDE", "cat": ["X", "Y", "Z"]}, "labels.json: not readable"),
        ([], "labels.json: not readable"),
        ({"gloss": [1, None, {}, "D", "E"], "cat": ["X", "Y", "Z"]}, "no list of texts"),
        ({"gloss": ["A", "B", "A", "D", "E"], "cat": ["X", "Y", "Z"]}, "0, 2 are named 'A'"),
        (
            {"gloss": ["A", "B", "\ud800", "D", "E"], "cat": ["X", "Y", "Z"]},
            "labels.json: not readable",
        ),
        ({"gloss": True, "cat": ["X", "Y", "Z"]}, "no list of texts"),
    ],
)
def test_edited_names_are_one_error(saved, heads, message):
    path = saved / "labels.json"
    content = path.read_bytes()
    try:
        path.write_text(json.dumps({"heads": heads}))
        with pytest.raises(UserError, match=message):
            runs.load_run(saved)
    finally:
        path.write_bytes(content)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("saved") / "r")
