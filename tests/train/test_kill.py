"""Killed at any moment and started again: the same run, bit for bit."""

import json
import random
import re
import shlex
import signal
import subprocess

import jax
import kills
import numpy as np
import pytest
from running import NAME, TWO_SHAPES, command, environment, kill_within_the_epochs

from jaxsign import cli
from jaxsign.train import checkpoint, records, weights

WORDS = (
    TWO_SHAPES,
    "train.epochs=12",
    "deterministic=True",
    "checkpoint.every_steps=2",
    "input.augment.noise_std=0.02",
)
# Its head trains alone until it has converged, which is after the second epoch; then all thaws.
THAWING = """
from configs import fslr_transformer

def get_config(arg=""):
    config = fslr_transformer.get_config("synthetic")
    config.stages = "head,all"
    config.stage = {
        "head": {
            "train": {"trainable": ("_head/",)},
            "until": {"monitor": "loss", "patience": 1, "min_delta": 10.0},
        },
        "all": {"train": {"epochs": 10}, "keep_optimizer": True},
    }
    return config
"""


def words_of(workdir, name):
    """What `start` types behind `jaxsign`."""
    return command(workdir, *WORDS, name=name)[3:]


def start(workdir, name=NAME):
    return subprocess.Popen(
        command(workdir, *WORDS, name=name),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_sigkill_at_random_moments_in_a_folder_of_any_name(tmp_path):
    killed_run, name = tmp_path / "[a] b\\c", tmp_path / "thawing.py"
    name.write_text(THAWING)
    assert cli.main(words_of(tmp_path / "whole", name)) == 0
    rows = records.read_csv(tmp_path / "whole" / "metrics.csv")
    assert [row["stage"] for row in rows] == ["head"] * 2 + ["all"] * 10
    moments = random.Random(7)
    kills = 0
    # About the end of the first stage, as the next one begins, and anywhere in that.
    for told, most in (("epoch  2", 0.05), ("stage all", 0.05), ("epoch", 1.5)):
        process = start(killed_run, name)
        kill_within_the_epochs(process, moments.uniform(0, most), told=told)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 1
    assert cli.main(words_of(killed_run, name)) == 0
    runs = (tmp_path / "whole", killed_run)
    whole_csv, killed_csv = (run / "metrics.csv" for run in runs)
    assert whole_csv.read_bytes() == killed_csv.read_bytes()
    for which in ("last", "best"):
        a, b = (weights.load_variables(run, which)[0] for run in runs)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_array_equal(x, y)
    assert cli.main(["evaluate", "--workdir", str(killed_run)]) == 0
    results = json.loads((killed_run / "evaluate-val" / "overall_results.json").read_text())
    best = max(float(row["val_gloss_acc"]) for row in records.read_csv(killed_csv))
    assert results["gloss_accuracy"] == pytest.approx(best, abs=1e-6)


@pytest.mark.shared  # for its length: kills.py does the same for each net, as often as one likes
def test_sigkill_in_any_stage_of_a_net_of_relations(tmp_path):
    done, _, found = kills.compare("scene_llm", tmp_path, kills=4, seed=1)
    assert done == 4 and not found


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path / "stopped")
    printed = kill_within_the_epochs(process, 0.3, signal.SIGINT)
    assert process.returncode == 130, printed
    assert "stopping after this step; once more = now" in printed
    stands = re.search(r"stopped after epoch (\d+), step (\d+); nothing is lost", printed)
    assert int(stands[2]) >= 3 * int(stands[1]) >= 3
    words = shlex.split(printed.partition("to go on: ")[2])
    assert words == ["jaxsign", *words_of(tmp_path / "stopped", NAME)]
    assert "Traceback" not in printed
    assert checkpoint.Checkpoints(tmp_path / "stopped").exists()
