"""How the original systems write their checkpoints: one file a system that has a form of its own.

A file is called as its net and defines `FORM`, a `Form`.
"""

import dataclasses
import importlib
import json
import math
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from ml_collections import ConfigDict

import jaxsign
from jaxsign import nets
from jaxsign.infer import run as runs

OwnNet = TypeVar("OwnNet", bound=nets.Net)


@dataclasses.dataclass(frozen=True)
class TorchFile:
    """An original system's checkpoint, as far as it is read.

    Attributes:
      path: for messages.
      extras: what it holds.
      weights: torch keys and arrays.
      found: constructor fields of the net that their shapes tell.
      notes: gets a sentence for what was assumed or left out.
    """

    path: Path
    extras: Mapping[str, Any]
    weights: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    found: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def section(self, name: str) -> Mapping[str, Any]:
        """A part of what it holds; {} where there is none."""
        part = self.extras.get(name)
        return part if isinstance(part, Mapping) else {}


class Form:
    """A system's own form of checkpoint; as it stands here the form of fslr-transformer-vs-iv3gru.

    Attributes:
      metric: what a checkpoint's metric is called.
      first_id: the id of the first gloss.
      variant: of the net's recipe, the one with the original's own numbers.
      recipe: with its variant, where that is not the one whose first variant has the net; "" = it
        is.
      with_backbone: its data are films: an image backbone is always kept. None = only if the
        file's optimizer has trained it.
    """

    metric: ClassVar[str] = "best metric"
    first_id: ClassVar[int] = 0
    variant: ClassVar[str] = ""
    recipe: str = ""
    with_backbone: bool | None = None

    def n_heads(self, file: TorchFile) -> int | None:
        """Attention heads, which shapes do not tell; None where the file does not either."""
        return None

    def weights(self, file: TorchFile) -> Mapping[str, np.ndarray]:
        """A file's weights under the keys of the net's table, without what has no place there.

        Raises:
          UserError: they cannot be read.
        """
        return file.weights

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """Constructor fields, where a file tells more than its shapes do.

        Raises:
          UserError: the file contradicts itself.
        """
        return dict(file.found)

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Changes of the recipe that a file of a net of these fields asks for.

        Returns:
          `{'section.key': value}`.

        Raises:
          UserError: settings that there are not.
        """
        return {}

    def completed(
        self, variables: nets.Variables, net: nets.Net, file: TorchFile
    ) -> nets.Variables:
        """A net's variables, made of a file's weights, with those that lie beside them.

        Raises:
          UserError: they are not this net's.
        """
        return variables

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """What `torch.save` gets; `jaxsign` is read by `jaxsign import` alone."""
        imported = run.manifest.imported
        # What came from the original goes out as it came.
        ours = imported is None or imported.jaxsign is not None
        return ({"jaxsign": own_section(run)} if ours else {}) | {
            "epoch": int(run.info.get("epoch") or 0),
            "model": dict(tensors),
            "best_metric": metric(run),
            "args": None,
            "optimizer": None,
            "scaler": None,
            "scheduler": None,
        }

    def beside(self, run: runs.Run, path: Path) -> list[Path]:
        """Writes the files that lie beside a checkpoint `path`; returns them."""
        return []

    def notes(self, run: runs.Run) -> list[str]:
        """What the reader of an exported file should know."""
        return []


def own_section(run: runs.Run) -> dict[str, Any]:
    """What the originals' files have no place for: the view, and numbers that no weight tells."""
    net = run.config.net
    kept = {name: net[name] for name in ("n_heads", "pooling") if name in net}
    return {"version": jaxsign.__version__, "view": _plain(run.config.view), "net": kept}


def _plain(view: ConfigDict) -> dict[str, Any]:
    """As JSON has it, in which what was imported is kept."""
    found: dict[str, Any] = json.loads(json.dumps(view.to_dict()))
    return found


def metric(run: runs.Run) -> float:
    """The metric of a run's checkpoint; 0 where there is none."""
    value = run.info.get("metric")
    return float(value) if value is not None and math.isfinite(value) else 0.0


def net_of(run: runs.Run, kind: type[OwnNet]) -> OwnNet:
    """A run's net, of the kind that its form is of."""
    if not isinstance(run.net, kind):
        raise TypeError(f"{type(run.net).__name__} is no {kind.__name__}")
    return run.net


def find(net: str) -> Form:
    """The form that belongs to a net."""
    if net not in [module.name for module in pkgutil.iter_modules(__path__)]:
        return Form()
    form: Form = importlib.import_module(f"{__name__}.{net}").FORM
    return form
