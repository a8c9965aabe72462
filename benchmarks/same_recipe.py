"""jaxsign and the torch original trained with one recipe: same clips, batches, rates and updates.

    python -m benchmarks.same_recipe signon:traduttore signon:traduttore-ptn --seeds 1 2 3 \
        --config.data.train.path=DIR --config.data.val.path=DIR --config.data.test.path=DIR

The torch side gets the very batches that jaxsign's input pipeline makes (order, augmentation,
padding) and starts from torch's own random weights. Both keep the weights of their best validation
epoch, which are tested once. For recipes of one stage on one device, of nets in originals.py, of
STTran in predcls (original_scenes.py), and of detectors (original_detector.py).
"""

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ml_collections import ConfigDict
from rich.table import Table

from benchmarks import original_detector, original_scenes, originals
from benchmarks.torch_side import TorchSide
from benchmarks.workload import Batch
from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.errors import UserError, listing
from jaxsign.infer import evaluate
from jaxsign.screen import Console
from jaxsign.train import inputs, log, loop, opening, schedule, setup

# What the torch side does not do: its recipes have these values.
_PLAIN = {
    "loss.class_weights": "",
    "loss.curriculum": "",
    "loss.penalties": (),
    "loss.weighting": "static",
    "optim.accumulation": 1,
    "optim.clip_by": "norm",
    "optim.lr_factors": (),
    "schedule.monitor": "",
    "schedule.unit": "epoch",
    "stages": "",
    "train.bias_init": False,
    "train.early_stop": 0,
    "train.ema_decay": 0.0,
    "train.eval_every": 1,
    "train.freeze_parts": "",
    "train.frozen": (),
    "train.init_from": "",
    "train.max_updates": 0,
    "train.min_delta": 0.0,
    "train.trainable": (".*",),
}
_MONITORS = {"scene_graph": "recall@20", "detections": "ap50"}
Numbers = dict[str, float]


def check(config: ConfigDict) -> None:
    """Refuses a recipe that the torch side would not follow.

    Raises:
      UserError: names its keys, and what they must be.
    """
    values = configs.flatten(config)
    expected = {**_PLAIN, "task.monitor": _MONITORS.get(config.task.name, "gloss")}
    wrong = {key: plain for key, plain in expected.items() if values[key] != plain}
    if wrong:
        lines = [f"{key}={values[key]!r}: expected {plain!r}" for key, plain in wrong.items()]
        raise UserError(f"the torch side cannot follow this recipe:\n{listing(lines)}")


def train_jax(config: ConfigDict, workdir: Path) -> Numbers:
    """A run of the loop; the number it is chosen by, of its best epoch, on val and test."""
    begun = time.monotonic()
    result = loop.train(config, workdir, log.TrainingDisplay(live=False))
    seconds = time.monotonic() - begun
    evaluate.evaluate(workdir, split="test", out=workdir / "test")
    return {"val": result.best, "test": _tested(workdir / "test"), "seconds": seconds}


def _tested(folder: Path) -> float:
    """The number that the best epoch was chosen by, of an evaluation."""
    if (found := folder / "results.json").exists():
        told = json.loads(found.read_text())
        return float(told["AP50"] if "AP50" in told else told["recall"]["with"]["R@20"])
    return float(json.loads((folder / "overall_results.json").read_text())["gloss_accuracy"])


def train_torch(config: ConfigDict, workdir: Path) -> Numbers:
    """The original on the same batches with the same rates."""
    run = setup.prepare(config, workdir)
    config = run.config
    side = _side(config)
    rates = schedule.build(config.schedule, config.optim.lr, config.train.epochs)
    batches = inputs.training(config, run.train)
    iterator = batches.iterator()
    val = [side.to_score(batch) for batch in _real(inputs.validation(config, run.val))]
    best, kept, begun = -1.0, side.model.state_dict(), time.monotonic()
    for epoch in range(config.train.epochs):
        side.set_rate(rates.rate(epoch))
        groups = (next(iterator) for _ in range(batches.steps_per_epoch))
        steps = _real({k: v[0] for k, v in group.items()} for group in groups)
        side.train([side.prepare(batch) for batch in steps])
        score = side.score(val)
        rates.observe(score)
        seconds = time.monotonic() - begun
        print(f"torch epoch {epoch + 1}: val {score:.4f} after {seconds:.0f} s", flush=True)
        if score > best:
            best, kept = score, copy.deepcopy(side.model.state_dict())
    side.model.load_state_dict(kept)
    test = opening.open_examples(config, "test").under(config)
    tested = [side.to_score(batch) for batch in _real(inputs.evaluation(config, test))]
    return {"val": best, "test": side.score(tested), "seconds": seconds}


def _side(config: ConfigDict) -> TorchSide[Any, Any, Any]:
    """The original of the recipe's net."""
    torch.set_num_threads(runtime.available_cores())
    torch.set_flush_denormal(True)  # as XLA does: numbers near 0 are many times slower on a CPU
    if config.task.name == "scene_graph":
        return original_scenes.Torch(config)
    if config.task.name == "detections":
        return original_detector.Torch(config)
    return originals.Torch(config, runtime.available_cores())


def _real(batches: Iterable[Batch]) -> Iterable[Batch]:
    """Batches without their filler rows."""
    return ({k: v[batch["weight"] > 0] for k, v in batch.items()} for batch in batches)


_SIDES = {"jaxsign": train_jax, "torch": train_torch}


def trained(recipe: str, words: list[str], seeds: list[int], sides: list[str]) -> Table:
    """A table of what each side reaches with each seed: accuracy of signs, R@20 of scenes, AP50."""
    table = Table(title=f"{recipe}: {runtime.processor()}")
    for name in ("seed", "side", "val", "test", "training, s"):
        table.add_column(name, justify="right")
    found: dict[str, list[Numbers]] = {side: [] for side in sides}
    for seed in seeds:
        for side in sides:
            config = configs.load(recipe, [*words, f"--config.seed={seed}"])
            check(config)
            with tempfile.TemporaryDirectory() as folder:
                row = _SIDES[side](config, Path(folder) / "run")
            print(f"{recipe} seed {seed} {side}: {row}", flush=True)
            found[side].append(row)
            accuracies = f"{row['val']:.4f}", f"{row['test']:.4f}"
            table.add_row(str(seed), side, *accuracies, f"{row['seconds']:.0f}")
    for side, rows in found.items():
        means = [_spread([row[key] for row in rows]) for key in ("val", "test")]
        table.add_row("all", side, *means, f"{np.mean([row['seconds'] for row in rows]):.0f}")
    return table


def _spread(values: list[float]) -> str:
    """Their mean and sample standard deviation."""
    spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.4f} ± {spread:.4f}"


def main() -> None:
    """Trains both sides of every recipe for every seed and prints tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="+", help="recipes: files or names of shipped ones")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sides", nargs="+", default=list(_SIDES), choices=list(_SIDES))
    arguments, words = parser.parse_known_args()
    runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    for recipe in arguments.config:
        Console().print(trained(recipe, words, arguments.seeds, arguments.sides))


if __name__ == "__main__":
    main()
