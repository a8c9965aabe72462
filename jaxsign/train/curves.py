"""Learning rates over a stage: closed formulas in float64, and the one that looks at a metric."""

import math
from collections.abc import Mapping
from typing import ClassVar

from ml_collections import ConfigDict

from jaxsign import telling
from jaxsign.errors import UserError


class Schedule:
    """The learning rate at a position counted in epochs (fractions between them are allowed).

    Subclasses define `rate`; `observe`, `state` and `restore` matter where the rate depends on what
    happened (plateau).

    Attributes:
      warms: it begins with a warm-up of its own, and none may stand before it.
      starts_late: behind a warm-up in updates it begins where that ends and goes over what is left
        of the stage; else it counts from the stage's first epoch.

    Args:
      lr: the highest rate.
      epochs: of the stage.
      options: `config.schedule`.
      updates_per_epoch: optimizer steps an epoch.
    """

    warms: ClassVar[bool] = False
    starts_late: ClassVar[bool] = False

    def __init__(self, lr: float, epochs: float, options: ConfigDict, updates_per_epoch: int = 1):
        self.lr = lr
        self.epochs = epochs
        self.options = options
        self.updates_per_epoch = updates_per_epoch

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        """Refuses numbers that make no schedule, whatever the data are.

        Raises:
          UserError: names the key and how to mend it.
        """
        if not options.min_lr <= lr:
            raise UserError(
                f"schedule.min_lr={options.min_lr:g} is above optim.lr={lr:g}, the highest rate of "
                "the stage. Lower it."
            )

    @property
    def _end(self) -> float:
        """Where a cosine ends."""
        return max(self.lr * self.options.final_factor, self.options.min_lr)

    def rate(self, position: float) -> float:
        """The learning rate at `position`, 0 <= position <= epochs."""
        raise TypeError(f"{type(self).__name__} defines no rate")

    def observe(self, metric: float) -> None:
        """Takes note of an epoch's validation metric (higher is better)."""

    def state(self) -> dict[str, float]:
        """What a checkpoint must hold to go on."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes back what `state` gave."""

    def follow(self, before: "Schedule", *, own_rate: bool) -> None:
        """Goes on from the schedule of the stage before, from its rate too unless `own_rate`."""


class Constant(Schedule):
    """lr."""

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        """Nothing: it has no least rate."""

    def rate(self, position: float) -> float:
        return self.lr


class Cosine(Schedule):
    """From lr to final_factor * lr over the stage (torch CosineAnnealingLR)."""

    starts_late = True

    def rate(self, position: float) -> float:
        return _cosine(self.lr, self._end, position / self.epochs)


class WarmupCosine(Schedule):
    """Linear from start_factor * lr over `warmup` epochs, then cosine to final_factor * lr."""

    warms = True

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        if options.warmup >= epochs > 1:
            raise UserError(
                f"schedule.warmup={options.warmup} leaves no epoch of {epochs} for the cosine; "
                f"lower it (--config.schedule.warmup={epochs // 5}) or raise train.epochs"
            )
        super().check(options, lr, epochs)

    def rate(self, position: float) -> float:
        warmup, start = self.options.warmup, self.options.start_factor
        if position < warmup:
            return rise(self.lr, start, position / warmup)
        high = self.lr * start if not warmup and self.options.legacy_start else self.lr
        share = (position - warmup) / max(self.epochs - warmup, 1)
        return _cosine(high, self._end, min(share, 1.0))


class WarmupCosineUpdates(Schedule):
    """Linear over the first `warmup_updates` optimizer steps, then cosine to `min_lr`.

    Counted in updates, with WhisperSign's numbers: update n (from 0) has the rate of n + 1. The
    original's cosine rises again behind the last update; this one stays down.
    """

    warms = True

    def __init__(self, lr: float, epochs: float, options: ConfigDict, updates_per_epoch: int = 1):
        super().__init__(lr, epochs, options, updates_per_epoch)
        self._total = epochs * updates_per_epoch
        doubt("warmup_updates", options.warmup_updates, self._total)

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        if options.unit != "step":
            raise UserError(f"schedule.name={options.name!r} needs schedule.unit='step'")
        super().check(options, lr, epochs)

    def rate(self, position: float) -> float:
        update = round(position * self.updates_per_epoch) + 1
        warmup = self.options.warmup_updates
        if update < warmup:
            return max(self.options.min_lr, self.lr * update / warmup)
        share = min((update - warmup) / max(1, self._total - warmup), 1.0)
        return max(self.options.min_lr, _cosine(self.lr, 0.0, share))


class Restarts(Schedule):
    """SGDR after a warm-up: cosine cycles, each `cycle_factor` times as long as the last."""

    warms = True

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        if options.cycle <= 0 or options.cycle_factor < 1:
            raise UserError("schedule.cycle must be positive and schedule.cycle_factor at least 1")
        super().check(options, lr, epochs)

    def rate(self, position: float) -> float:
        warmup, start = self.options.warmup, self.options.start_factor
        if position < warmup:
            return rise(self.lr, start, position / warmup)
        position -= warmup
        length = float(self.options.cycle)
        while position >= length:
            position -= length
            length *= self.options.cycle_factor
        return _cosine(self.lr, self._end, position / length)


class Waves(Schedule):
    """A cosine that falls over `cycle` epochs, rises over as many, and so on.

    So torch's CosineAnnealingLR does where its T_max is `cycle` and the stage goes on.
    """

    def rate(self, position: float) -> float:
        return _cosine(self.lr, self._end, position / self.options.cycle)


class Step(Schedule):
    """lr * factor ** (epoch // step_size); a size below 1 is a share of the stage's epochs."""

    def rate(self, position: float) -> float:
        size = self.options.step_size
        if size < 1:
            size = max(1, math.floor(size * self.epochs + 0.5))
        reduced = self.lr * self.options.factor ** math.floor(position / size)
        return max(reduced, self.options.min_lr)


class MultiStep(Schedule):
    """lr times `factor` for every one of `milestones` that is over (torch MultiStepLR)."""

    @classmethod
    def check(cls, options: ConfigDict, lr: float, epochs: int) -> None:
        super().check(options, lr, epochs)
        if not options.milestones:
            raise UserError(
                f"schedule.name={options.name!r} needs schedule.milestones, epochs such as (10, 20)"
            )

    def rate(self, position: float) -> float:
        over = sum(epoch <= position for epoch in self.options.milestones)
        return max(self.lr * self.options.factor**over, self.options.min_lr)


class Plateau(Schedule):
    """Multiplied by `factor` after more than `patience` observations without improvement.

    An improvement is one by `threshold`, a share of the best or as it is (torch ReduceLROnPlateau,
    mode max; mode min for numbers that are better when lower, which come here with a minus). NaN is
    none.
    """

    def __init__(self, lr: float, epochs: float, options: ConfigDict, updates_per_epoch: int = 1):
        super().__init__(lr, epochs, options, updates_per_epoch)
        self._current, self._best, self._bad = lr, -math.inf, 0

    def rate(self, position: float) -> float:
        return self._current

    def observe(self, metric: float) -> None:
        by = self.options.threshold
        best = self._best
        relative = self.options.threshold_mode == "relative"
        if metric > (best * (1 + math.copysign(by, best)) if relative else best + by):
            self._best, self._bad = metric, 0
        else:
            self._bad += 1
        if self._bad > self.options.patience:
            reduced = self._current * self.options.factor
            self._current, self._bad = max(reduced, self.options.min_lr), 0

    def state(self) -> dict[str, float]:
        return {"current": self._current, "best": self._best, "bad": self._bad}

    def restore(self, state: Mapping[str, float]) -> None:
        self._current, self._best, self._bad = state["current"], state["best"], int(state["bad"])

    def follow(self, before: Schedule, *, own_rate: bool) -> None:
        if state := before.state():
            self.restore({**state, **({"current": self.lr} if own_rate else {})})


def doubt(key: str, warmup: int, updates: float) -> None:
    """Says it where a warm-up is no shorter than the updates of a stage."""
    if warmup >= updates:
        telling.once(
            "schedule.%s=%d, but a stage has %d updates: its rate never leaves the warm-up. Lower "
            "it, e.g. --config.schedule.%s=%d",
            key, warmup, updates, key, max(1, updates // 10),
        )  # fmt: skip


def rise(lr: float, start: float, share: float) -> float:
    """A warm-up's rate: `start` * lr at its begin, lr when a share of 1 of it is over."""
    return lr * (start + (1 - start) * share)


def _cosine(high: float, low: float, share: float) -> float:
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2
