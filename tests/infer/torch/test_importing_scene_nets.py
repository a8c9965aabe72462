"""Checkpoints of nets of relations, in every form: a run of the same net, and back again."""

import os
from pathlib import Path

import numpy as np
import pytest
import scenes

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer import run as load_run
from jaxsign.infer.torch import importing
from jaxsign.nets import state_dict

torch = pytest.importorskip("torch")
# Fields that no file tells: a recipe, or the one who imports, has to.
UNTOLD: dict[str, dict] = {
    "stket": {"no_contact": 3},
    "tempura": {"kinds": "('one','several','several')", "noise": False, "memory_lambda": 0.5},
}
NETS = list(UNTOLD)


def weights_of(name):
    """Torch keys and tensors of a tiny net."""
    net = scenes.net_of(name, "sgcls")
    exported = state_dict.to_state_dict(net.key_table(), scenes.variables_of(name))
    return {key: torch.from_numpy(np.array(value)) for key, value in exported.items()}


def forms(name, weights):
    """The content of a file in each form."""
    return {
        "original": {"state_dict": {f"module.{key}": value for key, value in weights.items()}},
        "guide": {
            "epoch": 7,
            "model_state_dict": weights,
            "loss": 2.0,
            "config": {"mode": "sgcls"},
        },
        "m3sgg": {
            "state_dict": weights,
            "model_metadata": {"model_type": name, "mode": "sgcls", "enc_layer": 1},
        },
    }


@pytest.mark.parametrize("name", NETS)
def test_a_file_becomes_a_run_and_goes_back(name, tmp_path, capsys):
    weights = weights_of(name)
    for legacy, (form, content) in enumerate(forms(name, weights).items()):
        path = tmp_path / f"{form}.tar"
        torch.save(content, path, _use_new_zipfile_serialization=not legacy % 2)
        run_at = tmp_path / form
        words = [f"--config.net.{key}={value}" for key, value in UNTOLD[name].items()]
        found = importing.import_checkpoint(path, run_at, overrides=words)
        net = load_run.load_run(run_at).net
        assert (found.net, net.mode) == (name, "predcls" if form == "original" else "sgcls")
        told = scenes.net_of(name, net.mode, n_heads=8, dropout=0.1, masks=net.masks)
        assert net.clone(dtype=None, axis_name=None) == told
    out = tmp_path / "back.tar"
    assert cli.main(["export", "--workdir", str(tmp_path / "guide"), str(out)]) == 0
    back = torch.load(out, weights_only=True)
    assert back["config"] == {"model": name, "mode": "sgcls"} and back["epoch"] == 7
    assert list(back["model_state_dict"]) == list(weights)
    assert all(torch.equal(back["state_dict"][key], value) for key, value in weights.items())


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted-by-a-checkpoint",)


@pytest.mark.parametrize("name", NETS)
def test_what_is_planted_in_a_file_never_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"state_dict": weights_of(name), "model_metadata": Planted()}
    for legacy in (False, True):
        torch.save(content, "bad.tar", _use_new_zipfile_serialization=not legacy)
        with pytest.raises(UserError, match="system"):
            importing.import_checkpoint(Path("bad.tar"), tmp_path / "run")
    assert not Path("planted-by-a-checkpoint").exists() and not Path("run").exists()
