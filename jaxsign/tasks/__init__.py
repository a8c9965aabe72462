"""What differs between kinds of learning: the object between a net and the loop."""

import importlib
from types import ModuleType
from typing import Any

from flax import linen as nn
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean

# What a recipe calls a task, and its folder here.
_MODULES = {"classify": "classes", "ctc_attention": "sequences"}


def build(config: ConfigDict, net: nn.Module) -> Any:
    """The task `config.task.name` around `net`; a file of this folder with `build(config, net)`.

    Raises:
      UserError: no such task.
    """
    return module(config).build(config, net)


def check(config: ConfigDict) -> list[str]:
    """What in a recipe its task cannot work with, a sentence each."""
    return list(module(config).check(config))


def learns_sequences(config: ConfigDict) -> bool:
    """Whether the recipe's task learns label sequences, not one label a clip."""
    return bool(getattr(module(config), "SEQUENCES", False))


def module(config: ConfigDict) -> ModuleType:
    """The file of the recipe's task.

    Raises:
      UserError: no such task.
    """
    known = sorted(_MODULES)
    name = config.task.name
    if name not in known:
        raise UserError(
            f"no task is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}"
        )
    return importlib.import_module(f"jaxsign.tasks.{_MODULES[name]}.task")
