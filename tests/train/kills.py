"""Runs of nets of relations that are killed at random moments, beside runs that are not.

    python tests/train/kills.py [NET ...] [--kills 20] [--seed 0]

Prints a line a net; fails if a killed run's metrics or parameters differ in a bit. With a net's
name behind a colon this file is also the recipe that they train by.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent), str(HERE)]

import jax  # noqa: E402
import numpy as np  # noqa: E402
import recipes  # noqa: E402
from running import environment, kill_within_the_epochs  # noqa: E402

from jaxsign.train import checkpoint  # noqa: E402

# Memories of boxes and pairs; all stages of SceneLLM, with a codebook that grows shorter and LoRA.
NETS = {
    "sttran": ("sttran:synthetic", {"mode": "sgcls"}),
    "tempura": ("tempura:synthetic", {"mode": "sgcls", "object_memory": True}),
    "stket": ("stket:synthetic", {}),
    "scene_llm": ("scene_llm:gemma", {"ot_step": 2}),
    "easg": ("easg:synthetic", {}),
}
EPOCHS = 48
# Header and start weights, the first epoch behind it; and the beginnings of stages.
LINES = ("run ", "epoch", "epoch")
STAGED = (*LINES, "stage ")


def get_config(arg):
    """The recipe of a net of `NETS`."""
    name, fields = NETS[arg]
    config = recipes.small(name, HERE)
    config.net.update(fields)
    config.input.batch_size, config.deterministic = 2, True
    config.log.tensorboard = False
    config.checkpoint.every_steps = 1
    if config.schedule.warmup_updates_before:
        config.schedule.warmup_updates_before = 5
    epochs = EPOCHS // max(len(config.stage), 1)
    config.train.update(epochs=epochs, eval_every=1, early_stop=0)
    for stage in config.stage.values():
        stage.train.epochs = epochs
    return config


def start(net, folder):
    """A process that trains, or goes on."""
    words = ["train", "--config", f"{HERE / 'kills.py'}:{net}", "--workdir", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "jaxsign", *words],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(net, folder):
    """Trains to the end."""
    process = start(net, folder)
    printed, _ = process.communicate(timeout=1200)
    if process.returncode:
        raise RuntimeError(printed)


def killed(net, folder, count, moments):
    """Starts again and again, and kills up to `count` times; how often that was."""
    done, lines = 0, STAGED if len(get_config(net).stage) else LINES
    while done < count:
        process = start(net, folder)
        told, seconds = moments.choice(lines), moments.uniform(0, 1)
        printed = kill_within_the_epochs(process, seconds, told=told)
        if process.returncode == 0:
            break
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(printed)
        done += 1
    finish(net, folder)
    return done


def differences(one, other):
    """What differs between two runs; empty = nothing."""
    names = ["metrics.csv"]
    found = [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()]
    for which in ("last", "best"):
        pair = (checkpoint.load_variables(place, which)[0] for place in (one, other))
        leaves, others = map(jax.tree.leaves, pair)
        same = len(leaves) == len(others) and all(map(np.array_equal, leaves, others))
        found += [] if same else [which]
    return found


def compare(net, folder, kills, seed):
    """Kills so often, in as many runs as that takes: kills, runs, and what differs."""
    moments = random.Random(seed)
    finish(net, folder / "whole")
    done, runs, found = 0, 0, []
    while done < kills:
        done += killed(net, folder / f"killed-{runs}", kills - done, moments)
        found += differences(folder / "whole", folder / f"killed-{runs}")
        runs += 1
    return done, runs, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", nargs="*", default=list(NETS), help=", ".join(NETS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("XLA_FLAGS", "")  # as tests have it
    wrong = 0
    for net in options.net:
        with tempfile.TemporaryDirectory() as scratch:
            done, runs, found = compare(net, Path(scratch), options.kills, options.seed)
        told = f"differ in {', '.join(found)}" if found else "equal to the bit"
        print(f"{net}: {done} kills in {runs} runs: {told}", flush=True)
        wrong += len(found)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
