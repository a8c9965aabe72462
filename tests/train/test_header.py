"""What a run says before its first step."""

import io

import numpy as np
from rich.console import Console
from running import tiny_config

from jaxsign import config as configs
from jaxsign.train import log, outputs, setup


def header(workdir, *words):
    """The header's lines of the tiny recipe: 12 training clips and 6 of validation."""
    run = setup.prepare(tiny_config(*words), workdir)
    text = io.StringIO()
    display = log.TrainingDisplay(live=False, console=Console(file=text, width=300))
    outputs.announce(run, setup.begin(run, run.stages[0], None), display, 0)
    return run, text.getvalue()


def test_it_tells_what_trains_at_which_rate_and_what_stands_still(tmp_path):
    _, text = header(tmp_path, "optim.lr=0.002")
    (line,) = [line for line in text.splitlines() if line.startswith("train ")]
    assert "all" in line and line.endswith("arrays, rate 0.002")
    words = ("train.frozen=('^gloss_head/',)", "optim.lr_factors=(('^category_.*bias$',0.1),)")
    _, text = header(tmp_path, "optim.lr=0.002", *words)
    found = [line.split() for line in text.splitlines() if line.startswith(("train ", "frozen"))]
    rates = {" ".join(line[:3]): line[-1] for line in found if line[1] != "layer_*"}
    assert rates["train category_head (kernel)"] == "0.002"
    assert rates["train category_head (bias)"] == "0.0002"
    assert rates["frozen gloss_head 163"] == "arrays"


def test_a_batch_that_no_epoch_fills_is_made_smaller_and_told(tmp_path):
    run, text = header(tmp_path, "input.batch_size=32", "devices=1")
    assert (len(run.train), len(run.val)) == (12, 6)
    assert "batch    12 rows in training, 6 in validation, where input.batch_size=32 asks" in text
    assert run.config.input.batch_size == 32
    assert "batch  " not in header(tmp_path, "devices=1")[1]


def test_more_epochs_than_the_recipe_names_are_explained(tmp_path):
    _, text = header(tmp_path, "train.epochs=3", "train.full_epoch=48")
    assert "epochs   12: more than the recipe names" in text
    assert "epochs  " not in header(tmp_path, "train.epochs=3")[1]


def test_classes_with_few_clips_are_told_with_the_fewest(tmp_path):
    _, text = header(tmp_path)
    (line,) = [line for line in text.splitlines() if line.startswith("warning")]
    assert "3 of 3 classes of gloss ('" in line and "): fewer than 5 training clips. More" in line
    assert "cat" in line and "class_weights=balanced" in line
    _, text = header(tmp_path / "more", "data.synthetic.clips_per_signer=4")
    assert "warning" not in text


def test_clips_of_one_class_alone_are_told(tmp_path):
    run, _ = header(tmp_path)
    run.train.source.labels["gloss"][:] = 1
    first, *_ = run.train.remarks(run.config)
    assert first.startswith("all training clips are 'SIGN_01': there is no other gloss to tell")


def test_the_recipe_takes_the_counts_of_its_classes_where_it_weighs_by_them(tmp_path):
    run, _ = header(tmp_path / "w", "loss.class_weights=balanced")
    labels = run.train.source.labels
    assert run.config.loss.class_counts == tuple(
        tuple(np.bincount(labels[head]).tolist()) for head in ("gloss", "cat")
    )
    setup.claim(run)
    assert configs.load_run_config(tmp_path / "w") == run.config
    assert header(tmp_path / "n")[0].config.loss.class_counts == ()


def test_a_balanced_sampler_draws_the_first_head_evenly_in_training_alone(tmp_path):
    words = ("data.sampler=balanced", "task.heads=('cat',)", "loss.weights=(1.0,)")
    run, _ = header(tmp_path, *words, "task.monitor=cat", "net.num_gloss=0")
    labels = run.train.source.labels["cat"]
    assert np.bincount(labels).tolist() == [8, 4]
    drawn = run.train.cutting()(0).example
    assert np.bincount(labels[drawn]).tolist() == [6, 6]
    assert run.val.cutting()(0).example.tolist() == list(range(len(run.val)))
