"""Checkpoints of nets of relations, in every form: a run of the same net, and back again."""

import functools
import os
from pathlib import Path

import fresh
import jax
import numpy as np
import pytest
import scenes

from jaxsign import cli, nets
from jaxsign.errors import UserError
from jaxsign.infer import run as load_run
from jaxsign.infer.torch import importing
from jaxsign.nets import state_dict

torch = pytest.importorskip("torch")
from parity.reference import vidsgg_easg  # noqa: E402

GEMMA = {
    "language": "gemma2", "language_dim": 12, "language_layers": 2, "language_heads": 4,
    "language_kv_heads": 2, "language_head_dim": 4, "language_ff": 6, "lora_r": 3,
    "lora_alpha": 6.0, "box_scale": "corner",
}  # fmt: skip
# Net, its own fields, what no file tells: a recipe, or the one who imports, has to.
CASES: dict[str, tuple[str, dict, dict]] = {
    "stket": ("stket", {}, {"no_contact": 3}),
    "stket_between": ("stket", {"spatial_layers": 0}, {"no_contact": 3}),
    "tempura": (
        "tempura",
        {},
        {"kinds": "('one','several','several')", "noise": False, "memory_lambda": 0.5},
    ),
    "scene_llm": ("scene_llm", {"box_scale": "corner"}, {}),
    "gemma": (
        "scene_llm",
        GEMMA,
        {"language_heads": 4, "language_kv_heads": 2, "language_head_dim": 4},
    ),
    "easg": ("easg", {}, {}),
}
MODELS = {"scene_llm": "scenellm", "easg": "sttran"}  # as m3sgg has it, where it is not the net's
MODES = {"easg": ("edgecls", "easgcls")}


def net_of(case, mode, **fields):
    name, own, _ = CASES[case]
    if name != "easg":
        return scenes.net_of(name, mode, **own, **fields)
    return scenes.easg_of(mode, **fields)


def batch_of():
    rng = np.random.default_rng(0)
    return scenes.batch([scenes.video(rng, 3, 3), scenes.video(rng, 2, 2)], *scenes.SIZES)


@functools.cache
def variables_of(case):
    net, batch = net_of(case, MODES.get(case, ("", "sgcls"))[1]), batch_of()
    return fresh.variables(net, *(batch.get(one) for one in net.inputs))


def weights_of(case):
    """Torch keys and tensors of a tiny net."""
    net = net_of(case, MODES.get(case, ("", "sgcls"))[1])
    exported = state_dict.to_state_dict(net.key_table(), variables_of(case))
    return {key: torch.from_numpy(np.array(value)) for key, value in exported.items()}


def forms(case, weights):
    """The content of a file in each form."""
    name = CASES[case][0]
    mode = MODES.get(case, ("", "sgcls"))[1]
    told = {"model_type": MODELS.get(name, name), "mode": mode, "enc_layer": 1}
    return {
        "original": {"state_dict": {f"module.{key}": value for key, value in weights.items()}},
        "guide": {
            "epoch": 7,
            "model_state_dict": weights,
            "loss": 2.0,
            "config": {"mode": mode},
        },
        "m3sgg": {"state_dict": weights, "model_metadata": told},
    }


def words_of(untold):
    return [f"--config.net.{key}={value}" for key, value in untold.items()]


@pytest.mark.parametrize("case", CASES)
def test_a_file_becomes_a_run_and_goes_back(case, tmp_path, capsys):
    name, _, untold = CASES[case]
    weights = weights_of(case)
    silent, told_mode = MODES.get(case, ("predcls", "sgcls"))
    for legacy, (form, content) in enumerate(forms(case, weights).items()):
        path = tmp_path / f"{form}.tar"
        torch.save(content, path, _use_new_zipfile_serialization=not legacy % 2)
        run_at = tmp_path / form
        found = importing.import_checkpoint(path, run_at, overrides=words_of(untold))
        net = load_run.load_run(run_at).net
        assert (found.net, net.mode) == (name, silent if form == "original" else told_mode)
        masks = {"masks": net.masks} if name != "easg" else {}
        told = net_of(case, net.mode, n_heads=8, dropout=0.1, **masks)
        assert net.clone(dtype=None, axis_name=None) == told
    out = tmp_path / "back.tar"
    assert cli.main(["export", "--workdir", str(tmp_path / "guide"), str(out)]) == 0
    back = torch.load(out, weights_only=True)
    model = {"scene_llm": "scenellm"}.get(name, name)
    assert back["config"].items() >= {"model": model, "mode": told_mode}.items()
    assert back["epoch"] == 7
    assert list(back["model_state_dict"]) == list(weights)
    assert all(torch.equal(back["state_dict"][key], value) for key, value in weights.items())


@pytest.mark.parametrize("case", ["scene_llm", "gemma", "easg"])
def test_an_imported_net_tells_what_the_file_was_made_of(case, tmp_path):
    content = forms(case, weights_of(case))["guide"]
    torch.save(content, tmp_path / "a.tar")
    words = words_of(CASES[case][2])
    importing.import_checkpoint(tmp_path / "a.tar", tmp_path / "run", n_heads=2, overrides=words)
    run = load_run.load_run(tmp_path / "run")
    net = net_of(case, MODES.get(case, ("", "sgcls"))[1])
    wanted, found = (
        jax.jit(functools.partial(nets.call, one))(given, batch_of())
        for one, given in ((net, variables_of(case)), (run.net, run.variables))
    )
    assert np.asarray(wanted["relations"]).any()
    np.testing.assert_array_equal(found["relations"], wanted["relations"])


@pytest.mark.parametrize("wrapped", [True, False])
def test_easgs_baseline_tells_what_the_reference_does_and_goes_back(wrapped, tmp_path, capsys):
    torch.manual_seed(0)
    layers = vidsgg_easg.Layers(scenes.OBJECTS - 2, 3, 2, scenes.FEATURES, scenes.VERB)
    weights = layers.state_dict()
    content = {"state_dict": weights, "config": {"mode": "sgcls"}} if wrapped else weights
    torch.save(content, tmp_path / "fc.pt")
    found = importing.import_checkpoint(tmp_path / "fc.pt", tmp_path / "run")
    run = load_run.load_run(tmp_path / "run")
    assert (found.net, run.net.mode) == ("easg_fc", "sgcls" if wrapped else "easgcls")
    video = scenes.video(np.random.default_rng(0), 1, 4)
    batch = scenes.batch([video], *scenes.SIZES)
    told = jax.jit(functools.partial(nets.call, run.net))(run.variables, batch)
    boxes = video["features"][0, video["pairs"][0, :, 1]]
    for row, doing in enumerate(video["verb_features"][0]):
        with torch.no_grad():
            verbs, objects, edges = layers(*map(torch.from_numpy, (doing, boxes[row : row + 1])))
        both = np.concatenate([verbs, edges[0]])
        np.testing.assert_allclose(told["relations"][0, 0, row], both, atol=1e-6)
        np.testing.assert_allclose(told["objects"][0, 0, row], objects[0], atol=1e-6)
    out = tmp_path / "back.tar"
    assert cli.main(["export", "--workdir", str(tmp_path / "run"), str(out)]) == 0
    back = torch.load(out, weights_only=True)["state_dict"]
    assert list(back) == list(weights)
    assert all(torch.equal(back[key], value) for key, value in weights.items())


@pytest.mark.parametrize(
    ("case", "word", "told"),
    [
        ("stket", "net.window=2", "ensemble_decoder.position_embedding.weight has shape"),
        ("stket", "net.num_objects=7", "has shape .*expected"),
        ("easg", "net.predicates=(3,3)", "rel_compress.weight has shape"),
        ("easg", "task.objects=('__background__','person','a')", "num_objects=6: .* name 3"),
    ],
)
def test_a_file_of_another_window_or_list_of_classes_is_refused(case, word, told, tmp_path):
    torch.save({"state_dict": weights_of(case)}, tmp_path / "a.tar")
    words = [*words_of(CASES[case][2]), f"--config.{word}"]
    with pytest.raises(UserError, match=told):
        importing.import_checkpoint(tmp_path / "a.tar", tmp_path / "run", overrides=words)
    assert not (tmp_path / "run").exists()


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted-by-a-checkpoint",)


@pytest.mark.parametrize("case", CASES)
def test_what_is_planted_in_a_file_never_runs(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"state_dict": weights_of(case), "model_metadata": Planted()}
    for legacy in (False, True):
        torch.save(content, "bad.tar", _use_new_zipfile_serialization=not legacy)
        with pytest.raises(UserError, match="system"):
            importing.import_checkpoint(Path("bad.tar"), tmp_path / "run")
    assert not Path("planted-by-a-checkpoint").exists() and not Path("run").exists()
