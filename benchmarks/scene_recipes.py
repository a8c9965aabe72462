"""What recipes of scene graphs reach: the table of docs/scene_graphs.md.

    python -m benchmarks.scene_recipes sttran:synthetic-rare tempura:synthetic-rare --seeds 1 2 3

A row is a recipe: R@20 and mR@20 with constraint on the validation and test videos, in percent, of
the epoch that the recipe chooses, mean and spread over seeds; seconds of a training, compiling with
it. A recipe of EASG is told by EASG's own recall, of a graph's triplets of verb, object and edge.
Every training is written down as it ends (--out): the same command goes on where it was stopped.
Words such as --config.train.epochs=5 change every recipe.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.infer import evaluate
from jaxsign.screen import Console
from jaxsign.train import log, loop
from jaxsign.whole import write_json

_SHOWN = {"recall": "R@20", "mean_recall": "mR@20"}
_SPLITS = "val", "test"
Numbers = dict[str, float]


def train(recipe: str, words: Sequence[str], seed: int, folder: Path) -> Numbers:
    """One training: `R@20 val`, `mR@20 val`, ... in percent, and `seconds`."""
    config = configs.load(recipe, [*words, f"--config.seed={seed}", "--config.log.progress=False"])
    begun = time.monotonic()
    loop.train(config, folder, log.TrainingDisplay(live=False))
    found = {"seconds": time.monotonic() - begun}
    for split in _SPLITS:
        told: Any = evaluate.evaluate(folder, split=split, out=folder / split)
        found |= {f"{cut} {split}": 100 * told[of]["with"][cut] for of, cut in _SHOWN.items()}
    return found


def measure(
    recipes: Sequence[str],
    words: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    learn: Callable[[str, Sequence[str], int, Path], Numbers] = train,
) -> dict[str, Numbers]:
    """Trains what is not yet in `out`, and writes each training down as it ends."""
    found: dict[str, Numbers] = json.loads(out.read_text()) if out.is_file() else {}
    for seed in seeds:
        for recipe in recipes:
            key = " ".join([recipe, *words, f"seed {seed}"])
            if key in found:
                continue
            folder = out.with_suffix("") / f"{recipe.replace(':', '_')}-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            found[key] = learn(recipe, words, seed, folder)
            write_json(out, found)
            print(f"{key}: {found[key]}", flush=True)
    return found


def table(found: Mapping[str, Numbers]) -> Table:
    """A row a recipe: mean and spread over its seeds."""
    made = Table(title=f"with constraint (%): {runtime.processor()}")
    columns = [f"{cut} {split}" for split in _SPLITS for cut in _SHOWN.values()]
    for name in ("recipe", "seeds", *columns, "seconds"):
        made.add_column(name, justify="right")
    for recipe in dict.fromkeys(key.rpartition(" seed ")[0] for key in found):
        rows = [found[key] for key in found if key.startswith(f"{recipe} seed ")]
        numbers = [_spelt([row[name] for row in rows]) for name in columns]
        seconds = np.mean([row["seconds"] for row in rows])
        made.add_row(recipe, str(len(rows)), *numbers, f"{seconds:.0f}")
    return made


def _spelt(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="+", help="recipes: files or names of shipped ones")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("runs/scene_recipes.json"), metavar="JSON")
    options, words = parser.parse_known_args(argv)
    if not options.out.suffix:
        parser.error(f"--out {options.out}: is no file's name, expected one such as found.json")
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    Console().print(table(measure(options.config, words, options.seeds, options.out)))


if __name__ == "__main__":
    main()
