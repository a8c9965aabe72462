"""WhisperSign's recipe: three stages, windows labelled by alignment, exact resume, its logs."""

import json

import jax
import numpy as np
import pytest
from running import tiny_whisper, train_step_by_step

from jaxsign import config as configs
from jaxsign import stages as stage
from jaxsign.errors import UserError
from jaxsign.input.signs import sequence_labels
from jaxsign.train import by_path, log, loop, records, setup, weights


def train(folder, config, steps=None):
    return loop.train(config, folder, log.TrainingDisplay(live=False), stop_after_steps=steps)


def recipe(**sections):
    return tiny_whisper(deterministic=True, checkpoint={"every_steps": 1}, **sections)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped: 1, 2 and 2 epochs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(folder, recipe(log={"tensorboard": True, "every_steps": 1}))
    return folder


def test_stopping_within_and_between_stages_changes_nothing(whole, tmp_path):
    parts = tmp_path / "parts"
    result, calls = train_step_by_step(lambda n: train(parts, recipe(), n), steps=5)
    assert calls == 4 and result.epochs == 5
    assert (whole / "metrics.csv").read_bytes() == (parts / "metrics.csv").read_bytes()
    for which in ("last", "best"):
        one, other = (weights.load_variables(folder, which)[0] for folder in (whole, parts))
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_stages_follow_each_other_with_their_own_numbers(whole):
    rows = records.read_csv(whole / "metrics.csv")
    assert [row["stage"] for row in rows] == ["stage1", *["stage2"] * 2, *["stage3"] * 2]
    assert rows[0]["train_attention_loss"] == "" and float(rows[1]["train_attention_loss"]) > 0
    parts = [float(rows[1][f"val_{name}"]) for name in ("del", "ins", "sub")]
    assert float(rows[1]["val_wer"]) == pytest.approx(sum(parts), abs=2e-6)
    assert float(rows[1]["val_loss"]) == pytest.approx(
        0.3 * float(rows[1]["val_ctc_loss"]) + 0.7 * float(rows[1]["val_attention_loss"]), abs=2e-6
    )


def test_tensorboard_has_the_guides_names_and_the_programs(whole):
    written = b"".join(p.read_bytes() for p in (whole / "tensorboard").glob("events*"))
    for tag in (
        "loss/total", "loss/ctc", "loss/attention", "lr", "train/total_loss", "train/ctc_loss",
        "train/att_loss", "val/loss", "val/wer", "val/del", "val/ins", "val/sub",
        "val/sequence_accuracy",
    ):  # fmt: skip
        assert tag.encode() in written, tag


def test_the_run_tells_its_metric_as_people_know_it(whole):
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["best_metric"] >= 0 and manifest["monitor"] == "wer"
    assert manifest["monitor_column"] == "val_wer"
    assert (whole / "history.png").stat().st_size > 10_000


def test_the_first_stage_leaves_encoder_and_decoder_alone(tmp_path):
    run = setup.prepare(recipe(), tmp_path)
    paths = {}
    for row in stage.resolve(run.config):
        session = setup.begin(run, row, None)
        paths[row.name] = {path.split("/")[0] for path in session.trainable}
    assert paths["stage1"] == {"frontend", "ctc_head"}
    assert paths["stage2"] == paths["stage3"] == {
        "frontend", "encoder", "ctc_head", "attention_decoder",
    }  # fmt: skip


def test_one_stage_alone_goes_on_from_another_run(whole, tmp_path):
    config = recipe(stages="stage3", train={"init_from": str(whole)})
    config.stage.stage3.optim.lr, config.schedule.min_lr = 0.0, 0.0
    train(tmp_path / "one", config)
    before, after = (
        by_path.flat(weights.load_variables(folder)[0]["params"])
        for folder in (whole, tmp_path / "one")
    )
    assert all(np.array_equal(before[k], after[k]) for k in before)


def test_labels_that_do_not_fit_are_told_before_training(tmp_path):
    with pytest.raises(UserError, match="would be cut to 20, and its glosses would not"):
        train(tmp_path / "c", recipe(input={"max_length": 20, "buckets": (20,)}))
    with pytest.raises(UserError, match=r"glosses need \d+ frames of the net's output"):
        train(tmp_path / "a", recipe(net={"patch_size": 16}))
    with pytest.raises(UserError, match="the decoder takes 1"):
        train(tmp_path / "b", recipe(net={"max_target": 2}))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"task": {"monitor": "accuracy"}}, "'loss', 'wer'"),
        ({"loss": {"auxiliary": 0.5}}, "net.auxiliary_ctc"),
        ({"loss": {"alpha": 1.5}}, "loss.alpha=1.5"),
        ({"decode": {"ctc_weight": float("nan")}}, "decode.ctc_weight=nan"),
        ({"decode": {"length_bonus": float("inf")}}, "decode.length_bonus=inf"),
        ({"net": {"max_target": 0}}, "net.max_target=0"),
    ],
)
def test_recipes_that_make_no_run(tmp_path, sections, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path, recipe(**sections))


def test_a_second_ctc_head_learns_too(tmp_path):
    config = recipe(net={"auxiliary_ctc": True}, loss={"auxiliary": 0.5}, stages="stage2")
    train(tmp_path / "run", config)
    rows = records.read_csv(tmp_path / "run" / "metrics.csv")
    assert float(rows[1]["train_auxiliary_loss"]) < float(rows[0]["train_auxiliary_loss"])


def test_a_recipe_of_classes_cannot_cut_windows(tmp_path):
    config = configs.load("asl_hybrid:synthetic")
    config.input.windows.enabled = True
    with pytest.raises(UserError, match="label sequences"):
        train(tmp_path, config)


def test_a_batch_may_hold_nothing_to_learn(tmp_path, monkeypatch):
    monkeypatch.setattr(sequence_labels.SequenceLabels, "fit", lambda self, ids, n: len(ids) < 2)
    config = recipe(stages="stage3")
    config.stage.stage3.update(train={"epochs": 1})
    config.stage.stage3.input.batch_size = 1  # a batch of one piece that is left out
    train(tmp_path / "run", config)
    assert float(records.read_csv(tmp_path / "run" / "metrics.csv")[0]["train_loss"]) > 0


def test_numbers_of_a_stage_are_checked_before_the_first(tmp_path):
    with pytest.raises(UserError, match=r"stage 'stage3'.*\n.*loss.alpha=1.5"):
        train(tmp_path, recipe(stage={"stage3": {"loss": {"alpha": 1.5}}}))


def test_a_batch_that_devices_cannot_share_is_told_before_any_stage_trains(tmp_path):
    config = recipe(stage={"stage2": {"input": {"batch_size": 3}}})
    run = setup.prepare(config, tmp_path)
    run.devices = [*run.devices[:1]] * 2
    with pytest.raises(
        UserError, match="stage 'stage2': input.batch_size: 3 rows cannot be shared"
    ):
        loop.Loop(run, log.TrainingDisplay(live=False))
    assert not list(tmp_path.iterdir())
