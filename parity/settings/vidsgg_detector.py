"""The detector's settings, and the arrays of its golden case."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity import cases

Arrays = dict[str, np.ndarray]
_NORMS = (".bn1", ".bn2", ".bn3", ".downsample.1", "RCNN_base.1")
CLASSES = "the 37 Action Genome names, __background__ first"


def detector(case: cases.Case) -> dict[str, Any]:
    """The fields of the net."""
    args = case.args
    args.one_of("classes", CLASSES)
    args.one_of("class_agnostic", False)
    return {"backbone": f"resnet{args['num_layers']}", "num_classes": 37}


def is_norm(key: str) -> bool:
    """Whether a state_dict key belongs to a normalisation."""
    return key.rpartition(".")[0].endswith(_NORMS)


def told(found: Mapping[str, np.ndarray]) -> Arrays:
    """The case's outputs, channels first, of whole arrays.

    Args:
      found: `maps`, `rpn_scores`, `rpn_deltas` [F, C, H, W]; `boxes` [F, N, 4], `scores`,
        `class_deltas` and `features` [F, N, K] of proposals; `known_features` and `known_logits`
        [M, K] of true boxes.
    """
    maps, boxes = found["maps"], found["boxes"]
    number = np.broadcast_to(np.arange(len(boxes))[:, None, None], (*boxes.shape[:2], 1))
    arrays = {
        "base_feat_first32": maps[:, :32],
        "base_feat_mean": maps.mean((2, 3)),
        "rpn_cls_score": found["rpn_scores"],
        "rpn_bbox_pred": found["rpn_deltas"],
        "rois": np.concatenate([number, boxes], axis=-1),
        "cls_prob": found["scores"],
        "bbox_pred_first40": found["class_deltas"][:, :40],
        "roi_features_first16": found["features"][:, :16],
        "gt_features": found["known_features"],
        "gt_cls_score": found["known_logits"],
    }
    return {f"output/{name}": value for name, value in arrays.items()}
