"""What narrow numbers cost in accuracy: every recipe's synthetic variant, trained whole.

    python -m benchmarks.precisions                                # all of it: hours
    python -m benchmarks.precisions --only fslr_transformer signon --seeds 1

A row is a recipe, a column a number format (and, last, bfloat16 on four devices that are threads of
this processor); a cell the number that chose the best epoch, mean and spread over seeds. Every
training is written down as it ends (--out): the same command goes on where it was stopped. Each
core trains by itself, and seconds are those of the epochs on one core.
"""

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import trainings
from jaxsign.errors import UserError
from jaxsign.infer.comparing import known_runs

RECIPES = (
    "fslr_transformer", "asl_hybrid", "whisper_sign", "signon", "sttran", "tempura", "stket",
    "scene_llm", "easg",
)  # fmt: skip
FOUR = "bfloat16 on 4 devices"
COLUMNS = ("float32", "bfloat16_products", "bfloat16", "float16", FOUR)
_DEVICES = " --xla_force_host_platform_device_count=4"


def words(column: str, seed: int) -> list[str]:
    """The words of a command line that make a recipe a column's."""
    return [
        f"--config.precision={column.partition(' ')[0]}",
        f"--config.seed={seed}",
        f"--config.devices={4 if column == FOUR else 1}",
    ]


def train(recipe: str, column: str, seed: int, folder: Path) -> trainings.Found:
    """In a process of its own, as JAX fixes the number of devices when it starts.

    Raises:
      UserError: the training failed.
    """
    command = ["train", "--config", f"{recipe}:synthetic", "--workdir", str(folder)]
    command += words(column, seed)
    flags = os.environ.get("XLA_FLAGS", "") + _DEVICES * (column == FOUR)
    done = subprocess.run(
        [sys.executable, "-m", "jaxsign", *command],
        env={**os.environ, "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UserError(f"jaxsign {' '.join(command)} failed:\n{done.stderr}")
    run = known_runs.read(folder)
    if run.so_far.best is None:
        raise UserError(f"{folder}: no epoch was validated")
    return trainings.Found(run.so_far.best, run.seconds)


def wanted(
    recipes: Sequence[str], seeds: Sequence[int]
) -> Iterator[tuple[trainings.Cell, trainings.Learn]]:
    """What is to be trained."""
    for seed in seeds:
        for recipe in recipes:
            for column in COLUMNS:
                learn = functools.partial(train, recipe, column, seed)
                yield trainings.Cell(recipe, column, seed), learn


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=RECIPES, choices=RECIPES, metavar="RECIPE")
    parser.add_argument("--seeds", nargs="+", type=int, default=(1, 2, 3), metavar="N")
    plan = trainings.Plan(
        "benchmarks.precisions",
        "best validation number (%)",
        "recipe",
        COLUMNS,
        lambda options: wanted(options.only, options.seeds),
    )
    trainings.main(plan, parser, argv)


if __name__ == "__main__":
    main()
