"""Stages: the rows of a run's recipe. Freezing, thawing and curricula of data are lists of them.

`config.stages` names entries of `config.stage` in order. An entry changes any section of the recipe
while it runs, for example

    config.stages = "head,all"
    config.stage = {"head": {"train": {"frozen": ("^layer_",), "epochs": 5}},
                    "all": {"train": {"epochs": 20}, "optim": {"lr": 1e-5}}}

Some keys belong to the entry itself: `start` ('last': go on from the weights at hand, 'best': from
the best checkpoint so far), `reset_best` (forget earlier stages' best metric), `keep_optimizer`
(the optimizer's moments go on; parameters that did not train before begin with none),
`keep_schedule` (a plateau goes on: what it has seen, and its rate unless the entry names
`optim.lr`; behind `until` early stopping counts on) and `until`: the stage ends, before its
`train.epochs` are over, once a number of the task has converged:

    "head": {"until": {"monitor": "loss", "patience": 3, "min_delta": 0.01}}
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

from ml_collections import ConfigDict

from jaxsign.config import flatten, merged, names
from jaxsign.errors import UserError, did_you_mean

OWN = {
    "start": "last", "reset_best": False, "keep_optimizer": False, "keep_schedule": False,
}  # fmt: skip
# What `until` says, and the keys of `train` that it sets.
_UNTIL = {"monitor": "stop_monitor", "patience": "early_stop", "min_delta": "min_delta"}
# What a stage can change. All else holds for the whole run: its data, its net's sizes, its task.
_SECTIONS = ("input", "loss", "optim", "schedule", "precision")
_OF_NET = ("mode", "stage")  # what its parameters do not depend on
_OF_TRAIN = (
    "early_stop", "ema_decay", "epochs", "eval_every", "freeze_parts", "frozen",
    "frozen_statistics", "min_delta", "min_epochs", "stop_monitor", "trainable",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Stage:
    """One row: its name, the whole config that holds while it runs, how it starts.

    Attributes:
      start: 'last': from the weights at hand; 'best': from the best checkpoint so far.
      reset_best: forget the best number of the stages before.
      keep_optimizer: the optimizer's moments go on.
      keep_schedule: what the schedule before has seen goes on; and its rate, unless `own_rate`.
        Behind a stage with `until` early stopping counts on.
      own_rate: it names a learning rate.
      number: its place in the run, from 0.
      until: it ends when it has converged, counted from its own first epoch.
    """

    name: str
    config: ConfigDict
    start: str = "last"
    reset_best: bool = False
    keep_optimizer: bool = False
    keep_schedule: bool = False
    until: bool = False
    own_rate: bool = False
    number: int = 0

    @property
    def epochs(self) -> int:
        """Epochs of this stage."""
        return int(self.config.train.epochs)


def resolve(config: ConfigDict) -> tuple[Stage, ...]:
    """The run's stages; one called `main` where the config names none.

    Raises:
      UserError: an unknown stage or key, or a stage without epochs.
    """
    order = names(config.stages)
    if not order:
        stages: tuple[Stage, ...] = (Stage("main", config),)
    else:
        stages = tuple(_resolve_one(config, name, n) for n, name in enumerate(order))
    for stage in stages:
        if stage.epochs < 1:
            raise UserError(f"train.epochs={stage.epochs} in stage {stage.name!r}: expected >= 1")
    for before, stage in zip(stages, stages[1:], strict=False):
        _check_kept(before, stage)
    return stages


def epochs(config: ConfigDict) -> int:
    """Epochs of all stages of a run.

    Raises:
      UserError: as `resolve`.
    """
    return sum(stage.epochs for stage in resolve(config))


def check_taken(config: ConfigDict, keys: Iterable[str]) -> None:
    """Refuses to set keys of a recipe that each of its stages sets anew: they would hold nowhere.

    Those of the net hold behind the stages, where the run answers.

    Raises:
      UserError: names the keys of the stages in their place.
    """
    known, order = flatten(config), names(config.stages)
    for key in keys:
        own = [f"stage.{name}.{key}" for name in order]
        if own and not key.startswith("net.") and all(one in known for one in own):
            raise UserError(
                f"{key}: would hold in no stage, as each sets its own. Set {', '.join(own)}"
            )


def _check_kept(before: Stage, stage: Stage) -> None:
    """Raises UserError where a stage would keep what there is not, or end as it begins."""
    optimizers = [s.config.optim.name for s in (before, stage)]
    if stage.keep_optimizer and optimizers[0] != optimizers[1]:
        raise UserError(
            f"stage.{stage.name}.keep_optimizer: there are no moments of {optimizers[1]} to "
            f"keep, stage {before.name!r} has optim.name={optimizers[0]!r}"
        )
    schedules = [s.config.schedule.name for s in (before, stage)]
    if stage.keep_schedule and schedules != ["plateau", "plateau"]:
        raise UserError(
            f"stage.{stage.name}.keep_schedule: only a plateau goes on from another; stages "
            f"{before.name!r} and {stage.name!r} have schedule.name={schedules[0]!r} and "
            f"{schedules[1]!r}. Leave it out, or set schedule.name=plateau."
        )
    first, second = (s.config.train for s in (before, stage))
    counts_on = before.until and stage.keep_schedule and first.stop_monitor == second.stop_monitor
    if counts_on and 0 < second.early_stop <= first.early_stop:
        raise UserError(
            f"stage.{stage.name}: train.early_stop={second.early_stop} counts on from stage "
            f"{before.name!r}, which ends after {first.early_stop} epochs without a better "
            f"{first.stop_monitor}: it would end as it begins. Give more than "
            f"{first.early_stop}, or 0 for no early stopping."
        )


def _resolve_one(config: ConfigDict, name: str, number: int) -> Stage:
    if name not in config.stage:
        known = list(config.stage)
        raise UserError(
            f"config.stages names {name!r}, which config.stage does not define."
            f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}"
        )
    changes = config.stage[name].to_dict()
    own = {key: changes.pop(key, default) for key, default in OWN.items()}
    if own["start"] not in ("last", "best"):
        raise UserError(f"stage.{name}.start={own['start']!r} must be 'last' or 'best'")
    until = _until(name, changes)
    resolved = merged(config, changes, where=f"stage.{name}")
    _refuse_fixed(name, changes)
    own_rate = "lr" in changes.get("optim", {})
    return Stage(name, resolved, until=until, own_rate=own_rate, number=number, **own)


def _until(name: str, changes: dict[str, Any]) -> bool:
    """Turns `until` of an entry into keys of its `train`; whether there is one."""
    until, train = changes.pop("until", {}), changes.get("train", {})
    for key in until:
        if key not in _UNTIL:
            near = did_you_mean(key, _UNTIL)
            raise UserError(f"stage.{name}.until: unknown key {key!r}.{near} Known: {[*_UNTIL]}")
    patience = until.get("patience", 1)
    if not isinstance(patience, int) or patience < 1:
        raise UserError(f"stage.{name}.until.patience={patience!r}: expected epochs, 1 or more")
    if until:
        wanted = {"patience": 1, **until}
        changes["train"] = {**train, **{_UNTIL[key]: value for key, value in wanted.items()}}
    return bool(until)


def _refuse_fixed(name: str, changes: dict[str, Any]) -> None:
    parts = (("train", _OF_TRAIN), ("net", _OF_NET))
    can = (*_SECTIONS, *(f"{section}.{key}" for section, keys in parts for key in keys))
    for key in flatten(changes):
        if not any(key == one or key.startswith(f"{one}.") for one in can):
            raise UserError(
                f"stage.{name}.{key}: this holds for the whole run. A stage can change "
                f"{', '.join(can)}; and {', '.join([*OWN, 'until'])} of its own."
            )
