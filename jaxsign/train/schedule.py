"""The learning rates that a recipe asks for: a curve by its name, and a warm-up before it."""

from collections.abc import Mapping

from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.train import curves
from jaxsign.train.curves import Schedule

SCHEDULES: dict[str, type[Schedule]] = {
    "constant": curves.Constant,
    "cosine": curves.Cosine,
    "warmup_cosine": curves.WarmupCosine,
    "warmup_cosine_updates": curves.WarmupCosineUpdates,
    "restarts": curves.Restarts,
    "waves": curves.Waves,
    "step": curves.Step,
    "multi_step": curves.MultiStep,
    "plateau": curves.Plateau,
}


class Warmed(Schedule):
    """Linear from start_factor * lr over `warmup_before` epochs, then a curve from its start.

    Args:
      after: the curve.
    """

    def __init__(self, after: Schedule, epochs: float):
        super().__init__(after.lr, epochs, after.options, after.updates_per_epoch)
        self._after = after

    def rate(self, position: float) -> float:
        warmup = self.options.warmup_before
        if position < warmup:
            return curves.rise(self.lr, self.options.start_factor, position / warmup)
        return self._after.rate(position - warmup)

    def observe(self, metric: float) -> None:
        self._after.observe(metric)

    def state(self) -> dict[str, float]:
        return self._after.state()

    def restore(self, state: Mapping[str, float]) -> None:
        self._after.restore(state)

    def follow(self, before: Schedule, *, own_rate: bool) -> None:
        self._after.follow(before, own_rate=own_rate)


class WarmedByUpdates(Warmed):
    """The rates of a curve times a share that rises from start_factor to 1 in so many updates.

    Update n (from 0) of W has the share of (n + 1) / W.
    """

    def rate(self, position: float) -> float:
        per_epoch, warmup = self.updates_per_epoch, self.options.warmup_updates_before
        share = min((round(position * per_epoch) + 1) / warmup, 1.0)
        if self._after.starts_late:
            position = max(position - warmup / per_epoch, 0.0)
        return curves.rise(self._after.rate(position), self.options.start_factor, share)


def goes_by_step(options: ConfigDict) -> bool:
    """Whether the rate changes within an epoch."""
    return options.unit == "step" or options.warmup_updates_before > 0


def build(options: ConfigDict, lr: float, epochs: int, updates_per_epoch: int = 1) -> Schedule:
    """The schedule of `config.schedule` for a stage of `epochs` epochs.

    Args:
      options: `config.schedule`.
      lr: the highest rate.
      epochs: of the stage.
      updates_per_epoch: optimizer steps an epoch, for what counts them.

    Raises:
      UserError: numbers that make no schedule.
    """
    check(options, lr, epochs)
    make, updates = SCHEDULES[options.name], options.warmup_updates_before
    if updates:
        whole = epochs * updates_per_epoch
        curves.doubt("warmup_updates_before", updates, whole)
        left = max(whole - updates, 1) / updates_per_epoch
        after = make(lr, left if make.starts_late else epochs, options, updates_per_epoch)
        return WarmedByUpdates(after, epochs)
    after = make(lr, epochs - options.warmup_before, options, updates_per_epoch)
    return Warmed(after, epochs) if options.warmup_before else after


def check(options: ConfigDict, lr: float, epochs: int) -> None:
    """Refuses numbers that make no schedule, whatever the data are; as of `build`.

    Raises:
      UserError: names the key and how to mend it.
    """
    make = SCHEDULES[options.name]
    make.check(options, lr, epochs)
    warmup, updates = options.warmup_before, options.warmup_updates_before
    if not warmup and not updates:
        return
    key = f"schedule.warmup_before={warmup}"
    if updates:
        key = f"schedule.warmup_updates_before={updates}"
    if warmup and updates:
        raise UserError(f"{key} and schedule.warmup_before={warmup}: a warm-up is one of them")
    if make.warms:
        raise UserError(
            f"{key}: {options.name} has a warm-up of its own "
            "(schedule.warmup, schedule.warmup_updates). Set that, and this to 0."
        )
    if not updates and warmup >= epochs:
        raise UserError(
            f"{key} leaves no epoch of {epochs} for {options.name}; "
            f"lower it (--config.schedule.warmup_before={epochs // 5}) or raise train.epochs"
        )
