"""The training loop of fslr-transformer-vs-iv3gru, in torch, on batches given in order.

Quirks kept: left-over batches of an epoch are stepped too but still divided by `accumulation`,
weight decay is L2 added to the gradient, schedules step once an epoch, the logged rate is the one
after that step, and warm-up of 0 epochs stays at a tenth of the rate.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from parity.reference import fslr_loss
from parity.settings import fslr as fslr_settings

Batch = Mapping[str, Tensor]
Forward = Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]


def transformer_forward(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Batch of `x` [B, T, D] and `lengths` [B] through SignTransformer with its length mask."""
    mask = torch.arange(batch["x"].shape[1])[None] < batch["lengths"][:, None]
    return model(batch["x"], mask)


def gru_forward(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Batch of features `x` [B, T, 2048] and `lengths` [B] through InceptionV3GRU."""
    return model(batch["x"], batch["lengths"], features_already=True)


class WarmupCosine:
    """Linear from a tenth of the rate over `warmup` epochs, then cosine down to a hundredth."""

    def __init__(self, optimizer: torch.optim.Optimizer, warmup: int, epochs: int, lr: float):
        self.warmup, self.epoch = warmup, 0
        self.rising = lr_scheduler.LinearLR(optimizer, 0.1, 1.0, total_iters=warmup)
        self.falling = lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=epochs - warmup, eta_min=0.01 * lr
        )

    def step(self) -> None:
        (self.rising if self.epoch < self.warmup else self.falling).step()
        self.epoch += 1


def make_schedule(
    optimizer: torch.optim.Optimizer, settings: fslr_settings.Run
) -> Callable[[float], None]:
    """A function of the epoch's metric that moves the learning rate, called once an epoch."""
    if settings.scheduler is None:
        return lambda metric: None
    if settings.scheduler == "plateau":
        plateau = lr_scheduler.ReduceLROnPlateau(
            optimizer, mode="max", factor=0.5, patience=settings.scheduler_patience
        )
        return plateau.step
    if settings.scheduler == "cosine":
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=settings.epochs)
        return lambda metric: cosine.step()
    if settings.scheduler == "warmup_cosine":
        both = WarmupCosine(optimizer, settings.warmup_epochs, settings.epochs, settings.lr)
        return lambda metric: both.step()
    raise ValueError(f"no schedule is called {settings.scheduler!r}")


def make_optimizer(model: nn.Module, settings: fslr_settings.Run) -> torch.optim.Adam:
    """Adam over all parameters in one group; those without a gradient are skipped by torch."""
    return torch.optim.Adam(
        model.parameters(),
        lr=settings.lr,
        betas=settings.betas,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
    )


def train_epoch(
    model: nn.Module,
    forward: Forward,
    batches: Sequence[Batch],
    optimizer: torch.optim.Optimizer,
    settings: fslr_settings.Run,
) -> tuple[list[float], list[float]]:
    """One epoch; returns the unweighted losses of both heads, one a batch, before its update."""
    model.train()
    optimizer.zero_grad()
    criterion = fslr_loss.build(settings.loss, **settings.loss_options)
    gloss_losses, cat_losses = [], []
    for number, batch in enumerate(batches, 1):
        gloss, cat = forward(model, batch)
        gloss_loss, cat_loss = criterion(gloss, batch["gloss"]), criterion(cat, batch["cat"])
        gloss_losses.append(gloss_loss.item())
        cat_losses.append(cat_loss.item())
        total = settings.alpha * gloss_loss + settings.beta * cat_loss
        (total / settings.accumulation).backward()
        if number % settings.accumulation == 0 or number == len(batches):
            if settings.grad_clip:
                nn.utils.clip_grad_norm_(model.parameters(), settings.grad_clip)
            optimizer.step()
            optimizer.zero_grad()
    return gloss_losses, cat_losses


@torch.no_grad()
def validate(
    model: nn.Module, forward: Forward, batches: Sequence[Batch], settings: fslr_settings.Run
) -> dict[str, float]:
    """`val_loss` (mean over batches), `val_gloss_acc` and `val_cat_acc` (over clips)."""
    model.eval()
    criterion = fslr_loss.build(settings.loss, **settings.loss_options)
    losses, gloss_hits, cat_hits = [], [], []
    for batch in batches:
        gloss, cat = forward(model, batch)
        loss = settings.alpha * criterion(gloss, batch["gloss"])
        losses.append((loss + settings.beta * criterion(cat, batch["cat"])).item())
        gloss_hits.append(gloss.argmax(-1) == batch["gloss"])
        cat_hits.append(cat.argmax(-1) == batch["cat"])
    return {
        "val_loss": float(np.mean(losses)),
        "val_gloss_acc": torch.cat(gloss_hits).float().mean().item(),
        "val_cat_acc": torch.cat(cat_hits).float().mean().item(),
    }


def run(
    model: nn.Module,
    forward: Forward,
    train: Sequence[Batch],
    val: Sequence[Batch],
    settings: fslr_settings.Run,
) -> dict[str, np.ndarray]:
    """A whole run; the model is trained in place.

    Returns:
      `loss_gloss`, `loss_cat` [epoch, batch]; `train_loss` (average over batches), `val_loss`,
      `val_gloss_acc`, `val_cat_acc`, `lr` (after the epoch's schedule step) [epoch].
    """
    optimizer = make_optimizer(model, settings)
    move = make_schedule(optimizer, settings)
    rows: dict[str, list] = {}
    for _ in range(settings.epochs):
        gloss, cat = train_epoch(model, forward, train, optimizer, settings)
        row: dict[str, Any] = {"loss_gloss": gloss, "loss_cat": cat}
        row |= validate(model, forward, val, settings)
        row["train_loss"] = float(settings.alpha * np.mean(gloss) + settings.beta * np.mean(cat))
        move(row["val_gloss_acc"])
        row["lr"] = optimizer.param_groups[0]["lr"]
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    return {name: np.asarray(values) for name, values in rows.items()}
