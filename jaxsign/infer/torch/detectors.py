"""A detector's file of torch -> a net and its variables, and back."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer.torch import recognise
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.infer.torch.originals import faster_rcnn as originals_form
from jaxsign.nets import faster_rcnn, state_dict
from jaxsign.nets.pretrained import detectors
from jaxsign.whole import whole

_DEVIATIONS = {"RCNN_cls_score.weight": 0.01, "RCNN_bbox_pred.weight": 0.001}


@dataclasses.dataclass(frozen=True)
class Detector:
    """A net that finds boxes.

    Attributes:
      net: it.
      variables: its variables.
      objects: names of its classes, the background first; () = not told.
      notes: what had to be assumed or is fresh, one sentence each.
    """

    net: faster_rcnn.FasterRCNN
    variables: state_dict.Variables
    objects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load(
    path: str | Path, *, num_classes: int | None = None, seed: int = 0, **fields: Any
) -> Detector:
    """Reads a detector as jwyang's faster-rcnn.pytorch saves it, such as faster_rcnn_ag.pth.

    Args:
      path: the file; nothing in it is run.
      num_classes: how many the net shall tell; None = those of the file. Where these are others,
        the layers of the classes are fresh.
      seed: of what is fresh.
      **fields: of the net, that files of the original do not tell: `clip`, `compared`, `proposals`
        and the like.

    Raises:
      UserError: no such file, it is no such detector, or a field that the net does not have.
    """
    held, notes = detectors.content(path), list[str]()
    weights = state_dict.unwrap(held, where=str(path))
    if not faster_rcnn.FasterRCNN.matches(weights):
        raise UserError(
            f"{path}: these keys are no detector's of jwyang's faster-rcnn.pytorch (RCNN_base.0, "
            f"RCNN_rpn.RPN_Conv). It holds {len(weights)} keys, the first: "
            f"{', '.join(list(weights)[:5])}."
        )
    file = TorchFile(Path(path), held if isinstance(held, Mapping) else {})
    told = recognise.fields("faster_rcnn", weights, {}, file.path, notes)
    told |= originals_form.told_fields(file)
    weights = recognise.as_float32(weights, notes)
    count = num_classes or told["num_classes"]
    net = nets.build("faster_rcnn", **{**told, "num_classes": count, **fields})
    assert isinstance(net, faster_rcnn.FasterRCNN)
    table = net.key_table()
    if count != told["num_classes"]:
        weights |= _fresh(table, seed)
        notes.append(
            f"the file's {told['num_classes']} classes are not the {count} asked for: the layers "
            "of the classes are fresh, and tell nothing before they are trained"
        )
    found = state_dict.with_counters(table, weights)
    variables = state_dict.to_variables(table, found, where=str(path))
    return Detector(net, variables, originals_form.told_objects(file, count), tuple(notes))


def _fresh(table: list[state_dict.KeyEntry], seed: int) -> dict[str, np.ndarray]:
    """The layers of the classes as a run from scratch starts them."""
    rng = np.random.default_rng(seed)
    return {
        row.key: rng.normal(0, _DEVIATIONS.get(row.key, 0), row.shape).astype(np.float32)
        for row in table
        if row.key.startswith(detectors.CLASSES)
    }


def save(detector: Detector, out: str | Path) -> None:
    """Writes a detector as the original's scripts load it: `model`, a state_dict.

    Raises:
      UserError: `out` exists, torch is absent, or it cannot be written.
    """
    out = Path(out)
    if out.exists():
        raise UserError(f"{out} already exists. Choose another name, or move it away.")
    torch = state_dict.import_torch("to write a torch checkpoint")
    weights = state_dict.to_state_dict(detector.net.key_table(), detector.variables)
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in weights.items()}
    try:
        with whole(out) as draft, draft.open("wb") as file:
            torch.save({"model": tensors}, file)
    except (OSError, RuntimeError) as error:  # the latter: torch's own words for a full disk
        raise UserError(f"{out}: cannot be written ({error})") from error
