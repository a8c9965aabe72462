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

    def __init__(self, lr: float, epochs: float, options: ConfigDict):
        self.lr = lr
        self.epochs = epochs
        self.options = options

    @property
    def _end(self) -> float:
        """Where a cosine ends."""
        return max(self.lr * self.options.final_factor, self.options.min_lr)

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
        return _cosine(self.lr, self._end, position / self.epochs)


class WarmupCosine(Schedule):
    """Linear from start_factor * lr over `warmup` epochs, then cosine to final_factor * lr."""

    def rate(self, position):
        warmup, start = self.options.warmup, self.options.start_factor
        if position < warmup:
            return _rise(self.lr, start, position / warmup)
        high = self.lr * start if not warmup and self.options.legacy_start else self.lr
        share = (position - warmup) / max(self.epochs - warmup, 1)
        return _cosine(high, self._end, min(share, 1.0))


class WarmupCosineUpdates(Schedule):
    """Linear over the first `warmup_updates` optimizer steps, then cosine to `min_lr`.

    Counted in updates, with WhisperSign's numbers: update n (from 0) has the rate of n + 1. The
    original's cosine rises again behind the last update; this one stays down.
    """

    def __init__(self, lr, epochs, options, updates_per_epoch=1):
        super().__init__(lr, epochs, options)
        self._per_epoch, self._total = updates_per_epoch, epochs * updates_per_epoch
        _doubt("warmup_updates", options.warmup_updates, self._total)

    def rate(self, position):
        update = round(position * self._per_epoch) + 1
        warmup = self.options.warmup_updates
        if update < warmup:
            return max(self.options.min_lr, self.lr * update / warmup)
        share = min((update - warmup) / max(1, self._total - warmup), 1.0)
        return max(self.options.min_lr, _cosine(self.lr, 0.0, share))


def _doubt(key: str, warmup: int, updates: int) -> None:
    """Says it where a warm-up is no shorter than the updates of a stage."""
    if warmup >= updates:
        telling.once(
            "schedule.%s=%d, but a stage has %d updates: its rate never leaves the warm-up. Lower "
            "it, e.g. --config.schedule.%s=%d",
            key, warmup, updates, key, max(1, updates // 10),
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
        return _cosine(self.lr, self._end, position / length)


class Waves(Schedule):
    """A cosine that falls over `cycle` epochs, rises over as many, and so on.

    So torch's CosineAnnealingLR does where its T_max is `cycle` and the stage goes on.
    """

    def rate(self, position):
        return _cosine(self.lr, self._end, position / self.options.cycle)


class Step(Schedule):
    """lr * factor ** (epoch // step_size); a size below 1 is a share of the stage's epochs."""

    def rate(self, position):
        size = self.options.step_size
        if size < 1:
            size = max(1, math.floor(size * self.epochs + 0.5))
        reduced = self.lr * self.options.factor ** math.floor(position / size)
        return max(reduced, self.options.min_lr)


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
        return max(self.lr * self.options.factor**over, self.options.min_lr)


class Plateau(Schedule):
    """Multiplied by `factor` after more than `patience` observations without improvement.

    An improvement is one by `threshold`, a share of the best or as it is (torch ReduceLROnPlateau,
    mode max; mode min for numbers that are better when lower, which come here with a minus). NaN is
    none.
    """

    def __init__(self, lr, epochs, options):
        super().__init__(lr, epochs, options)
        self._current, self._best, self._bad = lr, -math.inf, 0

    def rate(self, position):
        return self._current

    def observe(self, metric):
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

    def state(self):
        return {"current": self._current, "best": self._best, "bad": self._bad}

    def restore(self, state):
        self._current, self._best, self._bad = state["current"], state["best"], state["bad"]

    def follow(self, before, *, own_rate):
        if state := before.state():
            self.restore({**state, **({"current": self.lr} if own_rate else {})})


class Warmed(Schedule):
    """Linear from start_factor * lr over `warmup_before` epochs, then `after`, from its start."""

    def __init__(self, lr: float, epochs: float, options: ConfigDict, after: Schedule):
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


class WarmedByUpdates(Warmed):
    """The rates of `after` times a share that rises from start_factor to 1 in so many updates.

    Update n (from 0) of W has the share of (n + 1) / W. A cosine begins behind them; what counts in
    epochs counts from the stage's first.

    Args:
      updates_per_epoch: of the stage.
    """

    def __init__(
        self, lr: float, epochs: float, options: ConfigDict, after: Schedule, updates_per_epoch: int
    ):
        super().__init__(lr, epochs, options, after)
        self._per_epoch = updates_per_epoch

    def rate(self, position):
        update, warmup = round(position * self._per_epoch) + 1, self.options.warmup_updates_before
        if isinstance(self._after, Cosine):
            position = max(position - warmup / self._per_epoch, 0.0)
        share = min(update / warmup, 1.0)
        return _rise(self._after.rate(position), self.options.start_factor, share)


# Those that begin with `warmup` or `warmup_updates` of their own.
_WARM = ("warmup_cosine", "warmup_cosine_updates", "restarts")
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "warmup_cosine": WarmupCosine,
    "warmup_cosine_updates": WarmupCosineUpdates,
    "restarts": Restarts,
    "waves": Waves,
    "step": Step,
    "multi_step": MultiStep,
    "plateau": Plateau,
}


def goes_by_step(options: ConfigDict) -> bool:
    """Whether the rate changes within an epoch."""
    return options.unit == "step" or options.warmup_updates_before > 0


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
    check(options, lr, epochs)
    if options.warmup_before or options.warmup_updates_before:
        return _warmed(options, lr, epochs, updates_per_epoch or 1)
    if options.name == "warmup_cosine_updates":
        return WarmupCosineUpdates(lr, epochs, options, updates_per_epoch or 1)
    return SCHEDULES[options.name](lr, epochs, options)


def check(options: ConfigDict, lr: float, epochs: int) -> None:
    """Refuses numbers that make no schedule, whatever the data are; as of `build`.

    Raises:
      UserError: names the key and how to mend it.
    """
    if options.name == "restarts" and (options.cycle <= 0 or options.cycle_factor < 1):
        raise UserError("schedule.cycle must be positive and schedule.cycle_factor at least 1")
    if options.name == "warmup_cosine" and options.warmup >= epochs > 1:
        raise UserError(
            f"schedule.warmup={options.warmup} leaves no epoch of {epochs} for the cosine; lower "
            f"it (--config.schedule.warmup={epochs // 5}) or raise train.epochs"
        )
    if options.name == "warmup_cosine_updates" and options.unit != "step":
        raise UserError("schedule.name='warmup_cosine_updates' needs schedule.unit='step'")
    if options.name != "constant" and not options.min_lr <= lr:
        raise UserError(
            f"schedule.min_lr={options.min_lr:g} is above optim.lr={lr:g}, the highest rate of "
            "the stage. Lower it."
        )
    _check_warm_up(options, epochs)


def _check_warm_up(options: ConfigDict, epochs: int) -> None:
    warmup, updates = options.warmup_before, options.warmup_updates_before
    if not warmup and not updates:
        return
    key = f"schedule.warmup_before={warmup}"
    if updates:
        key = f"schedule.warmup_updates_before={updates}"
    if warmup and updates:
        raise UserError(f"{key} and schedule.warmup_before={warmup}: a warm-up is one of them")
    if options.name in _WARM:
        raise UserError(
            f"{key}: {options.name} has a warm-up of its own "
            "(schedule.warmup, schedule.warmup_updates). Set that, and this to 0."
        )
    if not updates and warmup >= epochs:
        raise UserError(
            f"{key} leaves no epoch of {epochs} for {options.name}; "
            f"lower it (--config.schedule.warmup_before={epochs // 5}) or raise train.epochs"
        )


def _warmed(options: ConfigDict, lr: float, epochs: int, updates_per_epoch: int) -> Schedule:
    """A schedule behind a warm-up that is counted in epochs or in updates."""
    warmup, updates = options.warmup_before, options.warmup_updates_before
    make = SCHEDULES[options.name]
    if updates:
        _doubt("warmup_updates_before", updates, epochs * updates_per_epoch)
        left = max(epochs * updates_per_epoch - updates, 1) / updates_per_epoch
        after = make(lr, left if make is Cosine else epochs, options)
        return WarmedByUpdates(lr, epochs, options, after, updates_per_epoch)
    return Warmed(lr, epochs, options, make(lr, epochs - warmup, options))


def _rise(lr: float, start: float, share: float) -> float:
    return lr * (start + (1 - start) * share)


def _cosine(high: float, low: float, share: float) -> float:
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2
