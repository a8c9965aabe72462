"""TEMPURA's checkpoints: what the net remembers lies beside its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile, _scenes
from jaxsign.nets import memories, tempura

Array = np.ndarray
_GROUPS = ("attention", "spatial", "contacting")
_KEYS = {"relations": "rel_memory", "objects": "object_memory"}


class TempuraForm(_scenes.SceneForm):
    """As of other nets of relations, with `object_memory` and `rel_memory`, [] = empty."""

    variant: ClassVar[str] = "paper"

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """With the share that its repository sets for the mode."""
        fields, found = super().fields(file), file.found
        kept = 0.3 if fields.get("mode") == "sgcls" else 0.5
        if found["relation_memory"] != "none" or found["object_memory"]:
            fields["memory_lambda"] = kept
            file.notes.append(
                f"assumed memory_lambda={kept} and memory_fusion='late': the file tells neither. "
                "Else: --config.net.memory_lambda, memory_fusion, memory_selection"
            )
        return fields

    def completed(
        self, variables: nets.Variables, net: nets.Net, file: TorchFile
    ) -> nets.Variables:
        """With the memories, as far as there are any.

        Raises:
          UserError: they have other sizes than the net's.
        """
        if not isinstance(net, tempura.Tempura):
            raise TypeError(f"{type(net).__name__} is not TEMPURA")
        variables, shapes = net.without_memory(variables), net.memory_shapes
        rows, notes = {}, file.notes
        for name, key in _KEYS.items():
            value = _rows(file.extras.get(key), file.path, key)
            if value is None:
                if name in shapes:
                    notes.append(f"the file has no {key}: it is empty until a training fills it")
            elif name not in shapes:
                notes.append(f"left out {key}, which no weights of the file ask")
            elif value.shape != shapes[name]:
                raise UserError(
                    f"{file.path}: {key} has shape {list(value.shape)}, but this net remembers "
                    f"{list(shapes[name])}: classes, and numbers of each. Import it with the "
                    "classes that it was trained with."
                )
            else:
                rows[name] = value
        return net.with_memory(variables, rows)

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """With the memories."""
        import torch

        net = originals.net_of(run, tempura.Tempura)
        kept, ends = memories.read(run.variables), np.cumsum(net.predicates)[:-1]
        content = {**super().checkpoint(run, tensors), "object_memory": [], "rel_memory": []}
        if "objects" in kept:
            content["object_memory"] = torch.from_numpy(kept["objects"].copy())
        if "relations" in kept:
            parts = np.split(kept["relations"], ends)
            content["rel_memory"] = {
                group: torch.from_numpy(part.copy())
                for group, part in zip(_GROUPS, parts, strict=True)
            }
        return content


def _rows(value: Any, path: Path, key: str) -> Array | None:
    """A memory of a file; None = it has none.

    Raises:
      UserError: something else.
    """
    if value is None or (isinstance(value, list | tuple | Mapping) and not len(value)):
        return None
    expected = f"{path}: {key} is no memory: expected arrays [classes, numbers]"
    if isinstance(value, Mapping):
        if absent := [group for group in _GROUPS if group not in value]:
            raise UserError(f"{expected} of {', '.join(_GROUPS)}, without {', '.join(absent)}")
        parts = [np.asarray(value[group]) for group in _GROUPS]
    else:
        parts = [np.asarray(value)]
    wrong = [one for one in parts if one.dtype.kind != "f" or one.ndim != 2]
    if wrong or len({one.shape[1] for one in parts}) > 1:
        found = [f"{one.dtype} {list(one.shape)}" for one in parts]
        raise UserError(f"{expected}, found {', '.join(found)}")
    rows = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(rows).all():
        raise UserError(f"{path}: {key} holds NaN or infinite numbers")
    return rows


FORM = TempuraForm("tempura")
