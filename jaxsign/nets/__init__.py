"""Flax linen modules: pure functions of arrays. One file a net, found by its name.

A new recogniser is one file here. It holds a subclass of `Net` and, as `NET`, names it:

    class Mine(nets.Net):
        num_gloss: int = 25          # the fields are the keys of a recipe's section `net`

        @property
        def frame_shape(self):       # what one frame of the view's output is
            return 42, 7

        @nn.compact
        def __call__(self, x, valid=None, *, train=False):
            ...
            return {"logits": {"gloss": logits}, "embedding": h}

    NET = Mine

Where one of the defaults of `Net` does not hold, it says so: label sequences instead of one label
a clip, NaN for what was not seen, a longest clip, parameters that never train, a backbone, another
model to start from. `key_table`, `matches` and `fields_from_state_dict` bring checkpoints of a
torch original in and out; their rows come from `rows.py`. Layers that several nets share, or that
are long, stand in `layers/`. Training, evaluation, prediction, streams, benchmarks and the parity
suite ask a net through `init`, `call` and these members, and nothing else.
"""

import functools
import importlib
import pkgutil
from typing import Any

from jaxsign.errors import UserError, did_you_mean
from jaxsign.nets.calling import Argument, Batch, Outputs, Progress, call, init, logits_of
from jaxsign.nets.contract import Net, Part, name_of
from jaxsign.nets.state_dict import Tree, Variables

__all__ = (
    "Argument", "Batch", "Net", "Outputs", "Part", "Progress", "Tree", "Variables", "add", "build",
    "call", "get", "init", "logits_of", "name_of", "names",
)  # fmt: skip
_ADDED: dict[str, type[Net]] = {}


def add(name: str, net: type[Net]) -> None:
    """Makes a net that stands elsewhere known as `name` to the recipes of this process."""
    _ADDED[name] = net


@functools.cache
def names() -> tuple[str, ...]:
    """Names of the nets: the files of this folder that define `NET`. All of them are imported."""
    return tuple(sorted(name for name in _files() if _of_file(name) is not None))


def get(name: str) -> type[Net]:
    """The class of net `name`; no other net is imported.

    Raises:
      UserError: no net of that name.
    """
    net = _ADDED.get(name) or (_of_file(name) if name in _files() else None)
    if net is None:
        raise UserError(
            f"no net is called {name!r}.{did_you_mean(name, names())} Known: {', '.join(names())}"
        )
    return net


@functools.cache
def _files() -> frozenset[str]:
    return frozenset(info.name for info in pkgutil.iter_modules(__path__) if not info.ispkg)


def _of_file(name: str) -> type[Net] | None:
    """The `NET` of a file of this folder; None where it has none."""
    found: type[Net] | None = vars(importlib.import_module(f"{__name__}.{name}")).get("NET")
    return found


def build(name: str, **fields: Any) -> Net:
    """The net `name` with the given constructor fields.

    Raises:
      UserError: no such net, or a field that it does not have.
    """
    net = get(name)
    known = [f for f in net.__dataclass_fields__ if f not in ("parent", "name")]
    for field in fields:
        if field not in known:
            raise UserError(
                f"the net {name} has no field {field!r}.{did_you_mean(field, known)} "
                f"Known: {', '.join(known)}"
            )
    return net(**fields)
