"""WhisperSign's torch files -> run folders -> torch files, value for value."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SHARED

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import exporting, importing
from jaxsign.infer.torch.originals import whisper_sign as whisper_form
from jaxsign.nets import state_dict, whisper_sign
from jaxsign.train import checkpoint

torch = pytest.importorskip("torch")

SIZES = {"num_joints": 2, "dim": 8, "num_heads": 2, "num_layers": 1, "ff_dim": 12, "num_gloss": 3}
CONFIG = {
    "whisper_model": "base",
    "frontend": {"num_joints": 2, "d_model": 8, "dropout": 0.2},
    "encoder": {"num_heads": 2, "num_layers": 1, "d_ff": 12},
    "decoder": {"vocab_size": 4, "blank_id": 0},
}
NAMES = ["1", "2", "3", "4", "5", "6", "7"]


def samples():
    return (
        [] if SHARED is None else sorted((SHARED / "golden/whispersign/checkpoints").glob("*.pt"))
    )


def weights(seed=0):
    """Random weights under the original's keys."""
    net = whisper_sign.WhisperSign(**SIZES)
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 4, 2, 7)))
    rng = np.random.default_rng(seed)
    variables = jax.tree.map(lambda a: rng.random(a.shape).astype(a.dtype), shapes)
    found = state_dict.to_state_dict(net.key_table(), variables)
    return {key: torch.from_numpy(value) for key, value in found.items()}


def save(path, config=CONFIG, **extras):
    content = {"model_state_dict": weights(), "config": config, "epoch": 3, "loss": 1.25}
    torch.save({**content, **extras}, path)
    return path


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def same_weights(ours, theirs):
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype and torch.equal(ours[key], value), key


@pytest.mark.shared
@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_the_originals_files_come_back_as_they_were(sample, tmp_path):
    importing.import_checkpoint(sample, tmp_path / "r")
    made = exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt")
    content, original = load(made.path), load(sample)
    same_weights(content["model_state_dict"], original["model_state_dict"])
    original.pop("optimizer_state_dict", None)
    assert list(content) == [key for key in original]
    for key in ("config", "epoch", "loss"):
        assert content[key] == original[key]
    assert made.metric_name == "loss" and made.best_metric == original["loss"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["best_stage1", "final_model"])
def test_an_imported_run_answers_as_the_original(name, tmp_path):
    folder = SHARED / "golden/whispersign"
    importing.import_checkpoint(folder / f"checkpoints/{name}.pt", tmp_path / "r")
    run = runs.load_run(tmp_path / "r")
    with np.load(folder / f"checkpoint_{name}.npz", allow_pickle=False) as file:
        case = dict(file)
    x = case["input/features"]
    valid = np.arange(x.shape[1]) < case["input/lengths"][:, None]
    found = run.net.apply(run.variables, x, valid, case["input/tokens"])
    for key in ("ctc_log_probs", "att_logits"):
        np.testing.assert_allclose(found[key], case[f"output/{key}"], rtol=1e-4, atol=2e-5)
    assert run.net.padding_counts


def test_sizes_come_from_the_config_and_the_rest_from_the_shapes(tmp_path):
    found = importing.import_checkpoint(save(tmp_path / "m.pt"), tmp_path / "r")
    assert found.fields.items() >= {**SIZES, "frontend_dropout": 0.2, "padding": "upstream"}.items()
    assert found.epoch == 3 and found.best_metric == 1.25 and found.metric_name == "loss"
    text = "\n".join(found.notes)
    assert "assumed frontend.num_features=7" in text and "assumed frontend.patch_size=4" in text
    assert "never trained" in text
    run = runs.load_run(tmp_path / "r")
    assert run.config.net.spatial_dropout == 0.15
    assert run.config.decode.mode == "beam"
    assert run.labels["gloss"] == ("1", "2", "3")
    manifest = json.loads((tmp_path / "r/manifest.json").read_text())
    assert manifest["monitor"] == "loss" and manifest["imported"]["config"] == CONFIG
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt").path
    assert load(out)["config"] == CONFIG


def test_a_person_may_decode_otherwise(tmp_path):
    words = ["--config.decode.mode=greedy"]
    importing.import_checkpoint(save(tmp_path / "m.pt"), tmp_path / "r", overrides=words)
    assert runs.load_run(tmp_path / "r").config.decode.mode == "greedy"


def test_label_maps_with_a_blank_name_the_glosses(tmp_path):
    path = tmp_path / "label_map.json"
    path.write_text(json.dumps({"<blank>": 0, "bạn": 2, "xin_chao": 1, "cam_on": 3}))
    importing.import_checkpoint(save(tmp_path / "m.pt"), tmp_path / "r", label_map=path)
    assert runs.load_run(tmp_path / "r").labels["gloss"] == ("xin_chao", "bạn", "cam_on")
    path.write_text(json.dumps({"<blank>": 0, "a": 1, "b": 2}))
    found = importing.import_checkpoint(tmp_path / "m.pt", tmp_path / "s", label_map=path)
    assert runs.load_run(tmp_path / "s").labels["gloss"] == ("a", "b", "?3")
    assert any("names 2 of 3 glosses" in note for note in found.notes)
    path.write_text(json.dumps({"<blank>": 0, "a": 1, "b": 2, "c": 3, "d": 4}))
    with pytest.raises(UserError, match="names 4 classes of gloss, the checkpoint has 3"):
        importing.import_checkpoint(tmp_path / "m.pt", tmp_path / "t", label_map=path)
    path.write_text(json.dumps({"<blank>": 0, "a": 1, "b": 3}))
    with pytest.raises(UserError, match="expected an object of names"):
        importing.import_checkpoint(tmp_path / "m.pt", tmp_path / "t", label_map=path)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("encoder", "num_heads", 4, "num_heads: 4 in the config, 2 by the weights"),
        ("encoder", "d_ff", 24, "ff_dim: 24 in the config, 12 by the weights"),
        ("decoder", "vocab_size", 9, "num_gloss: 8 in the config, 3 by the weights"),
        ("frontend", "num_joints", 3, "4 frames of 3 joints of 7 numbers"),
    ],
)
def test_a_config_that_contradicts_the_weights_is_refused(section, key, value, words, tmp_path):
    config = json.loads(json.dumps(CONFIG))
    config[section][key] = value
    with pytest.raises(UserError, match=words):
        importing.import_checkpoint(save(tmp_path / "m.pt", config), tmp_path / "r")


def test_ignored_keys_are_told(tmp_path):
    config = {**CONFIG, "encoder": {**CONFIG["encoder"], "d_model": 99}}
    found = importing.import_checkpoint(save(tmp_path / "m.pt", config), tmp_path / "r")
    assert any("encoder.d_model=99 is not used" in note for note in found.notes)


def test_bare_weights_take_the_recipes_frame_unless_told(tmp_path):
    torch.save(weights(), tmp_path / "bare.pt")
    words = ["--config.net.num_joints=2"]
    found = importing.import_checkpoint(tmp_path / "bare.pt", tmp_path / "r", overrides=words)
    assert found.epoch is None and found.best_metric is None
    assert runs.load_run(tmp_path / "r").net.frame_shape == (2, 7)
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt").path
    content = load(out)
    assert content["config"] == {
        "frontend": {
            "num_joints": 2,
            "num_features": 7,
            "patch_size": 4,
            "d_model": 8,
            "dropout": 0.1,
            "spatial_dropout": 0.15,
        },
        "encoder": {"num_heads": 2, "num_layers": 1, "d_ff": 12, "dropout": 0.1, "d_model": 8},
        "decoder": {"vocab_size": 4, "blank_id": 0},
    }
    assert math.isnan(content["loss"])
    with pytest.raises(UserError, match="expected"):
        importing.import_checkpoint(tmp_path / "bare.pt", tmp_path / "s")


def test_the_exported_file_loads_into_the_reference(tmp_path):
    from parity.reference import whispersign_net

    importing.import_checkpoint(save(tmp_path / "m.pt"), tmp_path / "r")
    exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt")
    content = load(tmp_path / "out.pt")
    sections = whisper_form.model_section(whisper_sign.WhisperSign(**SIZES))
    model = whispersign_net.WhisperSignModel(**sections)
    assert list(model.state_dict()) == list(content["model_state_dict"])
    model.load_state_dict(content["model_state_dict"])


def test_the_verbs_say_what_they_did(tmp_path, capsys):
    path = save(tmp_path / "best_stage1.pt", optimizer_state_dict={"state": {}, "param_groups": []})
    assert cli.main(["import", str(path), "--workdir", str(tmp_path / "r")]) == 0
    shown = capsys.readouterr().out
    assert "epoch 3, loss 1.25" in shown and "optimizer's state" in shown
    assert cli.main(["export", "--workdir", str(tmp_path / "r"), str(tmp_path / "o.pt")]) == 0
    assert "epoch 3, loss 1.25" in capsys.readouterr().out


def test_a_run_of_our_own_goes_out_with_its_loss_and_comes_in_with_its_decoding(tmp_path):
    words = [f"--config.net.{name}={value}" for name, value in SIZES.items()]
    config = configs.load("whisper_sign", [*words, "--config.decode.n_best=5"])
    table = whisper_sign.WhisperSign(**SIZES).key_table()
    variables = state_dict.to_variables(table, {k: v.numpy() for k, v in weights().items()})
    checkpoint.save_variables(tmp_path / "r", variables, epoch=2, metric=0.25)
    configs.save_run_config(config, tmp_path / "r")
    rows = "epoch,train_loss,val_loss\n1,3.0,2.0\n2,2.5,1.5\n"
    (tmp_path / "r/metrics.csv").write_text(rows)
    made = exporting.export_checkpoint(tmp_path / "r", tmp_path / "out.pt")
    content = load(made.path)
    assert content["epoch"] == 2 and content["loss"] == 1.5  # not the word error rate
    assert any("padding masked" in note for note in made.notes)
    assert content["config"]["decoder"] == {"vocab_size": 4, "blank_id": 0}
    importing.import_checkpoint(made.path, tmp_path / "again")
    again = runs.load_run(tmp_path / "again").config
    assert (again.decode.mode, again.decode.n_best) == ("two_pass", 5)
    exporting.export_checkpoint(tmp_path / "again", tmp_path / "again.pt")
    second = load(tmp_path / "again.pt")
    same_weights(second.pop("model_state_dict"), content.pop("model_state_dict"))
    assert second == content


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("frontend", "num_joints", 2.0),
        ("frontend", "dropout", "a"),
        ("encoder", "dropout", math.nan),
        ("decoder", "vocab_size", "4"),
    ],
)
def test_values_of_the_config_that_make_no_sense_are_named(tmp_path, section, key, value):
    config = {**CONFIG, section: {**CONFIG[section], key: value}}
    with pytest.raises(UserError, match=rf"{section}\.{key}="):
        importing.import_checkpoint(save(tmp_path / "a.pt", config), tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("decode", [{"mode": "foo"}, {"beam": "x"}, {"beam": -5}])
def test_a_way_of_decoding_that_there_is_not_is_refused(tmp_path, decode):
    path = save(tmp_path / "a.pt", jaxsign={"decode": decode})
    with pytest.raises(UserError, match="foo|decode.beam|beam=-5"):
        importing.import_checkpoint(path, tmp_path / "r")


def test_weights_that_cannot_be_those_of_the_net_are_refused(tmp_path):
    patch, layer = "frontend.patch_embedding.projection.0.weight", "encoder.final_norm.weight"
    good = weights()
    wrong = {
        "missing": {key: value for key, value in good.items() if key != patch},
        "of shape": {**good, patch: torch.zeros(3)},
        "expected floating-point": {**good, layer: good[layer].to(torch.complex64)},
        "twice": {**good, f"module.{layer}": good[layer] + 1},
    }
    for reason, state in wrong.items():
        path = save(tmp_path / "a.pt", model_state_dict=state)
        with pytest.raises(UserError, match=reason):
            importing.import_checkpoint(path, tmp_path / "r")
    broken = save(tmp_path / "a.pt", model_state_dict={**good, layer: good[layer] * math.nan})
    found = importing.import_checkpoint(broken, tmp_path / "r")
    assert any("NaN" in note and layer in note for note in found.notes)


def test_what_a_person_sets_holds_against_the_file(tmp_path):
    path = save(tmp_path / "a.pt")
    importing.import_checkpoint(path, tmp_path / "r", overrides=["--config.net.padding=masked"])
    assert runs.load_run(tmp_path / "r").net.padding == "masked"
    with pytest.raises(UserError, match="does not fit this net"):
        importing.import_checkpoint(path, tmp_path / "s", overrides=["--config.net.dim=16"])


def test_a_net_of_other_joints_takes_stored_features(tmp_path):
    importing.import_checkpoint(save(tmp_path / "a.pt"), tmp_path / "r")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((30, 2, 7)).astype(np.float32))
    words = ["--workdir", str(tmp_path / "r"), str(tmp_path / "x.npy")]
    assert cli.main(["predict", *words]) == 0
