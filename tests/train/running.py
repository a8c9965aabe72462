"""Tiny runs for tests: a small net on a few synthetic signs, here or in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
from helpers import ROOT

from jaxsign import config as configs
from jaxsign.train import log, loop, weights

TINY = (
    "--config.data.synthetic.signs=3",
    "--config.data.synthetic.categories=2",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=2",
    "--config.data.synthetic.frames=(8,14)",
    "--config.net.num_gloss=3",
    "--config.net.num_cat=2",
    "--config.net.emb_dim=16",
    "--config.net.n_heads=2",
    "--config.net.n_layers=1",
    "--config.net.ff_dim=32",
    "--config.net.max_len=16",
    "--config.input.buckets=(16,)",
    "--config.input.batch_size=4",
    "--config.train.epochs=2",
    "--config.schedule.warmup=1",
    "--config.log.tensorboard=False",
)
NAME = "fslr_transformer:synthetic"
TWO_SHAPES = "input.buckets=(10,16)"


def tiny_config(*words):
    """The tiny recipe with further `key=value` words."""
    return configs.load(NAME, [*TINY, *(f"--config.{word}" for word in words)])


def train_here(workdir, *words, steps=None):
    """Trains the tiny recipe in this process, or `steps` of it."""
    return train(workdir, tiny_config(*words), steps)


def train(workdir, config, steps=None):
    """Trains `config` in this process, or `steps` of it."""
    return loop.train(config, workdir, log.TrainingDisplay(live=False), stop_after_steps=steps)


def variables_of(workdir, which="last"):
    """The variables of a run's checkpoint."""
    return weights.load_variables(workdir, which)[0]


def assert_same(a, b, **tolerance):
    """Two trees are equal, or within a tolerance."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if tolerance:
            np.testing.assert_allclose(x, y, **tolerance)
        else:
            np.testing.assert_array_equal(x, y)


def command(workdir, *words, name=NAME):
    """The command line of the tiny run."""
    extra = [f"--config.{word}" for word in words]
    base = [sys.executable, "-m", "jaxsign", "train", "--config", str(name)]
    return [*base, "--workdir", str(workdir), *TINY, *extra]


def environment(devices=1):
    """Environment of a run's own process."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    return {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}


def train_apart(workdir, *words, devices=1, name=NAME):
    """Trains the tiny recipe in a process of its own, from the command line."""
    return subprocess.run(
        command(workdir, *words, name=name),
        env=environment(devices),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(workdir).parent,
    )


def kill_within_the_epochs(process, seconds, how=signal.SIGKILL, told="epoch"):
    """Waits for a line that begins so, then `seconds`, then kills; returns what was printed."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(told):
            break
    time.sleep(seconds)
    process.send_signal(how)
    rest, _ = process.communicate(timeout=120)
    return "".join(lines) + rest


def train_step_by_step(train, most=60, steps=1):
    """Calls `train(steps)` again and again until the run is over. The last result, calls."""
    for calls in range(1, most + 1):
        result = train(steps)
        if not result.interrupted:
            return result, calls
    raise AssertionError(f"not done after {most} calls")


ASL_TINY = {
    "net": {"dim": 16},
    "data": {
        "synthetic": {"signs": 3, "signers": 4, "clips_per_signer": 2, "frames": (8, 14)},
    },
    "input": {"buckets": (16,), "max_length": 16, "batch_size": 4, "threads": 0},
    "log": {"tensorboard": False},
}


WHISPER_TINY = {
    "net": {
        "dim": 16, "num_heads": 2, "num_layers": 1, "ff_dim": 32, "max_target": 8,
        "max_relative": 64, "patch_size": 2,
    },
    "data": {
        "synthetic": {
            "signs": 3, "signers": 4, "clips_per_signer": 1, "frames": (8, 12), "glosses": (2, 3),
        },
    },
    "input": {"buckets": (40,), "max_length": 40, "threads": 0},
    "schedule": {"warmup_updates": 2},
    "log": {"tensorboard": False},
    "stage": {
        "stage1": {"train": {"epochs": 1}, "input": {"batch_size": 4}},
        "stage2": {"train": {"epochs": 2}, "input": {"batch_size": 3}},
        "stage3": {
            "train": {"epochs": 2},
            "input": {"batch_size": 4, "windows": {"seconds": 0.5, "overlap": 0.5}},
        },
    },
}  # fmt: skip


def tiny_whisper(variant="synthetic", **sections):
    """WhisperSign's three stages on a few synthetic sentences, with further changes."""
    config = configs.merged(configs.load(f"whisper_sign:{variant}"), WHISPER_TINY)
    return configs.merged(config, sections)


def tiny_asl(variant="synthetic", **sections):
    """The ASL hybrid's recipe on a few synthetic signs, with further changes of its sections."""
    config = configs.merged(configs.load(f"asl_hybrid:{variant}"), ASL_TINY)
    return configs.merged(config, sections)


def changing_asl(epochs=4):
    """The ASL hybrid in the middle of restarts, with dropouts that ramp up and set in late."""
    return tiny_asl(
        deterministic=True,
        net={"late_dropout": 0.5, "dropout_step": 4},
        schedule={"cycle": 2, "warmup": 1},
        checkpoint={"every_steps": 1},
        train={"epochs": epochs},
    )
