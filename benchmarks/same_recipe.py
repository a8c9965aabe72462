"""jaxsign and the torch reference trained with one recipe: same clips, batches, rates and updates.

    python -m benchmarks.same_recipe traduttore --seeds 1 2 3 \
        --config.data.train.path=DIR --config.data.val.path=DIR --config.data.test.path=DIR

The torch side gets the very batches that jaxsign's input pipeline makes (order, augmentation,
padding) and starts from torch's own random weights. Both keep the weights of their best validation
epoch. For recipes of SignTransformer with Adam or AdamW on one device.
"""

import argparse
import copy
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ml_collections import ConfigDict
from rich.table import Table

from jaxsign import config as configs
from jaxsign import runtime, tasks
from jaxsign.infer import evaluate
from jaxsign.screen import Console
from jaxsign.train import inputs, log, loop, schedule, setup
from parity.reference import fslr_train, fslr_transformer
from parity.settings import fslr as fslr_settings

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def train_jax(config: ConfigDict, workdir: Path) -> dict[str, float]:
    """A run of the loop; accuracies of its best epoch on val and test."""
    begun = time.monotonic()
    result = loop.train(config, workdir, log.TrainingDisplay(live=False))
    seconds = time.monotonic() - begun
    evaluate.evaluate(workdir, split="test", out=workdir / "test")
    found = json.loads((workdir / "test" / "overall_results.json").read_text())
    return {"val": result.best, "test": found["gloss_accuracy"], "seconds": seconds}


def train_torch(config: ConfigDict, workdir: Path) -> dict[str, float]:
    """The reference on the same batches with the same rates."""
    run = setup.prepare(config, workdir)
    config = run.config
    torch.manual_seed(config.seed)
    model = _reference(config)
    optimizer = _OPTIMIZERS[config.optim.name](
        model.parameters(),
        lr=config.optim.lr,
        betas=(config.optim.b1, config.optim.b2),
        eps=config.optim.eps,
        weight_decay=config.optim.weight_decay,
    )
    settings = fslr_settings.Run(
        alpha=config.loss.weights[0],
        beta=config.loss.weights[1],
        grad_clip=config.optim.grad_clip or None,
        loss=config.loss.name,
        loss_options=_loss_options(config),
    )
    rates = schedule.build(config.schedule, config.optim.lr, config.train.epochs)
    batches = inputs.training(config, run.train)
    iterator = batches.iterator()
    val = _tensors(inputs.evaluation(config, run.val))
    best, kept, begun = -1.0, None, time.monotonic()
    for epoch in range(config.train.epochs):
        for group in optimizer.param_groups:
            group["lr"] = rates.rate(epoch)
        epoch_batches = _tensors(
            {k: v[0] for k, v in next(iterator).items()} for _ in range(batches.steps_per_epoch)
        )
        fslr_train.train_epoch(
            model, fslr_train.transformer_forward, epoch_batches, optimizer, settings
        )
        score = _accuracy(model, val)
        rates.observe(score)
        if score > best:
            best, kept = score, copy.deepcopy(model.state_dict())
    seconds = time.monotonic() - begun
    model.load_state_dict(kept)
    test = tasks.kind(config).open(config, "test").under(config)
    tested = _accuracy(model, _tensors(inputs.evaluation(config, test)))
    return {"val": best, "test": tested, "seconds": seconds}


def _reference(config: ConfigDict) -> torch.nn.Module:
    fields = config.net.to_dict()
    fields.pop("name")
    fields["pooling_method"] = fields.pop("pooling")
    return fslr_transformer.SignTransformer(**fields)


def _loss_options(config: ConfigDict) -> dict[str, float]:
    names = {
        "ce": {},
        "focal": {"gamma": config.loss.focal_gamma, "alpha": config.loss.focal_alpha},
        "label_smoothing": {"smoothing": config.loss.label_smoothing},
    }
    return names[config.loss.name]


def _tensors(batches: Any) -> list[dict[str, torch.Tensor]]:
    """Batches without their filler rows, as the reference's loop takes them."""
    result = []
    for batch in batches:
        real = batch["weight"] > 0
        rows = {key: torch.from_numpy(np.array(value[real])) for key, value in batch.items()}
        rows["lengths"] = rows["valid"].sum(1)
        rows["gloss"], rows["cat"] = rows["gloss"].long(), rows["cat"].long()
        result.append(rows)
    return result


@torch.no_grad()
def _accuracy(model: torch.nn.Module, batches: list[dict[str, torch.Tensor]]) -> float:
    model.eval()
    hits = [fslr_train.transformer_forward(model, b)[0].argmax(-1) == b["gloss"] for b in batches]
    return torch.cat(hits).float().mean().item()


def main() -> None:
    """Trains both sides for every seed and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="recipe: a file or the name of a shipped one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sides", nargs="+", default=["jaxsign", "torch"])
    arguments, words = parser.parse_known_args()
    runtime.reexec_with_huge_pages()
    runtime.quiet()
    runtime.compilation_cache()
    torch.set_num_threads(runtime.available_cores())
    table = Table(title=f"{arguments.config}: {runtime.processor()}")
    for name in ("seed", "side", "val accuracy", "test accuracy", "training, s"):
        table.add_column(name, justify="right")
    for seed in arguments.seeds:
        for side in arguments.sides:
            config = configs.load(arguments.config, [*words, f"--config.seed={seed}"])
            train = train_jax if side == "jaxsign" else train_torch
            with tempfile.TemporaryDirectory() as folder:
                row = train(config, Path(folder) / "run")
            print(f"seed {seed} {side}: {row}", flush=True)
            accuracies = f"{row['val']:.4f}", f"{row['test']:.4f}"
            table.add_row(str(seed), side, *accuracies, f"{row['seconds']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
