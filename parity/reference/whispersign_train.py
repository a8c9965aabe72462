"""WhisperSign's training in torch: three stages with freezing, on batches given in order.

Quirks of the original that are kept: the rate of update n is that of step n + 1, the cosine rises
again after its last step, frozen parts stay in train mode, and (with `teacher_forcing=False`) the
attention decoder is never fed, so that the total is CTC alone in every stage.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from parity.reference import whispersign_loss
from parity.reference.whispersign_net import WhisperSignModel
from parity.settings import whispersign_runs as settings

Batch = Mapping[str, Tensor]


@dataclasses.dataclass
class Records:
    """What a stage did.

    Attributes:
      lr, grad_norm (before clipping), total, ctc, attention: one number an update.
      train_loss, val_loss: one number an epoch: means over batches.
      trainable: number of parameters that train.
    """

    lr: list[float] = dataclasses.field(default_factory=list)
    grad_norm: list[float] = dataclasses.field(default_factory=list)
    total: list[float] = dataclasses.field(default_factory=list)
    ctc: list[float] = dataclasses.field(default_factory=list)
    attention: list[float] = dataclasses.field(default_factory=list)
    train_loss: list[float] = dataclasses.field(default_factory=list)
    val_loss: list[float] = dataclasses.field(default_factory=list)
    trainable: int = 0

    @property
    def best_epoch(self) -> int:
        """The first epoch (from 1) of the lowest validation loss."""
        return int(np.argmin(self.val_loss)) + 1


def learning_rate(update: int, base: float, warmup: int, total: int, min_lr: float = 1e-7) -> float:
    """The rate of update number `update` (from 0)."""
    step = update + 1
    if step < warmup:
        scale = step / max(1, warmup)
    else:
        progress = (step - warmup) / max(1, total - warmup)
        scale = max(0.0, 0.5 * (1 + math.cos(math.pi * progress)))
    return max(min_lr, base * scale)


def freeze(model: nn.Module, frozen: tuple[str, ...]) -> list[nn.Parameter]:
    """Sets which parameters train and returns them."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not frozen or not name.startswith(frozen))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def make_optimizer(parameters: Iterable[nn.Parameter], stage: settings.Stage) -> torch.optim.AdamW:
    """A stage's own optimizer."""
    return torch.optim.AdamW(
        parameters,
        lr=stage.lr,
        betas=stage.betas,
        eps=stage.eps,
        weight_decay=stage.weight_decay,
    )


def losses(
    model: WhisperSignModel, batch: Batch, alpha: float, teacher_forcing: bool
) -> dict[str, Tensor]:
    """Forward and loss of one batch of the original's loader.

    Args:
      model: the net.
      batch: `features` [B, T, J, F], `feature_lengths` [B], `labels` (concatenated),
        `label_lengths` [B].
      alpha: weight of CTC; 1 runs no decoder.
      teacher_forcing: whether the attention decoder is fed with the labels.
    """
    labels, label_lengths = batch["labels"], batch["label_lengths"]
    tokens = targets = None
    if teacher_forcing and alpha < 1:
        tokens, targets = whispersign_loss.teacher_forcing(labels, label_lengths)
    found = model(batch["features"], batch["feature_lengths"], tokens)
    criterion = whispersign_loss.HybridCTCAttentionLoss(alpha)
    log_probs, logits = found["ctc_log_probs"], found["att_logits"]
    return criterion(log_probs, found["output_lengths"], labels, label_lengths, logits, targets)


def update(
    model: WhisperSignModel,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    stage: settings.Stage,
    records: Records,
) -> None:
    """One optimizer step at the rate that the optimizer has."""
    optimizer.zero_grad()
    found = losses(model, batch, stage.alpha, stage.teacher_forcing)
    found["total"].backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), stage.grad_clip)
    optimizer.step()
    records.lr.append(optimizer.param_groups[0]["lr"])
    records.grad_norm.append(norm.item())
    for name in ("total", "ctc", "attention"):
        getattr(records, name).append(found[name].item())


def run_stage(
    model: WhisperSignModel,
    stage: settings.Stage,
    train: Callable[[], Iterable[Batch]],
    val: Sequence[Batch],
    updates: int,
    after_epoch: Callable[[int, Records], None] = lambda epoch, records: None,
) -> Records:
    """One stage with an AdamW of its own; the model is trained in place.

    Args:
      model: the net.
      stage: the recipe.
      train: gives the batches of the next epoch.
      val: validation batches.
      updates: batches an epoch.
      after_epoch: told the epoch (from 1) and the records so far.
    """
    records = Records()
    parameters = freeze(model, stage.frozen)
    records.trainable = sum(parameter.numel() for parameter in parameters)
    optimizer = make_optimizer(parameters, stage)
    total = stage.epochs * updates
    for epoch in range(1, stage.epochs + 1):
        model.train()
        begin = len(records.total)
        for batch in train():
            rate = learning_rate(len(records.total), stage.lr, stage.warmup, total, stage.min_lr)
            optimizer.param_groups[0]["lr"] = rate
            update(model, batch, optimizer, stage, records)
        records.train_loss.append(float(np.mean(records.total[begin:])))
        records.val_loss.append(validate(model, val, stage))
        after_epoch(epoch, records)
    return records


@torch.no_grad()
def validate(model: WhisperSignModel, batches: Sequence[Batch], stage: settings.Stage) -> float:
    """Mean of the batches' total losses in eval mode."""
    model.eval()
    rows = [losses(model, batch, stage.alpha, stage.teacher_forcing) for batch in batches]
    return float(np.mean([row["total"].item() for row in rows]))
