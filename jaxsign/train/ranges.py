"""Values that a recipe's numbers may have: checked before anything is computed."""

import math
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.errors import UserError, listing

_Rule = tuple[Callable[[Any], bool], str]


def _between(low: float, high: float, *, open_end: bool = False) -> _Rule:
    end = "below" if open_end else "to"
    text = f"{low:g} {end} {high:g}" if high < math.inf else f"at least {low:g}"
    return lambda v: low <= v < high or (v == high and not open_end), text


_POSITIVE: _Rule = (lambda v: 0 < v < math.inf, "above 0")
_NOT_NEGATIVE: _Rule = (lambda v: 0 <= v < math.inf, "0 or more")
_COUNT = _between(1, 2**31)
_SHARE = _between(0, 1)
_RATE = _between(0, 1, open_end=True)

RULES: dict[str, _Rule] = {
    "seed": _between(0, 2**32 - 1),
    "devices": _NOT_NEGATIVE,
    "net.dropout": _RATE,
    "net.frontend_dropout": _RATE,
    "net.spatial_dropout": _RATE,
    "net.patch_size": _COUNT,
    "net.dim": _COUNT,
    "net.num_heads": _COUNT,
    "net.num_layers": _COUNT,
    "net.n_heads": _COUNT,
    "net.n_layers": _COUNT,
    "net.emb_dim": _COUNT,
    "net.ff_dim": _COUNT,
    "net.max_target": _COUNT,
    "net.max_relative": _COUNT,
    "net.max_len": _COUNT,
    "net.hidden1": _COUNT,
    "net.hidden2": _COUNT,
    "net.num_gloss": _NOT_NEGATIVE,
    "net.num_cat": _NOT_NEGATIVE,
    "data.max_clips": _NOT_NEGATIVE,
    "data.missing": (lambda v: v in ("error", "skip"), "'error' or 'skip'"),
    "input.batch_size": _NOT_NEGATIVE,
    "input.max_length": _NOT_NEGATIVE,
    "input.workers": _NOT_NEGATIVE,
    "input.threads": _NOT_NEGATIVE,
    "input.prefetch": _NOT_NEGATIVE,
    "input.cache_mb": _NOT_NEGATIVE,
    "input.windows.seconds": _POSITIVE,
    "input.windows.overlap": _RATE,
    "decode.beam": _COUNT,
    "decode.n_best": _COUNT,
    "decode.ctc_weight": (lambda v: -math.inf < v <= 1, "0 to 1, or below 0 for loss.alpha"),
    "decode.length_bonus": (lambda v: -math.inf < v < math.inf, "a finite number"),
    "decode.mode": (
        lambda v: v in ("greedy", "beam", "two_pass"),
        "'greedy', 'beam' or 'two_pass'",
    ),
    "optim.lr": _NOT_NEGATIVE,
    "optim.weight_decay": _NOT_NEGATIVE,
    "optim.grad_clip": _NOT_NEGATIVE,
    "optim.accumulation": _COUNT,
    "optim.b1": _RATE,
    "optim.b2": _RATE,
    "optim.eps": _POSITIVE,
    "optim.momentum": _RATE,
    "schedule.warmup": _NOT_NEGATIVE,
    "schedule.warmup_updates": _NOT_NEGATIVE,
    "schedule.min_lr": _NOT_NEGATIVE,
    "schedule.start_factor": _SHARE,
    "schedule.final_factor": _SHARE,
    "schedule.step_size": _POSITIVE,
    "schedule.factor": _POSITIVE,
    "schedule.patience": _NOT_NEGATIVE,
    "loss.focal_gamma": _NOT_NEGATIVE,
    "loss.focal_alpha": _POSITIVE,
    "loss.label_smoothing": _RATE,
    "loss.uncertainty_init": _POSITIVE,
    "loss.curriculum_epochs": _COUNT,
    "loss.curriculum_warmup": _NOT_NEGATIVE,
    "loss.curriculum_min_weight": _SHARE,
    "loss.alpha": _SHARE,
    "loss.auxiliary": _NOT_NEGATIVE,
    "loss.weights": (
        lambda v: all(0 <= w < math.inf for w in v) and sum(v) > 0,
        "numbers of 0 or more, not all 0",
    ),
    "train.early_stop": _NOT_NEGATIVE,
    "train.min_delta": _NOT_NEGATIVE,
    "train.min_epochs": _NOT_NEGATIVE,
    "train.ema_decay": _RATE,
    "checkpoint.every_steps": _NOT_NEGATIVE,
    "log.every_steps": _NOT_NEGATIVE,
    "smoke.batch_size": _COUNT,
    "smoke.frames": _COUNT,
}


def check(config: ConfigDict, where: str = "") -> None:
    """Refuses numbers that make no run, all of them at once.

    Args:
      config: the recipe, or that of a stage.
      where: begins the message.

    Raises:
      UserError: names each key, its value and what it may be.
    """
    problems = []
    values = configs.flatten(config)
    for key, (fine, expected) in RULES.items():
        value = values.get(key)
        if value is not None and not _holds(fine, value):
            problems.append(f"{key}={value!r}: expected {expected}")
    problems += tasks.check(config)
    if problems:
        raise UserError(f"{where}the recipe cannot be trained:\n{listing(problems)}")


def _holds(fine: Callable[[Any], bool], value: Any) -> bool:
    try:
        return bool(fine(value))
    except TypeError:
        return False
