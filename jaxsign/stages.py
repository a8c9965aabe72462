"""Stages: the rows of a run's recipe. Freezing, thawing and curricula of data are lists of them.

`config.stages` names entries of `config.stage` in order. An entry changes any section of the recipe
while it runs, for example

    config.stages = "head,all"
    config.stage = {"head": {"train": {"frozen": ("^layer_",), "epochs": 5}},
                    "all": {"train": {"epochs": 20}, "optim": {"lr": 1e-5}}}

Three keys belong to the entry itself: `start` ('last': go on from the weights at hand, 'best': from
the best checkpoint so far) and `reset_best` (forget earlier stages' best metric) and
`keep_optimizer` (moments go on where the same parameters train).
"""

import dataclasses

from ml_collections import ConfigDict

from jaxsign.config import merged, names
from jaxsign.errors import UserError, did_you_mean

_OWN = {"start": "last", "reset_best": False, "keep_optimizer": False}


@dataclasses.dataclass(frozen=True)
class Stage:
    """One row: its name, the whole config that holds while it runs, and how it starts."""

    name: str
    config: ConfigDict
    start: str = "last"
    reset_best: bool = False
    keep_optimizer: bool = False

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
        stages = tuple(_resolve_one(config, name) for name in order)
    for stage in stages:
        if stage.epochs < 1:
            raise UserError(f"train.epochs={stage.epochs} in stage {stage.name!r}: expected >= 1")
    learned = {s.config.loss.weighting == "uncertainty" for s in stages}
    if len(learned) > 1:
        raise UserError(
            "loss.weighting='uncertainty' must hold in all stages or in none: its weights are "
            "parameters of the whole run"
        )
    return stages


def _resolve_one(config: ConfigDict, name: str) -> Stage:
    if name not in config.stage:
        known = list(config.stage)
        raise UserError(
            f"config.stages names {name!r}, which config.stage does not define."
            f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}"
        )
    changes = config.stage[name].to_dict()
    own = {key: changes.pop(key, default) for key, default in _OWN.items()}
    if own["start"] not in ("last", "best"):
        raise UserError(f"stage.{name}.start={own['start']!r} must be 'last' or 'best'")
    return Stage(name, merged(config, changes, where=f"stage.{name}"), **own)
