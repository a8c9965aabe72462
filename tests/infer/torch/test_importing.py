"""Torch checkpoints -> run folders -> torch checkpoints, bit for bit."""

import argparse
import collections
import datetime
import fractions
import hashlib
import json
import math
import os
import pathlib
import resource

import helpers
import numpy as np
import pytest
import run_helpers
from helpers import GOLDEN

from jaxsign import locking
from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.infer.torch import exporting, importing
from jaxsign.nets import inception, iv3_gru, torch_files
from jaxsign.nets import state_dict as torch_map

torch = pytest.importorskip("torch")

SAMPLES = sorted((GOLDEN / "fslr/checkpoints").glob("*.pt"))
CTOR = json.loads((GOLDEN / "fslr/checkpoints/README.json").read_text())["ctor"]


def _load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def _same_weights(ours, theirs):
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype and ours[key].shape == value.shape, key
        assert torch.equal(ours[key], value), key


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
def test_import_then_export_is_exact(sample, tmp_path):
    found = importing.import_checkpoint(sample, tmp_path / "r", n_heads=2)
    sizes = {k: v for k, v in CTOR.items() if k not in ("n_heads", "dropout")}
    assert found.net == "sign_transformer" and found.fields.items() >= sizes.items()
    made = exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt")
    content, original = _load(made.path), _load(sample)
    assert list(content) == [
        "epoch",
        "model",
        "best_metric",
        "args",
        "optimizer",
        "scaler",
        "scheduler",
    ]
    weights = torch_map.unwrap(torch_files.read(sample))
    _same_weights(content["model"], {k: torch.from_numpy(v) for k, v in weights.items()})
    if "epoch" in original and "best_metric" in original:
        assert content["epoch"] == original["epoch"] in (1, 6)
        assert content["best_metric"] == original["best_metric"] == 0.4
        _same_weights(content["model"], original["model"])


@pytest.mark.parametrize(
    "name, options",
    [
        ("transformer_mean_mask", {"n_heads": 4}),
        ("transformer_cls_mask", {"n_heads": 4, "pooling": "cls"}),
        ("iv3gru_feat_lengths", {}),
    ],
)
def test_an_imported_run_computes_what_the_original_does(name, options, tmp_path):
    with np.load(GOLDEN / f"fslr/{name}.npz", allow_pickle=False) as file:
        case = dict(file)
    weights = {k[6:]: torch.from_numpy(v) for k, v in case.items() if k.startswith("param/")}
    torch.save(weights, tmp_path / "w.pt")
    importing.import_checkpoint(tmp_path / "w.pt", tmp_path / "r", **options)
    run = runs.load_run(tmp_path / "r")
    x = case["input/x"] if "input/x" in case else case["input/feats"]
    valid = case.get("input/mask")
    if valid is None:
        valid = np.arange(x.shape[1]) < case["input/lengths"][:, None]
    found = asking.Asker(run).ask({"x": x, "valid": valid})
    for head in run.heads:
        np.testing.assert_allclose(found[head], case[f"output/{head}"], rtol=1e-4, atol=2e-5)


def test_without_a_label_map_ids_are_names(tmp_path):
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    run = runs.load_run(tmp_path / "r")
    assert run.max_length == 32 and run.config.net.n_heads == 2
    assert run.labels == {"gloss": ("0", "1", "2", "3", "4"), "cat": ("0", "1", "2")}


def test_the_run_folder_remembers_where_it_came_from(tmp_path):
    sample = GOLDEN / "fslr/checkpoints/SignTransformer_best.pt"
    found = importing.import_checkpoint(sample, tmp_path / "r")
    assert [note.split(":")[0] for note in found.notes] == [
        "assumed n_heads=8",
        "assumed pooling=mean",
    ]
    manifest = json.loads((tmp_path / "r/manifest.json").read_text())
    source = manifest["imported"]
    assert source["sha256"] == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert source["epoch"] == manifest["best_epoch"] == found.epoch
    assert manifest["best_metric"] == found.best_metric == 0.4
    assert manifest["system"] == "fslr_transformer" and manifest["net"] == "sign_transformer"


def test_names_come_from_a_label_map(tmp_path):
    label_map = tmp_path / "map.csv"
    rows = [f"{i},SIGN {i},{i % 3},GROUP {i % 3}" for i in range(5)]
    label_map.write_text("gloss_id,label,cat_id,category\n" + "\n".join(rows), encoding="utf-8")
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2, label_map=label_map)
    assert runs.load_run(tmp_path / "r").labels["cat"] == ("GROUP 0", "GROUP 1", "GROUP 2")


def test_a_label_map_of_other_classes_leaves_nothing_behind(tmp_path):
    with pytest.raises(UserError, match="names 105 classes of gloss, the checkpoint has 5"):
        importing.import_checkpoint(
            SAMPLES[0],
            tmp_path / "r",
            n_heads=2,
            label_map=GOLDEN / "fslr/labels_reference.csv",
        )
    assert not (tmp_path / "r").exists()


def test_an_existing_run_is_not_overwritten(tmp_path):
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    before = (tmp_path / "r/manifest.json").read_bytes()
    with pytest.raises(UserError, match="already holds a run"):
        importing.import_checkpoint(SAMPLES[1], tmp_path / "r")
    assert (tmp_path / "r/manifest.json").read_bytes() == before


def test_a_failed_write_leaves_no_half_run(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise UserError("the disk is full")

    monkeypatch.setattr(importing.configs, "stored_text", fail)
    with pytest.raises(UserError, match="disk is full"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    assert [path.name for path in (tmp_path / "r").iterdir()] == [".lock"]


class Killed(BaseException):
    pass


def _killed(*args, **kwargs):
    raise Killed


def test_an_import_that_was_killed_is_done_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(importing.configs, "stored_text", _killed)
        patch.setattr(importing, "_remove", lambda workdir: None)  # nothing is tidied up any more
        with pytest.raises(Killed):
            importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    assert (tmp_path / "r/checkpoints/best").is_dir()
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    assert runs.load_run(tmp_path / "r").workdir == tmp_path / "r"
    assert not (tmp_path / "r/.importing").exists()


def test_a_finished_import_is_a_run_whenever_it_was_killed(tmp_path, monkeypatch):
    """As soon as config.json is there, neither the same command nor another takes it away."""
    unlink, replace = pathlib.Path.unlink, importing.os.replace

    def unlinked(path, *args, **kwargs):
        if (path.parent / "config.json").exists():
            raise Killed
        unlink(path, *args, **kwargs)

    def renamed(draft, path):
        replace(draft, path)
        if path.name == "config.json":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "unlink", unlinked)
        patch.setattr(importing.os, "replace", renamed)
        with pytest.raises(Killed):
            importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    (tmp_path / "r/.importing").touch()  # as versions left it that took it away at the end
    for _ in range(2):
        with pytest.raises(UserError, match="already holds a run"):
            importing.import_checkpoint(SAMPLES[1], tmp_path / "r")
    assert runs.load_run(tmp_path / "r").workdir == tmp_path / "r"


def test_two_imports_at_once_do_not_take_from_each_other(tmp_path):
    held = locking.alone(tmp_path / "r", ".lock", "--workdir", "writes a run into this folder")
    with held, pytest.raises(UserError, match="another process .* writes a run into this folder"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    (tmp_path / "r/checkpoints").mkdir()  # as another import, or a training, has made it meanwhile
    with pytest.raises(UserError, match="already holds a run"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    assert (tmp_path / "r/checkpoints").is_dir()


@pytest.mark.parametrize("epoch", [math.nan, math.inf, 10**400, "three"])
def test_an_epoch_that_is_none_is_not_told(tmp_path, epoch):
    content = torch.load(SAMPLES[0], weights_only=True)
    torch.save({**content, "epoch": epoch, "best_metric": epoch}, tmp_path / "a.pt")
    found = importing.import_checkpoint(tmp_path / "a.pt", tmp_path / "r", n_heads=2)
    assert (found.epoch, found.best_metric) == (None, None)


def test_a_file_whose_name_is_no_text_is_imported(tmp_path):
    path = tmp_path / os.fsdecode(b"s\xe9.pt")
    path.write_bytes(SAMPLES[0].read_bytes())
    importing.import_checkpoint(path, tmp_path / "r", n_heads=2)
    manifest = json.loads((tmp_path / "r/manifest.json").read_text(encoding="utf-8"))
    assert manifest["imported"]["file"].endswith("s?.pt")
    assert runs.load_run(tmp_path / "r").net.n_heads == 2


@pytest.mark.parametrize("name", [r"a\b.pt", "c:d.pt", "[e].pt", "f*.pt"])
def test_an_export_may_have_any_name(imported, tmp_path, name):
    exporting.export_checkpoint(imported, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    _same_weights(_load(tmp_path / name)["model"], _load(SAMPLES[0])["model"])


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("imported") / "r"
    importing.import_checkpoint(SAMPLES[0], workdir, n_heads=2)
    return workdir


def test_a_full_disk_and_a_closed_folder_are_told(tmp_path):
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/x.pt: cannot be written"):
        exporting.export_checkpoint(tmp_path / "r", tmp_path / "file/x.pt")
    with pytest.raises(UserError, match="file/r: cannot be written"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "file/r", n_heads=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(UserError, match="x.pt: cannot be written"):
            exporting.export_checkpoint(tmp_path / "r", tmp_path / "x.pt")
        with pytest.raises(UserError, match="written"):
            importing.import_checkpoint(SAMPLES[0], tmp_path / "s", n_heads=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("*.pt")) and not list(tmp_path.glob(".*"))
    assert [path.name for path in (tmp_path / "s").iterdir()] == [".lock"]


def test_wrong_files_and_options_are_explained(tmp_path):
    torch.save({"model": {"conv.weight": torch.zeros(2)}}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="belong to no net.*iv3_gru.*conv.weight"):
        importing.import_checkpoint(tmp_path / "other.pt", tmp_path / "r")
    with pytest.raises(UserError, match="not a checkpoint of the net iv3_gru"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", net="iv3_gru")
    with pytest.raises(UserError, match="n_heads=3 does not divide emb_dim=16"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=3)
    with pytest.raises(UserError, match="no image backbone"):
        importing.import_checkpoint(SAMPLES[0], tmp_path / "r", with_backbone=True)
    assert not (tmp_path / "r").exists()


@pytest.fixture(scope="module")
def gru_weights():
    """A whole InceptionV3GRU state_dict; tiny values are not needed, only distinct ones."""
    net = iv3_gru.NET(num_gloss=5, num_cat=3)
    rng = np.random.default_rng(0)
    return {
        entry.key: torch.tensor(7)
        if entry.kind == "count"
        else torch.from_numpy(rng.random(entry.shape, np.float32) - 0.5)
        for entry in net.key_table()
    }


@pytest.fixture(scope="module")
def gru_file(gru_weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("gru") / "InceptionV3GRU_best.pt"
    torch.save({"epoch": 3, "model": gru_weights, "best_metric": 0.25, "optimizer": None}, path)
    return path


@pytest.fixture(scope="module")
def gru_run(gru_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gru") / "r"
    return importing.import_checkpoint(gru_file, folder)


def _torchvision(weights, path, aux=True):
    inner = {k.removeprefix(iv3_gru.BACKBONE_KEYS): v for k, v in weights.items()}
    inner = {k: v for k, v in inner.items() if k.partition(".")[0] not in _HEADS}
    if not aux:
        inner = {k: v for k, v in inner.items() if not k.startswith("AuxLogits.")}
    fc = {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    torch.save({**inner, **fc}, path)
    return path


_HEADS = ("gru1", "gru2", "gloss_head", "category_head")


def test_a_frozen_backbone_is_left_out(gru_run):
    assert gru_run.fields == {"hidden1": 16, "hidden2": 12, "num_gloss": 5, "num_cat": 3}
    assert any("left out the image backbone (578 arrays)" in note for note in gru_run.notes)
    run = runs.load_run(gru_run.workdir)
    assert sorted(run.variables["params"]) == sorted(_HEADS)
    size = sum(p.stat().st_size for p in gru_run.workdir.rglob("*") if p.is_file())
    assert size < 2_000_000
    batch = {"x": np.ones((1, 4, 2048), np.float32), "valid": np.ones((1, 4), bool)}
    assert asking.Asker(run).ask(batch)["cat"].shape == (1, 3)


def test_export_without_backbone_says_how_to_give_one(gru_run, tmp_path):
    with pytest.raises(UserError, match="--backbone-weights FILE.*--heads-only"):
        exporting.export_checkpoint(gru_run.workdir, tmp_path / "o.pt")
    assert not (tmp_path / "o.pt").exists()


def test_export_with_torchvision_weights_is_the_imported_file(gru_run, gru_weights, tmp_path):
    weights = _torchvision(gru_weights, tmp_path / "tv.pth")
    made = exporting.export_checkpoint(gru_run.workdir, tmp_path / "o.pt", backbone_weights=weights)
    assert made.keys == 590 and "is the image backbone" in made.notes[0]
    content = _load(made.path)
    _same_weights(content["model"], gru_weights)
    assert (content["epoch"], content["best_metric"]) == (3, 0.25)


def test_another_backbone_is_noticed(gru_run, gru_weights, tmp_path):
    other = {k: v + 1 if k.endswith("conv.weight") else v for k, v in gru_weights.items()}
    weights = _torchvision(other, tmp_path / "tv.pth", aux=False)
    made = exporting.export_checkpoint(gru_run.workdir, tmp_path / "o.pt", backbone_weights=weights)
    assert made.keys == 590
    assert "is NOT the image backbone" in made.notes[0]


def test_heads_only_export(gru_run, gru_weights, tmp_path):
    made = exporting.export_checkpoint(gru_run.workdir, tmp_path / "o.pt", heads_only=True)
    heads = {k: v for k, v in gru_weights.items() if k.partition(".")[0] in _HEADS}
    _same_weights(_load(made.path)["model"], heads)


def test_a_kept_backbone_makes_the_round_trip(gru_file, gru_weights, tmp_path):
    importing.import_checkpoint(gru_file, tmp_path / "r", with_backbone=True)
    made = exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.pt")
    _same_weights(_load(made.path)["model"], gru_weights)


def test_a_trained_backbone_is_kept_unasked(gru_weights, tmp_path):
    count = sum(
        entry.path[0] == "params" and entry.path[1] == "backbone"
        for entry in iv3_gru.NET().key_table()
    )
    heads_only = {"optimizer": {"state": {count: {}, count + 1: {}}}}
    trained = {"optimizer": {"state": {0: {}, count: {}}}}
    weights = {k: v.numpy() for k, v in gru_weights.items()}
    net = iv3_gru.NET(num_gloss=5, num_cat=3)
    for extras, kept in ((heads_only, False), (trained, True), ({}, False)):
        table, left_out = importing.recognise.split_table(net, weights, extras, None, [])
        assert (len(table), len(left_out)) == ((590, 0) if kept else (12, 578))


def test_torchvision_table_has_the_keys_of_the_export():
    keys = [e.key for e in inception.state_dict_table(inception.InceptionV3())]
    theirs = [e.key for e in iv3_gru.NET().key_table()]
    assert [iv3_gru.BACKBONE_KEYS + key for key in keys] == theirs[: len(keys)]


def test_export_does_not_overwrite(tmp_path):
    importing.import_checkpoint(SAMPLES[0], tmp_path / "r", n_heads=2)
    (tmp_path / "o.pt").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.pt")
    with pytest.raises(UserError, match="has no image backbone"):
        exporting.export_checkpoint(tmp_path / "r", tmp_path / "p.pt", heads_only=True)
    assert (tmp_path / "o.pt").read_text() == "mine"


def _small_weights():
    return torch.load(GOLDEN / "fslr/checkpoints/raw_state_dict.pt", weights_only=True)


HARMLESS = {
    "numpy's number": lambda w: {"model_state_dict": w, "best_metric": np.float64(0.91)},
    "numpy's array": lambda w: {"model_state_dict": w, "weights": np.array([1.0, 2.0, 3.0])},
    "net": lambda w: {"net": w, "epoch": 3},
    "model_state": lambda w: {"model_state": w, "epoch": 3},
    "Lightning": lambda w: {"state_dict": {f"model.{k}": v for k, v in w.items()}},
    "Lightning and DataParallel": lambda w: {f"net.module.{k}": v for k, v in w.items()},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_checkpoints_as_scripts_save_them_are_read(tmp_path, name):
    weights = _small_weights()
    torch.save(HARMLESS[name](weights), tmp_path / "x.pt")
    checkpoint = torch_files.read(tmp_path / "x.pt")
    _same_weights(
        {k: torch.from_numpy(v) for k, v in torch_map.unwrap(checkpoint).items()}, weights
    )
    if "best_metric" in checkpoint:
        assert checkpoint["best_metric"] == 0.91 and type(checkpoint["best_metric"]) is float
    if isinstance(checkpoint.get("weights"), np.ndarray):
        np.testing.assert_array_equal(checkpoint["weights"], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "value, name",
    [
        ([1, fractions.Fraction(1, 2)], "fractions.Fraction at args[1]"),
        ({"a": {"b": datetime.date(2020, 1, 1)}}, "datetime.date at args.a.b"),
        (collections.defaultdict(helpers.damaged), "helpers.damaged at args"),
        (argparse.Namespace(sort=collections.deque([1])), "collections.deque at args.sort"),
        (torch.eye(2).to_sparse(), "torch._utils._rebuild_sparse_tensor at args"),
        (np.array([{}], object), "args: numpy's type object"),
    ],
)
def test_a_type_that_is_not_loaded_is_named_with_the_way_out(tmp_path, value, name):
    torch.save({"model_state_dict": _small_weights(), "args": value}, tmp_path / "x.pt")
    with pytest.raises(UserError) as found:
        torch_files.read(tmp_path / "x.pt")
    assert name in str(found.value) and "torch.save(model.state_dict()" in str(found.value)
    assert "weights_only" not in str(found.value) and "add_safe_globals" not in str(found.value)


def test_a_runs_own_view_and_heads_come_back(tmp_path):
    """The originals' files have no place for them: the same weights would answer by chance."""
    words = ["--config.view.normalise=shoulders", "--config.view.max_gap=3"]
    folder = run_helpers.save_run(tmp_path / "r", words=words, n_heads=4, pooling="max")
    told = exporting.export_checkpoint(folder, tmp_path / "r.pt")
    assert any("no view.max_gap=3, view.normalise='shoulders'" in note for note in told.notes)
    found = importing.import_checkpoint(tmp_path / "r.pt", tmp_path / "back")
    assert "as the run had it: view.max_gap=3, view.normalise='shoulders'" in found.notes
    config = runs.load_run(tmp_path / "back").config
    assert (config.view.normalise, config.view.max_gap) == ("shoulders", 3)
    assert (config.net.n_heads, config.net.pooling) == (4, "max")
    exporting.export_checkpoint(tmp_path / "back", tmp_path / "again.pt")
    again = importing.import_checkpoint(tmp_path / "again.pt", tmp_path / "thrice")
    assert again.notes == found.notes
    # What a person says holds.
    word = "--config.view.normalise=none"
    importing.import_checkpoint(tmp_path / "r.pt", tmp_path / "other", overrides=[word])
    assert runs.load_run(tmp_path / "other").config.view.normalise == "none"
    content = torch.load(tmp_path / "r.pt", weights_only=True)
    content["jaxsign"]["view"]["max_gap"] = "three"
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(UserError, match=r"odd.pt: jaxsign.view.max_gap is 'three', expected a val"):
        importing.import_checkpoint(tmp_path / "odd.pt", tmp_path / "odd")
