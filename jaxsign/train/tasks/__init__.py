"""What differs between kinds of learning: the object between a net and the loop."""

import importlib
import pkgutil
from typing import Any

from flax import linen as nn
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean


def build(config: ConfigDict, net: nn.Module) -> Any:
    """The task `config.task.name` around `net`; a file of this folder with `build(config, net)`.

    Raises:
      UserError: no such task.
    """
    known = sorted(info.name for info in pkgutil.iter_modules(__path__))
    name = config.task.name
    if name not in known:
        raise UserError(
            f"no task is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}"
        )
    return importlib.import_module(f"jaxsign.train.tasks.{name}").build(config, net)
