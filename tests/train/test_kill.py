"""Killed at any moment and started again: the same run, bit for bit."""

import json
import random
import re
import shlex
import signal
import subprocess
import time

import jax
import numpy as np
import pytest
from running import TWO_SHAPES, command, environment, train_apart

from jaxsign import cli
from jaxsign.train import checkpoint, records

WORDS = (
    TWO_SHAPES,
    "train.epochs=12",
    "deterministic=True",
    "checkpoint.every_steps=2",
    "input.augment.noise_std=0.02",
)


def start(workdir):
    return subprocess.Popen(
        command(workdir, *WORDS),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_within_the_epochs(process, seconds, how=signal.SIGKILL):
    """Waits until the first epoch is done, then `seconds`, then kills; returns what was printed."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch"):
            break
    time.sleep(seconds)
    process.send_signal(how)
    rest, _ = process.communicate(timeout=120)
    return "".join(lines) + rest


def test_sigkill_at_random_moments_in_a_folder_of_any_name(tmp_path):
    killed_run = tmp_path / "[a] b\\c"
    whole = train_apart(tmp_path / "whole", *WORDS)
    assert whole.returncode == 0, whole.stderr
    moments = random.Random(7)
    kills = 0
    for _ in range(3):
        process = start(killed_run)
        kill_within_the_epochs(process, moments.uniform(0, 1.5))
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 1
    last = train_apart(killed_run, *WORDS)
    assert last.returncode == 0, last.stderr
    runs = (tmp_path / "whole", killed_run)
    whole_csv, killed_csv = (run / "metrics.csv" for run in runs)
    assert whole_csv.read_bytes() == killed_csv.read_bytes()
    for which in ("last", "best"):
        a, b = (checkpoint.load_variables(run, which)[0] for run in runs)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_array_equal(x, y)
    assert cli.main(["evaluate", "--workdir", str(killed_run)]) == 0
    results = json.loads((killed_run / "evaluate-val" / "overall_results.json").read_text())
    best = max(float(row["val_gloss_acc"]) for row in records.read_csv(killed_csv))
    assert results["gloss_accuracy"] == pytest.approx(best, abs=1e-6)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path / "stopped")
    printed = kill_within_the_epochs(process, 0.3, signal.SIGINT)
    assert process.returncode == 130, printed
    assert "stopping after this step; once more = now" in printed
    stands = re.search(r"stopped after epoch (\d+), step (\d+); nothing is lost", printed)
    assert int(stands[2]) >= 3 * int(stands[1]) >= 3
    words = shlex.split(printed.partition("to go on: ")[2])
    assert words == ["jaxsign", *command(tmp_path / "stopped", *WORDS)[3:]]
    assert "Traceback" not in printed
    assert checkpoint.Checkpoints(tmp_path / "stopped").exists()
