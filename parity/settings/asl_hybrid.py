"""The ASL hybrid's settings: sizes, losses, the recorded training steps."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from parity import cases, entries, settings

Arrays = dict[str, np.ndarray]
BLOCK_LOSS = "sum(y * input/cotangent)"
_LOSS = r"cross entropy, label_smoothing ([\d.]+), mean"
_EVAL = "(, on eval-mode logits, targets input/labels)?"
_CLIP = (
    r"gradients clipped to global norm ([\d.]+) before each step; "
    r"grad/\* are those of step 1 before clipping"
)
_NO_DROPOUT = (
    "every dropout probability set to 0 "
    "(AdaptiveDropout, Dropout, LSTM inter-layer, attention weights)"
)
# What is left of a gradient that is zero in exact arithmetic.
_ROUNDING = 1e-5


def sizes(args: entries.Entries) -> dict[str, Any]:
    """`num_classes`, `max_len` and `dim` of the whole net."""
    args.one_of("input_dim", 744)
    args.one_of("dropout_step", 0)
    default = {"num_classes": 25, "max_len": 384, "dim": 192}
    return default | args.given(*default)


def loads(call: entries.Entries) -> None:
    """How the original read a checkpoint."""
    call.one_of("loads", "torch.load(weights_only=True), entry model_state_dict")


def smoothing(call: entries.Entries) -> float | None:
    """Label smoothing of the recorded loss; None where there is none."""
    found = call.match("loss", _LOSS + _EVAL)
    return found and float(found[1])


def has_block_loss(call: entries.Entries) -> bool:
    """Whether a block's case has gradients, of `BLOCK_LOSS`."""
    return call.one_of("loss", None, BLOCK_LOSS) is not None


@dataclasses.dataclass(frozen=True)
class Steps:
    """Training steps on one batch; names and defaults of the original."""

    rates: np.ndarray
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.005
    clip: float = 1.0
    smoothing: float = 0.05


def steps(case: cases.Case) -> Steps:
    """The settings of recorded steps."""
    call, rates = case.call, case.inputs["lrs"]
    call.one_of("optimizer", "AdamW")
    call.one_of("learning_rates", "input/lrs, one a step")
    call.one_of("steps", len(rates))
    call.one_of("dropout", _NO_DROPOUT)
    found = call.given("weight_decay") | settings.adam(call)
    clip, share = call.match("clip", _CLIP), smoothing(call)
    if clip:
        found["clip"] = float(clip[1])
    if share is not None:
        found["smoothing"] = share
    return Steps(rates, **found)


def check_steps(case: cases.Case, produced: Mapping[str, np.ndarray]) -> None:
    """What the case says of gradients and of the first loss is so.

    Raises:
      UserError: a gradient that it calls zero is more than rounding, or the loss is another.
    """
    call = case.call
    rounding = {
        key.removeprefix("grad/"): int((np.abs(value) < _ROUNDING).sum())
        for key, value in produced.items()
        if key.startswith("grad/")
    }
    zero = {key: produced[f"grad/{key}"].size for key in call.get("zero_grad_keys", ())}
    for key, count in (zero | dict(call.section("partly_zero_grad"))).items():
        if rounding[key] < count:
            raise UserError(f"grad/{key}: {rounding[key]} numbers are zero, expected {count}.")
    exact, loss = call.get("loss_float64_step1"), produced["output/losses"][0]
    if exact is not None and not np.isclose(loss, exact, rtol=1e-4):
        raise UserError(f"output/losses: the first is {loss}, in float64 {exact}.")
