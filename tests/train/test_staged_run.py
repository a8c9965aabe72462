"""Runs of several stages: what each trains, where it starts, and a kill between two checkpoints."""

import jax
import pytest
from running import assert_same, tiny_config, train_here, variables_of

from jaxsign import stages as stage
from jaxsign.errors import UserError
from jaxsign.train import checkpoint, log, loop, records, writing


def staged(*words):
    config = tiny_config("stages=head,all", *words)
    config.unlock()
    config.stage = {
        "head": {"train": {"trainable": ("_head/",), "epochs": 2}, "optim": {"lr": 1e-2}},
        "all": {"train": {"epochs": 1}, "start": "best", "input": {"batch_size": 6}},
    }
    return config


def test_stages_freeze_and_thaw(tmp_path):
    assert [s.name for s in stage.resolve(staged())] == ["head", "all"]
    first = tiny_config("stages=head", "deterministic=True")
    first.unlock()
    first.stage = staged().stage
    loop.train(first, tmp_path / "head", log.TrainingDisplay(live=False))
    train_here(tmp_path / "start", "train.epochs=1", "optim.lr=0", "deterministic=True")
    start, head = variables_of(tmp_path / "start"), variables_of(tmp_path / "head")
    for name, tree in head["params"].items():
        moved = any(
            (a != b).any()
            for a, b in zip(
                jax.tree.leaves(tree), jax.tree.leaves(start["params"][name]), strict=True
            )
        )
        assert moved == name.endswith("_head"), name
    # What no stage trains is stored once, apart from the checkpoints that are made every epoch.
    assert (tmp_path / "head" / "checkpoints" / "frozen").is_dir()
    result = loop.train(staged(), tmp_path / "both", log.TrainingDisplay(live=False))
    rows = records.read_csv(tmp_path / "both" / "metrics.csv")
    assert result.epochs == 3
    assert [row["stage"] for row in rows] == ["head", "head", "all"]


def test_a_kill_between_best_and_last_changes_nothing(tmp_path, monkeypatch):
    def recipe():
        config = staged("deterministic=True")
        config.stage["all"] = {"train": {"epochs": 2}, "start": "best", "reset_best": True}
        return config

    monkeypatch.setattr(writing.Writing, "pays", lambda self: True)
    loop.train(recipe(), tmp_path / "whole", log.TrainingDisplay(live=False))
    original = checkpoint.Checkpoints.save_last

    def killed(self, number, state, entries):
        if entries["stage"] == 1 and entries["stage_epoch"] == 1:
            raise KeyboardInterrupt
        original(self, number, state, entries)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpoints, "save_last", killed)
        with pytest.raises(KeyboardInterrupt):
            loop.train(recipe(), tmp_path / "killed", log.TrainingDisplay(live=False))
    loop.train(recipe(), tmp_path / "killed", log.TrainingDisplay(live=False))
    whole, again = (tmp_path / n / "metrics.csv" for n in ("whole", "killed"))
    assert whole.read_bytes() == again.read_bytes()
    assert_same(variables_of(tmp_path / "whole"), variables_of(tmp_path / "killed"))


def test_stages_with_other_columns(tmp_path):
    config = staged()
    config.stage["all"] = {"train": {"epochs": 1}, "loss": {"curriculum": "gloss-first"}}
    loop.train(config, tmp_path, log.TrainingDisplay(live=False))
    rows = records.read_csv(tmp_path / "metrics.csv")
    assert [row["alpha"] for row in rows] == ["", "", "0.900000"]


def test_learned_weights_in_some_stages_only_are_refused(tmp_path):
    config = staged()
    config.stage["all"] = {"loss": {"weighting": "uncertainty"}}
    with pytest.raises(UserError, match="in all stages or in none"):
        loop.train(config, tmp_path, log.TrainingDisplay(live=False))
