"""A run from the recipe to its folder, and going on with it."""

import csv
import json
import logging
import re
import shutil

import jax
import numpy as np
import pytest
from running import (
    TWO_SHAPES,
    assert_same,
    tiny_config,
    train_apart,
    train_here,
    train_step_by_step,
    variables_of,
)

from jaxsign import locking
from jaxsign.errors import UserError
from jaxsign.train import log, loop, outputs, records, setup, storage, weights

COLUMNS = (
    "epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr,epoch_time,"
    "gpu_memory_allocated,gpu_memory_reserved,train_gloss_acc,train_cat_acc,val_time,train_time"
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "first"
    result = train_here(workdir, "deterministic=True", "train.epochs=4")
    return workdir, result


def test_the_run_folder_holds_everything(finished):
    workdir, result = finished
    names = {p.name for p in workdir.iterdir()}
    assert names >= {
        "config.json", "labels.json", "metrics.csv", "manifest.json", "history.png", "checkpoints",
        "logfile.txt",
    }  # fmt: skip
    assert (workdir / "metrics.csv").read_text().splitlines()[0] == COLUMNS
    labels = json.loads((workdir / "labels.json").read_text())["heads"]
    assert labels == {"gloss": ["SIGN_00", "SIGN_01", "SIGN_02"], "cat": ["GROUP_0", "GROUP_1"]}
    manifest = json.loads((workdir / "manifest.json").read_text())
    assert (manifest["epochs_done"], manifest["best_metric"]) == (4, result.best)
    assert manifest["trained_on"]["rate"] == [30.0, 30.0, 30.0]  # synthetic signs
    assert sorted(manifest["trained_on"]) == [
        "face", "frames", "hand", "pose", "rate", "seconds", "shape", "size",
    ]  # fmt: skip
    assert (workdir / "history.png").read_bytes()[:4] == b"\x89PNG"


def test_the_text_of_a_run_tells_each_epochs_own_rate(finished):
    lines = (finished[0] / "logfile.txt").read_text().splitlines()
    assert [line.split("LR: ")[1].split()[0] for line in lines if " LR: " in line][:2] == [
        "1e-4", "1e-3",
    ]  # fmt: skip
    assert sum(" - Eval - Gloss: " in line for line in lines) == 4


def test_the_logged_rate_is_the_next_epochs(finished):
    rows = list(csv.DictReader((finished[0] / "metrics.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    # One warm-up epoch from lr/10 to lr, then down: the second epoch runs at lr.
    assert float(rows[0]["lr"]) == pytest.approx(1e-3)
    assert float(rows[-1]["lr"]) == pytest.approx(1e-5)


def test_a_finished_run_stays_as_it_is(finished):
    workdir, result = finished
    before = (workdir / "metrics.csv").read_bytes()
    again = train_here(workdir, "deterministic=True", "train.epochs=4")
    assert (workdir / "metrics.csv").read_bytes() == before
    assert again.best == result.best


@pytest.mark.parametrize(
    ("steps", "words"),  # of three steps an epoch every second one; of two each
    [
        (2, (TWO_SHAPES, "schedule.name=plateau", "schedule.patience=0", "train.ema_decay=0.8")),
        (1, ("optim.accumulation=2", "input.augment.noise_std=0.05", "loss.weighting=uncertainty")),
        (
            1,
            (
                "train.limit_train=2",
                "train.limit_val=1",
                "train.sanity=1",
                "train.max_updates=5",
                "optim.clip_by=value",
                "optim.grad_clip=0.01",
                "schedule.name=multi_step",
                "schedule.milestones=(1,1)",
            ),
        ),
    ],
)
def test_stopping_anywhere_changes_nothing(tmp_path, steps, words):
    words = (*words, "deterministic=True", "train.epochs=3", "checkpoint.every_steps=1")
    train_here(tmp_path / "whole", *words)
    result, runs = train_step_by_step(
        lambda n: train_here(tmp_path / "parts", *words, steps=n), steps=steps
    )
    assert runs > 3 and result.epochs == 3
    for name in ("metrics.csv", "logfile.txt"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    for which in ("last", "best"):
        assert_same(
            variables_of(tmp_path / "whole", which), variables_of(tmp_path / "parts", which)
        )


def test_more_epochs_go_on_from_where_the_run_ended(tmp_path):
    train_here(tmp_path, "train.epochs=1", "schedule.name=constant")
    result = train_here(tmp_path, "train.epochs=3", "schedule.name=constant")
    assert result.epochs == 3
    assert len(records.read_csv(tmp_path / "metrics.csv")) == 3


def test_another_recipe_in_the_same_folder_is_refused(finished):
    with pytest.raises(UserError, match=r"holds another run.*\n.*optim.lr"):
        train_here(finished[0], "deterministic=True", "train.epochs=4", "optim.lr=0.5")


def test_a_run_folder_that_is_moved_is_told_and_leaves_nothing_where_it_was(tmp_path, monkeypatch):
    begin = log.TrainingDisplay.start_epoch

    def moving(self, epoch, *words):
        if epoch == 2:
            (tmp_path / "run").rename(tmp_path / "moved")
        begin(self, epoch, *words)

    monkeypatch.setattr(log.TrainingDisplay, "start_epoch", moving)
    with pytest.raises(UserError, match="run: the run folder was moved or removed while"):
        train_here(tmp_path / "run", "train.epochs=3", "log.tensorboard=False")
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    assert train_here(tmp_path / "moved", "train.epochs=3", "log.tensorboard=False").epochs == 3


def test_early_stopping_counts_epochs_without_a_new_best(tmp_path, capsys, monkeypatch):
    told, write = [], outputs.Outputs.write

    def noting(*words, ended, **named):
        told.append(ended)
        write(*words, ended=ended, **named)

    monkeypatch.setattr(outputs.Outputs, "write", noting)
    result = train_here(tmp_path, "train.epochs=9", "train.early_stop=2", "optim.lr=1e-12")
    assert result.epochs == 3
    assert "stopped  early: the last 2 validations have no better" in capsys.readouterr().out
    assert json.loads((tmp_path / "manifest.json").read_text())["ended"] is True
    assert train_here(
        tmp_path, "train.epochs=9", "train.early_stop=2", "optim.lr=1e-12"
    ).epochs == 3  # fmt: skip
    # Its last checkpoint says so, and a repeated command never takes it back.
    first = told.index(True)
    assert first > 0 and all(told[first:]) and len(told) >= first + 4


def test_early_stopping_waits_for_min_epochs(tmp_path):
    words = ("train.epochs=9", "train.early_stop=2", "train.min_epochs=5", "optim.lr=1e-12")
    assert train_here(tmp_path, *words).epochs == 5


def test_max_clips_draws_the_same_clips_of_every_split(tmp_path):
    train_here(tmp_path, "train.epochs=1", "data.max_clips=3")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["train_examples"], manifest["val_examples"]) == (3, 3)


def test_a_run_made_before_a_key_existed_can_go_on(tmp_path):
    train_here(tmp_path, "train.epochs=1")
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text())
    del stored["train"]["min_epochs"], stored["data"]["max_clips"]
    path.write_text(json.dumps(stored))
    assert train_here(tmp_path, "train.epochs=2").epochs == 2


def test_the_best_checkpoint_is_the_best_epochs(finished):
    workdir, _ = finished
    rows = records.read_csv(workdir / "metrics.csv")
    # Of equal accuracies the one with the lower loss.
    scores = [(float(row["val_gloss_acc"]), -float(row["val_loss"])) for row in rows]
    info = weights.load_variables(workdir, "best")[1]
    assert info["epoch"] == scores.index(max(scores)) + 1
    assert info["metric"] == pytest.approx(max(scores)[0], abs=1e-6)


def test_a_loss_that_is_not_finite_names_step_and_batch(tmp_path):
    with pytest.raises(UserError, match=r"not finite at step \d+ \(epoch 1\).*signer0") as caught:
        train_here(tmp_path, "optim.lr=1e30", "optim.grad_clip=0", "schedule.name=constant")
    assert "Lower optim.lr" in str(caught.value)


def test_float16_and_bfloat16_runs_learn(tmp_path):
    for precision in ("float16", "bfloat16"):
        train_here(tmp_path / precision, f"precision={precision}", "train.epochs=3")
        losses = [
            float(row["train_loss"])
            for row in records.read_csv(tmp_path / precision / "metrics.csv")
        ]
        assert losses[-1] < losses[0]
        params = variables_of(tmp_path / precision)["params"]
        assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(params))


def converging(*words):
    words = ("schedule.name=plateau", "schedule.patience=0", *words)
    config = tiny_config("stages=head,all", "deterministic=True", *words)
    config.unlock()
    config.stage = {
        "head": {
            "train": {"trainable": ("_head/",), "epochs": 9},
            "until": {"monitor": "loss", "patience": 1, "min_delta": 10.0},
        },
        "all": {
            # It counts on: the epoch behind the stage before is the second without a better loss.
            "train": {
                "trainable": (".*",),
                "epochs": 3,
                "stop_monitor": "loss",
                "early_stop": 2,
                "min_delta": 10.0,
            },
            "keep_optimizer": True,
            "keep_schedule": True,
            "optim": {"lr_factors": (("^layer_", 0.0),)},
        },
    }
    return config


def test_a_stage_ends_by_convergence_and_thaws_and_resumes(tmp_path):
    def run(folder, steps=None):
        return loop.train(
            converging(), tmp_path / folder, log.TrainingDisplay(live=False), stop_after_steps=steps
        )

    run("whole")
    assert run("parts", steps=1).interrupted
    start = variables_of(tmp_path / "parts")["params"]
    while run("parts", steps=1).interrupted:
        pass
    rows = records.read_csv(tmp_path / "whole" / "metrics.csv")
    assert [row["stage"] for row in rows] == ["head", "head", "all"]
    texts = [(tmp_path / name / "metrics.csv").read_bytes() for name in ("whole", "parts")]
    assert texts[0] == texts[1]
    end = variables_of(tmp_path / "parts")
    assert_same(end, variables_of(tmp_path / "whole"))
    same = {name for name in start if (flat(start[name]) == flat(end["params"][name])).all()}
    # Mean pooling leaves the class token without a gradient.
    assert same == {name for name in start if name.startswith("layer_") or name == "cls_token"}


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_some_epochs_are_validated_and_some_stay(tmp_path):
    words = ("train.epochs=3", "train.eval_every=2", "checkpoint.keep_every=2")
    words = (*words, "checkpoint.also_best=('loss',)")
    words = (*words, "schedule.name=plateau", "deterministic=True")
    train_here(tmp_path / "whole", *words)
    train_step_by_step(lambda steps: train_here(tmp_path / "parts", *words, steps=steps), steps=2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert (whole / "metrics.csv").read_bytes() == (parts / "metrics.csv").read_bytes()
    rows = records.read_csv(whole / "metrics.csv")
    assert [bool(row["val_loss"]) for row in rows] == [False, True, True]
    assert [row["val_time"] for row in rows] == ["", "0.000000", "0.000000"]
    assert all(row["train_loss"] and row["lr"] for row in rows)
    assert ",".join(rows[0]) == COLUMNS
    assert [p.name for p in (whole / "checkpoints" / "kept").iterdir()] == ["2"]
    assert_same(variables_of(whole, "2"), variables_of(parts, "2"))
    assert weights.load_variables(whole, "2")[1]["epoch"] == 2
    with pytest.raises(UserError, match="holds no 3 checkpoint"):
        variables_of(whole, "3")
    losses = {float(row["val_loss"]): int(row["epoch"]) for row in rows if row["val_loss"]}
    least = min(losses)
    kept = json.loads((whole / "manifest.json").read_text())["also_best"]["loss"]
    assert kept == {"epoch": losses[least], "metric": pytest.approx(least, abs=1e-6)}
    assert weights.load_variables(whole, "best-loss")[1] == kept
    assert_same(variables_of(whole, "best-loss"), variables_of(parts, "best-loss"))
    with pytest.raises(UserError, match=r"'best-x'.*Expected best, last, best-loss, 2$"):
        variables_of(whole, "best-x")


def test_curriculum_columns(tmp_path):
    train_here(tmp_path, "loss.curriculum=gloss-first", "loss.curriculum_epochs=2")
    rows = records.read_csv(tmp_path / "metrics.csv")
    assert [row["alpha"] for row in rows] == ["0.900000", "0.700000"]
    assert rows[0]["curriculum_phase"] == "Gloss-first curriculum phase (epoch 1/2)"


def test_learned_loss_weights_are_trained_and_saved(tmp_path):
    train_here(tmp_path, "loss.weighting=uncertainty")
    learned = variables_of(tmp_path)["params"]["loss_weights"]["log_variance"]
    assert (learned != 0).all()
    assert records.read_csv(tmp_path / "metrics.csv")[0]["loss_weighting_strategy"] == "uncertainty"


def test_heads_start_at_the_classes_shares(tmp_path):
    train_here(tmp_path, "train.bias_init=True", "train.epochs=1", "optim.lr=0")
    params = variables_of(tmp_path)["params"]
    np.testing.assert_allclose(params["gloss_head"]["out"]["bias"], np.log([1 / 3] * 3), rtol=1e-6)
    shares = np.exp(params["category_head"]["out"]["bias"])
    np.testing.assert_allclose(sorted(shares), [1 / 3, 2 / 3], rtol=1e-6)


def test_gradnorm_is_refused_with_a_reason(tmp_path):
    with pytest.raises(UserError, match="gradnorm.*is not offered"):
        train_here(tmp_path, "loss.weighting=gradnorm")


def test_starting_from_another_runs_weights_and_looking_inside(finished, tmp_path, capsys):
    workdir, _ = finished
    looks = ("log.tensorboard=True", "log.histograms=1", "log.profile=(2,3)")
    words = (f"train.init_from={workdir}", "train.epochs=1", "optim.lr=0", *looks)
    train_here(tmp_path / "next", *words)
    assert "profile  updates 2 to 3" in capsys.readouterr().out
    board = tmp_path / "next" / "tensorboard"
    assert len(list(board.glob("plugins/profile/*/*.xplane.pb"))) == 1
    (events,) = board.glob("events*")
    for tag in (b"weights/embedding/kernel", b"gradients/embedding/kernel"):
        assert tag in events.read_bytes()
    assert_same(variables_of(tmp_path / "next"), variables_of(workdir, "best"))
    with pytest.raises(UserError, match="does not fit this net"):
        train_here(tmp_path / "wrong", f"train.init_from={workdir}", "net.emb_dim=32")


def test_another_head_starts_from_a_runs_body(finished, tmp_path, capsys):
    other = (f"train.init_from={finished[0]}", "net.num_cat=5", "train.epochs=1", "optim.lr=0")
    with pytest.raises(UserError, match="train.init_skip: the pattern 'kat_head' matches no"):
        train_here(tmp_path, *other, "train.init_skip=('kat_head',)")
    # Weights of the losses, which the task learns beside the net, are not the body's either.
    train_here(tmp_path, *other, "loss.weighting=uncertainty")
    told = "3 variables left out of .*: params/category_head/out/bias, params/category_head/out/ker"
    assert re.search(told, capsys.readouterr().out)
    ours, theirs = variables_of(tmp_path)["params"], variables_of(finished[0], "best")["params"]
    assert ours.pop("loss_weights")["log_variance"].shape == (2,)
    heads = [tree.pop(name) for tree in (ours, theirs) for name in ("category_head",)]
    assert_same(ours, theirs)
    assert_same(heads[0]["hidden"], heads[1]["hidden"])
    assert [head["out"]["kernel"].shape for head in heads] == [(8, 5), (8, 2)]


def test_a_batch_size_of_zero_is_found_by_trial(tmp_path):
    train_here(tmp_path, "input.batch_size=0", "train.epochs=1")
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["input"]["batch_size"] >= 8
    assert train_here(tmp_path, "input.batch_size=0", "train.epochs=2").epochs == 2


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    train_here(tmp_path, "train.epochs=1", "schedule.name=constant", "deterministic=True")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storage.ocp.CheckpointManager, "save", full)
        with pytest.raises(UserError, match="disk is full.*The previous one is complete"):
            train_here(tmp_path, "train.epochs=2", "schedule.name=constant", "deterministic=True")
    words = ("train.epochs=2", "schedule.name=constant", "deterministic=True")
    assert train_here(tmp_path, *words).epochs == 2


def test_long_clips_are_cut_with_one_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="jaxsign"):
        train_here(tmp_path, "net.max_len=10", "input.buckets=()", "train.epochs=1")
    texts = [r.message for r in caplog.records if "are cut to their first 10" in r.message]
    assert 1 <= len(texts) <= 2  # at most one a split


def test_unusable_settings_are_told_before_the_first_step(tmp_path):
    for words, message in (
        (("input.buckets=(-1,)",), "positive whole numbers"),
        (("optim.name=adamm",), "Did you mean 'adam'"),
        (("train.trainable=('nothing',)",), "matches no parameter"),
        (("data.synthetic.val_signers=3",), "must leave signers"),
        (("net.num_gloss=2",), "has 3 classes of gloss, but net.num_gloss=2"),
        (("devices=64",), "this machine has"),
        (("task.name=clasify",), "Did you mean 'classify'"),
    ):
        with pytest.raises(UserError, match=message):
            train_here(tmp_path / "x", *words)


def test_the_command_line_gives_errors_without_traceback(tmp_path):
    done = train_apart(tmp_path / "x", "optim.lrr=1")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Did you mean 'optim.lr'?")
    assert "Traceback" not in done.stderr


def test_reading_a_run_leaves_a_save_in_progress_alone(finished):
    workdir, _ = finished
    draft = workdir / "checkpoints" / "last" / "999.orbax-checkpoint-tmp"
    draft.mkdir()
    variables_of(workdir)
    assert draft.is_dir()
    draft.rmdir()


def test_a_failed_start_leaves_the_folder_free(tmp_path):
    with pytest.raises(UserError, match="leaves no epoch"):
        train_here(tmp_path / "x", "schedule.warmup=9")
    assert train_here(tmp_path / "x", "train.epochs=1", "schedule.warmup=0").epochs == 1


def test_an_epoch_of_overflows_only_is_told(tmp_path):
    with pytest.raises(UserError, match="validation loss of epoch 1 is nan"):
        train_here(
            tmp_path, "precision=float16", "optim.lr=1e30", "train.epochs=30", "schedule.warmup=0"
        )


def test_a_run_that_is_stopped_by_its_loss_ends_where_that_is_not_finite(tmp_path):
    words = ("precision=float16", "optim.lr=1e30", "train.epochs=30", "schedule.warmup=0")
    result = train_here(tmp_path, *words, "train.early_stop=20", "train.stop_monitor=loss")
    assert result.epochs == 1 and not result.interrupted
    assert records.read_csv(tmp_path / "metrics.csv")[0]["val_loss"] == "nan"
    assert (
        train_here(tmp_path, *words, "train.early_stop=20", "train.stop_monitor=loss").epochs == 1
    )


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    held = locking.alone(tmp_path, ".lock", "--workdir", "trains in this folder")
    with held, pytest.raises(UserError, match="another process .* trains in"):
        train_here(tmp_path)


def test_a_lost_best_checkpoint_is_made_anew(tmp_path):
    words = ("schedule.name=constant", "optim.lr=0")
    train_here(tmp_path, *words, "train.epochs=1")
    shutil.rmtree(tmp_path / "checkpoints" / "best")
    train_here(tmp_path, *words, "train.epochs=2")
    assert weights.load_variables(tmp_path, "best")[1]["epoch"] == 2


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("net.dropout=1.5", r"net.dropout=1.5: expected 0 below 1"),
        ("optim.lr=nan", r"optim.lr=nan: expected a number: 0 or more"),
        ("train.early_stop=-2", "train.early_stop=-2"),
        ("task.monitor=foo", "task.monitor='foo'"),
        ("loss.weights=(0.0,0.0)", "not all 0"),
        ("net.n_heads=3", "must be even and divisible by n_heads=3"),
        ("net.pooling=avg", "net.pooling='avg': expected 'mean', 'max' or 'cls'"),
        ("train.frozen=('^leyer_',)", "train.frozen: the pattern '.leyer_' matches no parameter"),
    ],
)
def test_numbers_that_make_no_run_are_named(tmp_path, word, message):
    with pytest.raises(UserError, match=message):
        train_here(tmp_path / "x", word)
    assert not (tmp_path / "x" / "config.json").exists()


def test_keypoints_are_mirrored_by_their_own_augmentation(tmp_path):
    run = setup.prepare(tiny_config("input.augment.flip=1.0"), tmp_path)
    batches = setup.begin(run, run.stages[0], None).train_batches
    assert batches.examples.treatment.mirrored is None
    assert np.isfinite(next(batches.iterator())["x"]).all()
