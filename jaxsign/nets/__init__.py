"""Flax linen modules: pure functions of arrays. One file a net, found by its name."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from flax import linen as nn

from jaxsign.errors import UserError, did_you_mean


def names() -> list[str]:
    """Names of the nets that `build` knows: the files of this folder that define `NET`."""
    files = [info.name for info in pkgutil.iter_modules(__path__) if not info.ispkg]
    return sorted(name for name in files if name != "state_dict")


def module(name: str) -> ModuleType:
    """The module of net `name`, which holds `NET` and `state_dict_table`.

    Raises:
      UserError: no net of that name.
    """
    if name not in names():
        raise UserError(
            f"no net is called {name!r}.{did_you_mean(name, names())} Known: {', '.join(names())}"
        )
    return importlib.import_module(f"jaxsign.nets.{name}")


def build(name: str, **fields: Any) -> nn.Module:
    """The net `name` with the given constructor fields.

    Raises:
      UserError: no such net, or a field that it does not have.
    """
    net = module(name).NET
    known = [f for f in net.__dataclass_fields__ if f not in ("parent", "name")]
    for field in fields:
        if field not in known:
            raise UserError(
                f"the net {name} has no field {field!r}.{did_you_mean(field, known)} "
                f"Known: {', '.join(known)}"
            )
    return net(**fields)
