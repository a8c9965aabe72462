"""STTran's checkpoints in all their forms, none of which is executed."""

import dataclasses
import os
import types
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxsign import cli, nets
from jaxsign.errors import UserError
from jaxsign.infer import run as load_run
from jaxsign.infer.torch import originals, recognise
from jaxsign.input.scenes import vocabulary
from jaxsign.nets import state_dict, torch_files
from jaxsign.nets.layers import spatial_masks
from parity.settings import vidsgg as settings

torch = pytest.importorskip("torch")
from parity.reference import vidsgg_sttran  # noqa: E402

FORM = originals.find("sttran")
SIZES = dict(classes=6, hidden=4, words=2, features=5, channels=4)
FORMS = {
    "original": lambda weights: {"state_dict": weights},
    "parallel": lambda weights: {"state_dict": {f"module.{k}": v for k, v in weights.items()}},
    "guide": lambda weights: {
        "epoch": 10,
        "model_state_dict": weights,
        "optimizer_state_dict": {},
        "loss": 2.5,
        "config": {"mode": "predcls"},
    },
    "m3sgg": lambda weights: {
        "state_dict": weights,
        "model_metadata": {"model_type": "sttran", "mode": "predcls", "enc_layer": 1},
    },
}


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(0)
    return vidsgg_sttran.STTran("predcls", (2, 1, 3), 1, 2, **SIZES).eval()


def imported(path):
    """The net and variables of a file, and what was assumed."""
    content = torch_files.read(path)
    file = originals.TorchFile(path, content, state_dict.unwrap(content, where=str(path)))
    name = recognise.net_name(file.weights, path)
    given = {"n_heads": FORM.n_heads(file)}
    found = recognise.fields(name, file.weights, given, path, file.notes)
    net = nets.build(name, **FORM.fields(dataclasses.replace(file, found=found)))
    return net, state_dict.to_variables(net.key_table(), file.weights), file.notes


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_its_net(form, legacy, module, tmp_path):
    path = tmp_path / "model_9.tar"
    options = {"_use_new_zipfile_serialization": not legacy}
    torch.save(FORMS[form](module.state_dict()), path, **options)
    net, variables, notes = imported(path)
    assert (net.mode, net.predicates, net.temporal_layers) == ("predcls", (2, 1, 3), 2)
    assert (net.num_objects, net.hidden_dim, net.word_dim, net.n_heads) == (6, 4, 2, 8)
    assert net.masks == ("hard" if form == "m3sgg" else "fractional")
    assert any("assumed mode" in note for note in notes) == (form in ("original", "parallel"))
    exported = state_dict.to_state_dict(net.key_table(), variables)
    assert list(exported) == list(module.state_dict())
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(exported[key], value.numpy())


def test_an_imported_net_tells_what_the_reference_does(module, tmp_path):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (5, 2))], 1)
    frames = np.array([0, 0, 0, 1, 1])
    pairs = np.array([[0, 1], [0, 2], [3, 4]])
    inputs = {
        "boxes": np.concatenate([frames[:, None], boxes], 1).astype(np.float32),
        "labels": np.array([1, 3, 4, 1, 5]),
        "features": rng.normal(size=(5, 5)).astype(np.float32),
        "union_feat": rng.normal(size=(3, 4, 7, 7)).astype(np.float32),
        "scores": np.ones(5, np.float32),
        "pair_idx": pairs,
    }
    video = settings.video(frames, frames[pairs[:, 1]], pairs)
    torch.save({"state_dict": module.state_dict()}, tmp_path / "m.tar")
    net, variables, _ = imported(tmp_path / "m.tar")
    masks = np.moveaxis(np.asarray(spatial_masks.spatial_masks(inputs["boxes"][pairs, 1:])), -1, 1)
    entry = {**inputs, "spatial_masks": masks, "im_idx": frames[pairs[:, 1]]}
    with torch.no_grad():
        wanted = module({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in entry.items()})
    found = jax.jit(lambda batch: nets.call(net, variables, batch))(settings.batch(inputs, video))
    logits = np.asarray(found["relations"])[0, video.pair_frames, video.pair_places]
    np.testing.assert_allclose(logits[:, :2], wanted["attention_distribution"], atol=1e-5)
    several = np.concatenate([wanted[f"{g}_distribution"] for g in ("spatial", "contacting")], 1)
    np.testing.assert_allclose(jax.nn.sigmoid(logits[:, 2:]), several, atol=1e-5)


def test_a_file_becomes_a_run_and_goes_back(module, tmp_path, capsys):
    torch.save(FORMS["guide"](module.state_dict()), tmp_path / "model_9.tar")
    words = ["import", str(tmp_path / "model_9.tar"), "--workdir", str(tmp_path / "run")]
    assert cli.main(words) == 0
    assert "named 6 classes and 6 predicates by number" in capsys.readouterr().out
    run = load_run.load_run(tmp_path / "run")
    assert (run.net.mode, run.config.task.name) == ("predcls", "scene_graph")
    assert run.task.words.objects == (
        "__background__",
        "person",
        *(f"object {i}" for i in (2, 3, 4, 5)),
    )
    assert [group.kind for group in run.task.words.groups] == ["one", "several", "several"]
    out = tmp_path / "back.tar"
    assert cli.main(["export", "--workdir", str(tmp_path / "run"), str(out)]) == 0
    back = torch.load(out, weights_only=True)
    assert back["config"] == {"model": "sttran", "mode": "predcls"} and back["epoch"] == 10
    assert list(back["model_state_dict"]) == list(module.state_dict())
    for key, value in module.state_dict().items():
        assert torch.equal(back["state_dict"][key], value)


def test_a_file_of_action_genomes_sizes_has_its_names():
    found = {"num_objects": 37, "predicates": (3, 6, 17)}
    told = FORM.settings(originals.TorchFile(Path("m.tar"), {}), found)
    made = vocabulary.of_rows(told["task.objects"], told["task.groups"])
    assert made == vocabulary.ACTION_GENOME


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted-by-a-checkpoint",)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_what_is_planted_in_a_file_never_runs(legacy, module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"state_dict": module.state_dict(), "model_metadata": Planted()}
    torch.save(content, "bad.tar", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match="system"):
        imported(Path("bad.tar"))
    assert not Path("planted-by-a-checkpoint").exists()


@pytest.mark.parametrize(
    "more, words",
    [
        ({"model_metadata": {"model_type": "stket"}}, "'stket'"),
        ({"config": {"mode": "edgecls"}}, "'edgecls'"),
        ({"config": {"mode": "sgdet"}, "model_metadata": {"mode": "sgcls"}}, "'sgcls' and 'sgdet'"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(more, words):
    with pytest.raises(UserError, match=words):
        FORM.fields(originals.TorchFile(Path("m.tar"), more))


def test_a_run_is_written_so_that_both_systems_find_their_weights():
    net = types.SimpleNamespace(mode="sgcls")
    run = types.SimpleNamespace(
        info={"epoch": 3, "metric": 0.5}, config=types.SimpleNamespace(net=net)
    )
    content = FORM.checkpoint(run, {"a": 1})
    assert content["model_state_dict"] == content["state_dict"] == {"a": 1}
    assert {k: content[k] for k in ("epoch", "loss")} == {"epoch": 3, "loss": 0.5}
    assert FORM.fields(originals.TorchFile(Path("m.tar"), content)) == {"mode": "sgcls"}
