"""Settings of WhisperSign's recorded training runs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from parity import cases, settings
from parity.settings import whispersign

# Beginnings of the original's parameter names.
ENCODER, DECODER = "encoder.", "decoder.attention_decoder."
STAGE1_FROZEN = (ENCODER, DECODER)


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage; `frozen` are beginnings of the original's parameter names.

    The original never fed its decoder (`teacher_forcing=False`): the total is then CTC alone.
    """

    epochs: int
    lr: float
    weight_decay: float
    alpha: float = whispersign.ALPHA
    frozen: tuple[str, ...] = ()
    warmup: int = 500
    grad_clip: float = 1.0
    min_lr: float = 1e-7
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    teacher_forcing: bool = True

    @property
    def ctc_share(self) -> float:
        """CTC's part of the total loss."""
        return self.alpha if self.teacher_forcing else 1.0


_DEFAULTS = {
    "stage1": Stage(30, 1e-3, 1e-4, frozen=STAGE1_FROZEN, teacher_forcing=False),
    "stage2": Stage(100, 5e-5, 1e-4, teacher_forcing=False),
    "stage3": Stage(30, 1e-5, 1e-5, warmup=200, teacher_forcing=False),
}


def loss_alone(alpha: float) -> Stage:
    """A stage of which only the loss is wanted."""
    return Stage(1, 0.0, 0.0, alpha)


def stages(case: cases.Case) -> list[Stage]:
    """The three stages of a run of the original's trainer."""
    call, config = case.call, case.call["train_config"]
    whispersign.described(case)
    call.one_of("optimizer", "AdamW, new in each stage")
    call.one_of("schedule", "section 5.7")
    shared = settings.adam(call) | config.given("grad_clip", warmup="warmup_steps")
    found = []
    for name, default in _DEFAULTS.items():
        own = config.section(name)
        changes: dict[str, Any] = own.given("epochs", "lr", "weight_decay", "alpha")
        if name == "stage2" and own.get("freeze_decoder", False):
            changes["frozen"] = (DECODER,)
        found.append(dataclasses.replace(default, **shared, **changes))
    call.one_of("epochs", [stage.epochs for stage in found])
    return found


def batches(case: cases.Case, kind: str) -> list[dict[str, Any]]:
    """The batches that a run's case lists as its `kind` ('train' or 'val')."""
    return [case.under(f"{name}/") for name in case.call[f"{kind}_batches"]]


@dataclasses.dataclass(frozen=True)
class Updates:
    """Updates with the promised loss, two batches in turn; `total` ends the schedule."""

    stage: Stage
    count: int
    total: int


def updates(case: cases.Case) -> Updates:
    """The settings of a case of updates."""
    call = case.call
    whispersign.described(case, "alpha*ctc + (1-alpha)*attention")
    call.one_of("optimizer", "AdamW")
    call.one_of("batches", "input/train0, input/train1, input/train0, ...")
    default, schedule = _DEFAULTS["stage2"], call["schedule"]
    changes = call.given("weight_decay", "alpha", lr="learning_rate") | settings.adam(call)
    changes |= call.given(grad_clip="clip") | schedule.given("min_lr", warmup="warmup_steps")
    stage = dataclasses.replace(default, epochs=1, teacher_forcing=True, **changes)
    return Updates(stage, call["steps"], schedule["total_steps"])


def files(losses: Sequence[tuple[Sequence[float], Sequence[float]]]) -> dict[str, np.ndarray]:
    """Names, epochs and losses of the original's checkpoints: the best of each stage and the last.

    Args:
      losses: of each stage those of its epochs, in training and in validation.
    """
    rows = {}
    for number, (train, val) in enumerate(losses, 1):
        best = int(np.argmin(val))
        rows[f"best_stage{number}.pt"] = (best + 1, val[best])
        last = "final_model.pt" if number == len(losses) else f"final_stage{number}.pt"
        rows[last] = (len(train), train[-1])
    names = sorted(rows)
    return {
        "output/files/names": np.array(names),
        "output/files/epoch": np.array([rows[name][0] for name in names]),
        "output/files/loss": np.array([rows[name][1] for name in names]),
    }
