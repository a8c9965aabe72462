"""Boxes: how they overlap, which are suppressed, and which stand for true ones."""

import numpy as np

from jaxsign.input.scenes import assigning, detected, pairs
from parity import cases

Arrays = dict[str, np.ndarray]


def boxes(case: cases.Case) -> Arrays:
    """Overlap, suppression in both definitions, and true boxes' detected ones."""
    given, found = case.inputs, {}
    first = given["bt_boxes"]
    found["output/iou_plus1"] = pairs.iou(first[:, None], first[::-1])
    rows, scores = given["nms_boxes"], given["nms_scores"]
    one = np.zeros(len(rows), int)
    order = np.argsort(-scores, kind="stable")
    for threshold in case.call.whole("nms_thresholds"):
        kept = detected.suppress(rows, scores, one, threshold, inclusive=True)
        found[f"output/nms_legacy_{threshold}"] = np.flatnonzero(kept)
        kept = detected.suppress(rows, scores, one, threshold, extra=0)
        found[f"output/nms_torchvision_{threshold}"] = order[kept[order]]
    return found | _assigned(given, case.call["assign_iou"])


def _assigned(given: Arrays, threshold: float) -> Arrays:
    rows = given["assign/boxes"]
    frames = rows[:, 0].astype(int)
    count = sum(name.startswith("assign/gt_boxes_") for name in given)
    true = [given[f"assign/gt_boxes_{i}"] for i in range(count)]
    classes = np.concatenate([given[f"assign/gt_labels_{i}"] for i in range(count)])
    of_frame = np.repeat(np.arange(count), list(map(len, true)))
    truth = assigning.Boxes(of_frame, np.concatenate(true), classes)
    seen = assigning.Boxes(frames, rows[:, 1:], given["assign/labels"])
    got = assigning.assign(seen, truth, threshold, parity=True)
    found = {"output/assign/assigned_labels": got.labels}
    for i in range(count):
        match = got.found[of_frame == i]
        found |= {
            f"output/assign/found_pred_{i}": match[match >= 0] - np.searchsorted(frames, i),
            f"output/assign/found_gt_{i}": np.flatnonzero(match >= 0),
            f"output/assign/supply_gt_{i}": np.flatnonzero(match < 0),
        }
    return found
