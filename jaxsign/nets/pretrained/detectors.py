"""Weights of other detectors, and of ResNets that tell what images show, for a detector.

Source: files of jwyang's faster-rcnn.pytorch (`model` among other things), and of ResNets as
torchvision publishes them or as they were made of Caffe's, all with the same keys.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from jaxsign.errors import UserError
from jaxsign.nets import detector_backbone, state_dict, torch_files

# What belongs to the classes, and to the anchors: another number of them has it fresh.
CLASSES = ("RCNN_cls_score.", "RCNN_bbox_pred.")
ANCHORS = ("RCNN_rpn.RPN_cls_score.", "RCNN_rpn.RPN_bbox_pred.")
OWN = "jaxsign"  # what files made here hold of a detector that no key tells
_PUBLISHED = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
_CLASSIFIER = "fc."


class StartedDetector(Protocol):
    """What is asked of the net that gets the weights: a `FasterRCNN`."""

    @property
    def backbone(self) -> str: ...
    @property
    def layout(self) -> str: ...
    def key_table(self) -> list[state_dict.KeyEntry]: ...


def content(path: str | Path) -> object:
    """What a file holds.

    Raises:
      UserError: there is no such file, or none of torch's: nobody goes on without its weights.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(
            f"{path}: no such file. Expected a detector as jwyang's faster-rcnn.pytorch saves it "
            "(STTran's README says where to get faster_rcnn_ag.pth), or a ResNet of torchvision's "
            "or Caffe's. A detector with random weights finds nothing."
        )
    return torch_files.read(path)


def load_pretrained(
    path: str | Path, net: StartedDetector, variables: state_dict.Variables
) -> tuple[state_dict.Variables, list[str]]:
    """Puts another detector, or a ResNet, into a detector's variables.

    Args:
      path: its file.
      net: that gets them.
      variables: its variables; they are not changed.

    Returns:
      The new variables, and notes on what was loaded and left fresh.

    Raises:
      UserError: neither of both, or one of another backbone or layout.
    """
    held, rows = content(path), net.key_table()
    weights = state_dict.unwrap(held, where=str(path))
    if (layout := _layout(held)) not in ("", net.layout):
        raise UserError(
            f"{path}: has learnt with net.layout={layout}, the recipe has {net.layout}: to its "
            f"weights images would be others. Set --config.net.layout={layout}"
        )
    if _is_resnet(weights):
        what = "a ResNet"
        weights = {k: v for k, v in weights.items() if not k.startswith(_CLASSIFIER)}
        taken = detector_backbone.backbone_rows(net.backbone, _PUBLISHED)
    else:
        what = "a detector"
        taken = [row for row in rows if not _differs(row, weights)]
        others = {row.key for row in rows} - {row.key for row in taken}
        weights = {k: v for k, v in weights.items() if k not in others}
    found = state_dict.with_counters(taken, weights)
    made = state_dict.to_variables(taken, found, where=str(path))
    paths = {row.path for row in taken}
    left = [row.key for row in rows if row.path not in paths]
    notes = [f"{path}: {what}; {len(taken)} of {len(rows)} arrays come from it"]
    return state_dict.merged(variables, made), notes + _fresh(left)


def _layout(held: object) -> str:
    """The layout that a file made here tells; '' = none."""
    for name in (OWN, "net", "layout"):
        held = held.get(name) if isinstance(held, Mapping) else None
    return held if isinstance(held, str) else ""


def _fresh(keys: Sequence[str]) -> list[str]:
    return [f"left fresh: {', '.join(keys)}"] if keys else []


def _is_resnet(weights: Mapping[str, np.ndarray]) -> bool:
    return f"{_PUBLISHED[0]}.weight" in weights


def _differs(row: state_dict.KeyEntry, weights: Mapping[str, np.ndarray]) -> bool:
    """Whether a row is one of those that may be of other classes or anchors, and is."""
    may = row.key.startswith((*CLASSES, *ANCHORS))
    return may and row.key in weights and weights[row.key].shape != row.shape
