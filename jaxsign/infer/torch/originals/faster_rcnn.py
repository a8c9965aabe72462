"""Detectors of jwyang's faster-rcnn.pytorch, such as faster_rcnn_ag.pth.

What keys and shapes do not tell of a detector stands in `jaxsign`, which files made here have:
`net`, fields of the net, and `objects`, the names of its classes.
"""

from collections.abc import Mapping
from typing import Any

from jaxsign import fields as rules
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.input.boxes.source import BACKGROUND
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from jaxsign.nets import faster_rcnn
from jaxsign.nets.pretrained import detectors

_FIELDS = (
    "layout", "ratios", "scales", "compared", "proposals", "overlap", "clip", "chunk", "short_side",
)  # fmt: skip
# With others of these the original's net is another.
_SEEN = "layout", "ratios", "scales", "short_side"


class DetectorForm(originals.Form):
    """`model`, a state_dict, beside numbers of the session."""

    variant = "coco"

    def fields(self, file: TorchFile) -> dict[str, Any]:
        return {**file.found, **told_fields(file)}

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The classes: as the file names them; else Action Genome's where there are as many."""
        count = int(fields["num_classes"])
        names = told_objects(file, count)
        if not names and count == len(ACTION_GENOME.objects):
            names = ACTION_GENOME.objects
            file.notes.append(f"took its {count} classes for Action Genome's: the file names none")
        if not names:
            names = BACKGROUND, *(f"class {i}" for i in range(1, count))
            file.notes.append(
                f"named its {count} classes by number: the file names none. Name them: "
                "--config.task.objects=\"('__background__', ...)\""
            )
        source = {"data.source": "action_genome"} if names == ACTION_GENOME.objects else {}
        return {"task.objects": names, **source}

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        net = originals.net_of(run, faster_rcnn.FasterRCNN)
        own = {"net": _told(net, _FIELDS), "objects": list(run.config.task.objects)}
        return {**super().checkpoint(run, tensors), detectors.OWN: own}

    def notes(self, run: runs.Run) -> list[str]:
        net = originals.net_of(run, faster_rcnn.FasterRCNN)
        usual = _told(faster_rcnn.FasterRCNN(), _SEEN)
        other = {name: value for name, value in _told(net, _SEEN).items() if value != usual[name]}
        if not other:
            return []
        told = ", ".join(f"{name}={value}" for name, value in other.items())
        return [f"the original's scripts have no {told}: to them it is another net"]


def told_fields(file: TorchFile) -> dict[str, Any]:
    """Fields of the net that a file made here tells.

    Raises:
      UserError: values that they cannot have.
    """
    held = file.section(detectors.OWN).get("net")
    told = {k: v for k, v in held.items() if k in _FIELDS} if isinstance(held, Mapping) else {}
    if wrong := rules.problems(faster_rcnn.FasterRCNN, told, f"{detectors.OWN}.net."):
        raise UserError(f"{file.path}: {'; '.join(wrong)}. Export the detector anew")
    return {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}


def told_objects(file: TorchFile, count: int) -> tuple[str, ...]:
    """The names of a detector's `count` classes that a file made here tells; () = none."""
    names = file.section(detectors.OWN).get("objects")
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        return ()
    return tuple(names) if len(names) == count else ()


def _told(net: faster_rcnn.FasterRCNN, names: tuple[str, ...]) -> dict[str, Any]:
    """Plain values of fields, as torch's safe loader takes them."""
    values = {name: vars(net)[name] for name in names}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


FORM = DetectorForm()
