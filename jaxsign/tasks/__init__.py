"""What differs between kinds of learning: the object between a net and the loop.

A recipe names its task (`task.name`); a task is a folder here with `task.TASK`, a class of `Task`.
"""

import importlib

from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError, did_you_mean
from jaxsign.sections.kinds import KINDS
from jaxsign.tasks import measures
from jaxsign.tasks.contract import Evaluated, Learnt, Task

__all__ = (
    "Evaluated", "Learnt", "Task", "add", "also_best", "build", "check", "kind", "monitors",
)  # fmt: skip
_ADDED: dict[str, type[Task]] = {}


def add(name: str, task: type[Task]) -> None:
    """Makes a task that stands elsewhere known as `name` to the recipes of this process."""
    _ADDED[name] = task


def kind(config: ConfigDict) -> type[Task]:
    """The class of the recipe's task.

    Raises:
      UserError: no such task.
    """
    known = sorted(KINDS)
    name = config.task.name
    if name in _ADDED:
        return _ADDED[name]
    if name not in known:
        raise UserError(
            f"no task is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}"
        )
    return importlib.import_module(f"jaxsign.tasks.{KINDS[name].task}.task").TASK


def build(config: ConfigDict, net: nets.Net) -> Task:
    """The recipe's task around `net`.

    Raises:
      UserError: no such task, or settings that cannot be trained with.
    """
    return kind(config).build(config, net)


def check(config: ConfigDict) -> list[str]:
    """What in a recipe its task cannot work with, a sentence each."""
    task = kind(config)
    names = tuple(task.numbers(config))
    asked = [*_monitored(config).items(), *(("checkpoint.also_best", n) for n in also_best(config))]
    wrong = [f"{key}={name!r}: expected one of {names}" for key, name in asked if name not in names]
    return wrong + task.check(config)


def monitors(config: ConfigDict) -> measures.Monitors:
    """What the recipe watches; it may name other numbers than `task.monitor` for each purpose."""
    numbers = kind(config).numbers(config)
    best, stop, steer = (numbers[name] for name in _monitored(config).values())
    also = {name: numbers[name] for name in also_best(config)}
    return measures.Monitors(best, stop, steer, also)


def also_best(config: ConfigDict) -> tuple[str, ...]:
    """Names of the numbers whose best epochs are kept beside that of `task.monitor`."""
    return tuple(name.removeprefix("val_") for name in config.checkpoint.also_best)


def _monitored(config: ConfigDict) -> dict[str, str]:
    """Key -> the number that it names; all are of validation, whether they say so or not."""
    best = config.task.monitor
    found = {
        "task.monitor": best,
        "train.stop_monitor": config.train.stop_monitor or best,
        "schedule.monitor": config.schedule.monitor or best,
    }
    return {key: name.removeprefix("val_") for key, name in found.items()}
