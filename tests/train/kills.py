"""Runs of relations that are killed at random moments, beside runs that are not.

    python tests/train/kills.py [RUN ...] [--kills 20] [--seed 0]

Prints a line a run; fails if a killed one's metrics or parameters differ in a bit. With a name of
`RUNS` behind a colon this file is also the recipe that they train by.
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

from jaxsign.train import weights  # noqa: E402

# Memories of boxes and pairs; all stages of SceneLLM, with a codebook that grows shorter and LoRA.
RUNS = {
    "sttran": ("sttran:synthetic", {"mode": "sgcls"}),
    "progressive": ("sttran:progressive", {}),
    "curriculum": ("sttran:synthetic", {}),
    "sets": ("sttran:synthetic-sets", {}),
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
    """The recipe of one of `RUNS`."""
    name, fields = RUNS[arg]
    config = recipes.small(name, HERE)
    config.net.update(fields)
    if arg == "curriculum":
        config.data.synthetic_scenes.videos = 6
        shares = {"easy": 0.34, "middle": 0.67, "all": 1.0}
        config.stages = ",".join(shares)
        config.stage = {
            stage: {"input": {"difficulty": share}, "train": {}} for stage, share in shares.items()
        }
    if arg == "sets":
        config.chain = "three,two"
        config.link = {
            "three": {"data": {"synthetic_scenes": {"objects": 3}}},
            "two": {"data": {"synthetic_scenes": {"objects": 2, "seed": 1}}},
        }
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


def start(name, folder):
    """A process that trains, or goes on."""
    words = ["train", "--config", f"{HERE / 'kills.py'}:{name}", "--workdir", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "jaxsign", *words],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(name, folder):
    """Trains to the end."""
    process = start(name, folder)
    printed, _ = process.communicate(timeout=1200)
    if process.returncode:
        raise RuntimeError(printed)


def killed(name, folder, count, moments):
    """Starts again and again, and kills up to `count` times; how often that was."""
    done, lines = 0, STAGED if len(get_config(name).stage) else LINES
    while done < count:
        process = start(name, folder)
        told, seconds = moments.choice(lines), moments.uniform(0, 1)
        printed = kill_within_the_epochs(process, seconds, told=told)
        if process.returncode == 0:
            break
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(printed)
        done += 1
    finish(name, folder)
    return done


def differences(one, other):
    """What differs between two runs, or two chains of them; empty = nothing."""
    found = []
    for table in sorted(one.rglob("metrics.csv")):
        name = table.relative_to(one)
        if table.read_bytes() != (other / name).read_bytes():
            found.append(str(name))
        for which in ("last", "best"):
            pair = (weights.load_variables(at / name.parent, which)[0] for at in (one, other))
            leaves, others = map(jax.tree.leaves, pair)
            same = len(leaves) == len(others) and all(map(np.array_equal, leaves, others))
            found += [] if same else [str(name.parent / which)]
    return found


def compare(name, folder, kills, seed):
    """Kills so often, in as many runs as that takes: kills, runs, and what differs."""
    moments = random.Random(seed)
    finish(name, folder / "whole")
    done, runs, found = 0, 0, []
    while done < kills:
        done += killed(name, folder / f"killed-{runs}", kills - done, moments)
        found += differences(folder / "whole", folder / f"killed-{runs}")
        runs += 1
    return done, runs, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="*", default=list(RUNS), help=", ".join(RUNS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("XLA_FLAGS", "")  # as tests have it
    wrong = 0
    for name in options.run:
        with tempfile.TemporaryDirectory() as scratch:
            done, runs, found = compare(name, Path(scratch), options.kills, options.seed)
        told = f"differ in {', '.join(found)}" if found else "equal to the bit"
        print(f"{name}: {done} kills in {runs} runs: {told}", flush=True)
        wrong += len(found)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
