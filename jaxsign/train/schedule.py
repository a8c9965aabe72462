"""Learning rates over a stage: closed formulas in float64, and the one that looks at a metric."""

import math
from typing import Any

from ml_collections import ConfigDict

from jaxsign import telling
from jaxsign.errors import UserError


class Schedule:
    """The learning rate at a position counted in epochs (fractions between them are allowed).

    Subclasses define `rate`; `observe`, `state` and `restore` matter where the rate depends on what
    happened (plateau).
    """

    def __init__(self, lr: float, epochs: int, options: ConfigDict):
        self.lr = lr
        self.epochs = epochs
        self.options = options

    def rate(self, position: float) -> float:
        """The learning rate at `position`, 0 <= position <= epochs."""
        raise TypeError(f"{type(self).__name__} defines no rate")

    def observe(self, metric: float) -> None:
        """Takes note of an epoch's validation metric (higher is better)."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold to go on: plain numbers."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""

    def follow(self, before: "Schedule", *, own_rate: bool) -> None:
        """Goes on from the schedule of the stage before, from its rate too unless `own_rate`."""


class Constant(Schedule):
    """lr."""

    def rate(self, position):
        return self.lr


class Cosine(Schedule):
    """From lr to final_factor * lr over the stage (torch CosineAnnealingLR)."""

    def rate(self, position):
        return _cosine(self.lr, self.lr * self.options.final_factor, position / self.epochs)


class WarmupCosine(Schedule):
    """Linear from start_factor * lr over `warmup` epochs, then cosine to final_factor * lr."""

    def rate(self, position):
        warmup, start = self.options.warmup, self.options.start_factor
        if position < warmup:
            return _rise(self.lr, start, position / warmup)
        high = self.lr * start if not warmup and self.options.legacy_start else self.lr
        share = (position - warmup) / max(self.epochs - warmup, 1)
        return _cosine(high, self.lr * self.options.final_factor, min(share, 1.0))


class WarmupCosineUpdates(Schedule):
    """Linear over the first `warmup_updates` optimizer steps, then cosine to `min_lr`.

    Counted in updates, with WhisperSign's numbers: update n (from 0) has the rate of n + 1. The
    original's cosine rises again behind the last update; this one stays down.
    """

    def __init__(self, lr, epochs, options, updates_per_epoch=1):
        super().__init__(lr, epochs, options)
        self._per_epoch, self._total = updates_per_epoch, epochs * updates_per_epoch
        if options.warmup_updates >= self._total:
            _warn_of_warmup(options.warmup_updates, self._total)

    def rate(self, position):
        update = round(position * self._per_epoch) + 1
        warmup = self.options.warmup_updates
        if update < warmup:
            return max(self.options.min_lr, self.lr * update / warmup)
        share = min((update - warmup) / max(1, self._total - warmup), 1.0)
        return max(self.options.min_lr, _cosine(self.lr, 0.0, share))


def _warn_of_warmup(warmup: int, updates: int) -> None:
    telling.once(
        "schedule.warmup_updates=%d, but a stage has %d updates: its rate never leaves the "
        "warm-up. Lower it, e.g. --config.schedule.warmup_updates=%d",
        warmup, updates, max(1, updates // 10),
    )  # fmt: skip


class Restarts(Schedule):
    """SGDR after a warm-up: cosine cycles, each `cycle_factor` times as long as the last."""

    def rate(self, position):
        warmup, start = self.options.warmup, self.options.start_factor
        if position < warmup:
            return _rise(self.lr, start, position / warmup)
        position -= warmup
        length = float(self.options.cycle)
        while position >= length:
            position -= length
            length *= self.options.cycle_factor
        return _cosine(self.lr, self.lr * self.options.final_factor, position / length)


class Step(Schedule):
    """lr * factor ** (epoch // step_size)."""

    def rate(self, position):
        return self.lr * self.options.factor ** math.floor(position / self.options.step_size)


class MultiStep(Schedule):
    """lr times `factor` for every one of `milestones` that is over (torch MultiStepLR)."""

    def __init__(self, lr, epochs, options):
        if not options.milestones:
            raise UserError(
                "schedule.name='multi_step' needs schedule.milestones, epochs such as (10, 20)"
            )
        super().__init__(lr, epochs, options)

    def rate(self, position):
        over = sum(epoch <= position for epoch in self.options.milestones)
        return self.lr * self.options.factor**over


class Plateau(Schedule):
    """Multiplied by `factor` after more than `patience` observations without improvement.

    An improvement is a relative one of 1e-4 (torch ReduceLROnPlateau, mode max; mode min for
    numbers that are better when lower, which come here with a minus). NaN is none.
    """

    def __init__(self, lr, epochs, options):
        super().__init__(lr, epochs, options)
        self._current, self._best, self._bad = lr, -math.inf, 0

    def rate(self, position):
        return self._current

    def observe(self, metric):
        if metric > self._best * (1 + math.copysign(1e-4, self._best)):
            self._best, self._bad = metric, 0
        else:
            self._bad += 1
        if self._bad > self.options.patience:
            self._current, self._bad = self._current * self.options.factor, 0

    def state(self):
        return {"current": self._current, "best": self._best, "bad": self._bad}

    def restore(self, state):
        self._current, self._best, self._bad = state["current"], state["best"], state["bad"]

    def follow(self, before, *, own_rate):
        if state := before.state():
            self.restore({**state, **({"current": self.lr} if own_rate else {})})


class Warmed(Schedule):
    """Linear from start_factor * lr over `warmup_before` epochs, then `after`, from its start."""

    def __init__(self, lr: float, epochs: int, options: ConfigDict, after: Schedule):
        super().__init__(lr, epochs, options)
        self._after = after

    def rate(self, position):
        warmup = self.options.warmup_before
        if position < warmup:
            return _rise(self.lr, self.options.start_factor, position / warmup)
        return self._after.rate(position - warmup)

    def observe(self, metric):
        self._after.observe(metric)

    def state(self):
        return self._after.state()

    def restore(self, state):
        self._after.restore(state)

    def follow(self, before, *, own_rate):
        self._after.follow(before, own_rate=own_rate)


# Those that begin with `warmup` or `warmup_updates` of their own.
_WARM = ("warmup_cosine", "warmup_cosine_updates", "restarts")
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "warmup_cosine": WarmupCosine,
    "warmup_cosine_updates": WarmupCosineUpdates,
    "restarts": Restarts,
    "step": Step,
    "multi_step": MultiStep,
    "plateau": Plateau,
}


def build(
    options: ConfigDict, lr: float, epochs: int, updates_per_epoch: int | None = None
) -> Schedule:
    """The schedule of `config.schedule` for a stage of `epochs` epochs.

    Args:
      options: `config.schedule`.
      lr: the highest rate.
      epochs: of the stage.
      updates_per_epoch: optimizer steps an epoch, for the schedule that counts them.

    Raises:
      UserError: numbers that make no schedule.
    """
    if options.name == "restarts" and (options.cycle <= 0 or options.cycle_factor < 1):
        raise UserError("schedule.cycle must be positive and schedule.cycle_factor at least 1")
    if options.name == "warmup_cosine" and options.warmup >= epochs > 1:
        raise UserError(
            f"schedule.warmup={options.warmup} leaves no epoch of {epochs} for the cosine; lower "
            f"it (--config.schedule.warmup={epochs // 5}) or raise train.epochs"
        )
    if options.warmup_before:
        return _warmed(options, lr, epochs)
    if options.name == "warmup_cosine_updates":
        if options.unit != "step":
            raise UserError("schedule.name='warmup_cosine_updates' needs schedule.unit='step'")
        if not options.min_lr <= lr:
            raise UserError(
                f"schedule.min_lr={options.min_lr:g} is above optim.lr={lr:g}, the highest rate of "
                "the stage. Lower it."
            )
        return WarmupCosineUpdates(lr, epochs, options, updates_per_epoch or 1)
    return SCHEDULES[options.name](lr, epochs, options)


def _warmed(options: ConfigDict, lr: float, epochs: int) -> Schedule:
    warmup = options.warmup_before
    if options.name in _WARM:
        raise UserError(
            f"schedule.warmup_before={warmup}: {options.name} has a warm-up of its own "
            "(schedule.warmup, schedule.warmup_updates). Set that, and this to 0."
        )
    if warmup >= epochs:
        raise UserError(
            f"schedule.warmup_before={warmup} leaves no epoch of {epochs} for {options.name}; "
            f"lower it (--config.schedule.warmup_before={epochs // 5}) or raise train.epochs"
        )
    after = SCHEDULES[options.name](lr, epochs - warmup, options)
    return Warmed(lr, epochs, options, after)


def _rise(lr: float, start: float, share: float) -> float:
    return lr * (start + (1 - start) * share)


def _cosine(high: float, low: float, share: float) -> float:
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2
