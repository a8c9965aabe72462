"""Training a detector: killed and gone on with, and on two devices."""

import signal
import subprocess
import sys
import time

import drawn_boxes
import jax
import numpy as np
import pytest
from helpers import ROOT
from running import environment

from jaxsign import cli
from jaxsign.train import records, weights

APART = "import sys, pathlib, drawn_boxes; drawn_boxes.{}(*map(pathlib.Path, sys.argv[1:]))"


def words(function, *paths):
    """A process that calls a function of drawn_boxes."""
    return [sys.executable, "-c", APART.format(function), *map(str, paths)]


def environment_apart():
    return {**environment(), "PYTHONPATH": f"{ROOT}:{ROOT}/tests/train"}


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(tmp_path):
    place = drawn_boxes.written(tmp_path / "images")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    drawn_boxes.train(place, whole)
    process = subprocess.Popen(words("train", place, killed), env=environment_apart())
    while process.poll() is None and not (killed / "metrics.csv").exists():
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(records.read_csv(killed / "metrics.csv")) < 3
    drawn_boxes.train(place, killed)
    assert (whole / "metrics.csv").read_bytes() == (killed / "metrics.csv").read_bytes()
    for which in ("last", "best"):
        a, b = (weights.load_variables(run, which)[0] for run in (whole, killed))
        jax.tree.map(np.testing.assert_array_equal, a, b)
    losses = [float(row["train_loss"]) for row in records.read_csv(whole / "metrics.csv")]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.shared  # for its minutes
@pytest.mark.timeout(1800)
def test_eight_images_are_learnt_by_heart(tmp_path):
    place = drawn_boxes.written(tmp_path / "images")
    # Compiled as users have it: the programs of the other tests' quick compiler are slow.
    apart = environment_apart()
    del apart["JAX_DISABLE_MOST_OPTIMIZATIONS"], apart["XLA_FLAGS"]
    subprocess.run(words("learn_by_heart", place, tmp_path / "run"), env=apart, check=True)
    last = records.read_csv(tmp_path / "run" / "metrics.csv")[-1]
    assert float(last["val_ap50"]) >= 0.95


def test_a_detector_is_never_begun_with_random_weights_by_chance(tmp_path, capsys):
    place = drawn_boxes.written(tmp_path / "images")
    asked = ["train", "--config", "faster_rcnn:boxes", "--workdir", str(tmp_path / "run")]
    asked += [f"--config.data.train.path={place}", f"--config.data.val.path={place}"]
    for given, told in (
        ("", "train.pretrained is not set: this net needs weights"),
        (str(tmp_path / "none.pth"), "none.pth: no such file"),
    ):
        assert cli.main([*asked, f"--config.train.pretrained={given}"]) == 1
        assert told in capsys.readouterr().err
