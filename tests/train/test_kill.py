"""Killed at any moment and started again: the same run, bit for bit."""

import random
import signal
import subprocess
import time

import jax
import numpy as np
from running import TWO_SHAPES, command, environment, train_apart

from jaxsign.train import checkpoint

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


def test_sigkill_at_random_moments(tmp_path):
    whole = train_apart(tmp_path / "whole", *WORDS)
    assert whole.returncode == 0, whole.stderr
    moments = random.Random(7)
    kills = 0
    for _ in range(3):
        process = start(tmp_path / "killed")
        kill_within_the_epochs(process, moments.uniform(0, 1.5))
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 1
    last = train_apart(tmp_path / "killed", *WORDS)
    assert last.returncode == 0, last.stderr
    whole_csv, killed_csv = (tmp_path / n / "metrics.csv" for n in ("whole", "killed"))
    assert whole_csv.read_bytes() == killed_csv.read_bytes()
    for which in ("last", "best"):
        a, b = (checkpoint.load_variables(tmp_path / n, which)[0] for n in ("whole", "killed"))
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_array_equal(x, y)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path / "stopped")
    printed = kill_within_the_epochs(process, 0.3, signal.SIGINT)
    assert process.returncode == 130, printed
    assert "nothing is lost" in printed
    assert "Traceback" not in printed
    assert checkpoint.Checkpoints(tmp_path / "stopped").exists()
