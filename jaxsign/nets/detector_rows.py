"""Rows of state_dict tables: jwyang's faster-rcnn.pytorch, and what its keys and shapes tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.nets import detector_backbone, resnet
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import anchors
from jaxsign.nets.state_dict import KeyEntry

# The original's numbers of anchors of three ratios -> their scales.
_SCALES = {12: anchors.SCALES, 9: anchors.SCALES[1:]}
# What the first convolution, its norm and the stages are called there.
_KEYS = ("RCNN_base.0", "RCNN_base.1", *(f"RCNN_base.{i}" for i in (4, 5, 6)), "RCNN_top.0")
_RPN = "RCNN_rpn.RPN_"


def table(backbone: str, cell: int, inner: int, classes: int) -> list[KeyEntry]:
    """The original's keys (634 of a ResNet-101) in its order.

    Args:
      backbone: of `detector_backbone.BACKBONES`.
      cell: anchors of a cell.
      inner: channels of what looks for boxes.
      classes: of boxes.
    """
    bottleneck = detector_backbone.BACKBONES[backbone].bottleneck
    channels, width = (resnet.expanded(n, bottleneck) for n in resnet.WIDTHS[-2:])
    rows = torch_rows.convolution(f"{_RPN}Conv", ("rpn", "conv"), (inner, channels, 3, 3))
    rows += torch_rows.pointwise(f"{_RPN}cls_score", ("rpn", "scores"), 2 * cell, inner)
    rows += torch_rows.pointwise(f"{_RPN}bbox_pred", ("rpn", "deltas"), 4 * cell, inner)
    rows += detector_backbone.backbone_rows(backbone, _KEYS)
    rows += torch_rows.linear("RCNN_cls_score", ("class_scores",), classes, width)
    return rows + torch_rows.linear("RCNN_bbox_pred", ("class_deltas",), 4 * classes, width)


def matches(weights: Mapping[str, np.ndarray]) -> bool:
    """Whether the keys are the detector's."""
    return f"{_KEYS[0]}.weight" in weights and f"{_RPN}Conv.weight" in weights


def fields(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Constructor fields that keys and shapes tell.

    Raises:
      KeyError, ValueError: boxes of no class, or anchors of a number that is not known.
    """
    classes = len(weights["RCNN_cls_score.weight"])
    count = len(weights[f"{_RPN}cls_score.weight"]) // 2
    if count not in _SCALES:
        raise ValueError(f"{_RPN}cls_score of {count} anchors a cell")
    if len(weights["RCNN_bbox_pred.weight"]) != 4 * classes:
        raise ValueError("RCNN_bbox_pred (its boxes are not of each class)")
    return {
        "backbone": detector_backbone.backbone_of(weights, _KEYS),
        "num_classes": classes,
        "scales": _SCALES[count],
        "proposal_dim": len(weights[f"{_RPN}Conv.weight"]),
    }
