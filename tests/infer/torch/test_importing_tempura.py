"""TEMPURA's checkpoints: what it remembers goes in and back; files of other nets are refused."""

import functools

import fresh
import jax
import numpy as np
import pytest
import scenes

from jaxsign import cli, nets
from jaxsign.errors import UserError
from jaxsign.infer import run as load_run
from jaxsign.infer.torch import importing
from jaxsign.nets import memories, state_dict

torch = pytest.importorskip("torch")
GROUPS = {"attention": 2, "spatial": 1, "contacting": 3}
OWN = {"word_dim": 3, "object_memory": True, "tracking": True, "track_rows": 40}


@pytest.fixture(scope="module")
def made():
    """A net, its variables with memories, and the file's content."""
    net = scenes.net_of("tempura", "sgcls", **OWN, memory_lambda=0.3)
    shape = scenes.batch([scenes.video(np.random.default_rng(0), 2, 3)], *scenes.SIZES)
    variables = jax.device_get(fresh.variables(net, *(shape.get(one) for one in net.inputs)))
    rng = np.random.default_rng(2)
    rows = {n: rng.normal(size=s).astype(np.float32) for n, s in net.memory_shapes.items()}
    variables = net.with_memory(variables, rows)
    exported = state_dict.to_state_dict(net.key_table(), variables)
    parts = np.split(rows["relations"], np.cumsum(net.predicates)[:-1])
    content = {
        "state_dict": {key: torch.from_numpy(np.array(v)) for key, v in exported.items()},
        "object_memory": torch.from_numpy(rows["objects"]),
        "rel_memory": dict(zip(GROUPS, map(torch.from_numpy, parts), strict=True)),
        "model_metadata": {"model_type": "tempura", "mode": "sgcls"},
    }
    return net, variables, content


@functools.cache
def told_by(net):
    """(variables, batch) -> the net's outputs, compiled once."""
    return jax.jit(functools.partial(nets.call, net))


@pytest.mark.parametrize("new", [True, False])
def test_answers_of_a_file_are_those_of_its_net_and_memories_go_back(made, new, tmp_path):
    net, variables, content = made
    torch.save(content, tmp_path / "a.tar", _use_new_zipfile_serialization=new)
    words = [f"--config.net.{key}={value}" for key, value in {"masks": "fractional"}.items()]
    importing.import_checkpoint(tmp_path / "a.tar", tmp_path / "run", n_heads=2, overrides=words)
    run = load_run.load_run(tmp_path / "run")
    assert (run.net.num_mixtures, run.net.temporal_window, run.net.track_rows) == (2, 2, 40)
    assert run.net.memories == {"relations": "simple", "objects": "simple"}
    rng = np.random.default_rng(3)
    batch = scenes.batch([scenes.video(rng, 3, 3, every=True)], *scenes.SIZES)

    def told(one, given):
        return told_by(one)(given, batch)

    wanted, found = told(net, variables), told(run.net, run.variables)
    for name in ("relations", "object_logits", "labels", "valid_pairs"):
        np.testing.assert_array_equal(wanted[name], found[name])
    without = told(net, net.without_memory(variables))
    assert not np.allclose(without["relations"], wanted["relations"])
    if new:
        assert cli.main(["export", "--workdir", str(run.workdir), str(tmp_path / "b.tar")]) == 0
        back = torch.load(tmp_path / "b.tar", weights_only=True)
        assert all(torch.equal(back["state_dict"][k], v) for k, v in content["state_dict"].items())
        assert torch.equal(back["object_memory"], content["object_memory"])
        assert list(back["rel_memory"]) == list(GROUPS)
        assert all(torch.equal(back["rel_memory"][k], v) for k, v in content["rel_memory"].items())


def test_a_file_without_memories_is_a_net_without_them(made, tmp_path):
    net, variables, content = made
    for name, empty in (("a", {"object_memory": [], "rel_memory": []}), ("b", {})):
        kept = {k: v for k, v in content.items() if not k.endswith("memory")}
        torch.save({**kept, **empty}, tmp_path / f"{name}.tar")
        found = importing.import_checkpoint(tmp_path / f"{name}.tar", tmp_path / name, n_heads=2)
        assert sum("empty until a training" in note for note in found.notes) == 2
        run = load_run.load_run(tmp_path / name)
        assert not memories.read(run.variables)


@pytest.mark.parametrize(
    ("change", "words", "told"),
    [
        ({"object_memory": torch.zeros(4, 6)}, (), "object_memory has shape \\[4, 6\\]"),
        ({"rel_memory": {"attention": torch.zeros(2, 16)}}, (), "without spatial, contacting"),
        ({"object_memory": torch.zeros(3)}, (), "object_memory is no memory"),
        ({"object_memory": torch.full((5, 136), np.nan)}, (), "NaN"),
        ({}, ("num_mixtures=3",), "mu_3"),
        ({}, ("temporal_window=5",), "position_embedding"),
        ({}, ("num_objects=7",), "obj_embed"),
        ({}, ("memory_lambda=7.0", "memory_fusion=no"), "'early' or 'late'(.|\\n)*lambda=7.0"),
    ],
)
def test_a_file_of_other_sizes_is_refused(made, change, words, told, tmp_path):
    torch.save({**made[2], **change}, tmp_path / "a.tar")
    given = [f"--config.net.{word}" for word in words]
    with pytest.raises(UserError, match=told):
        importing.import_checkpoint(
            tmp_path / "a.tar", tmp_path / "run", n_heads=2, overrides=given
        )
    assert not (tmp_path / "run").exists()
