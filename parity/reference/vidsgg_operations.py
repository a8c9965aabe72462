"""What the detector does to boxes and maps without a net, in torch, box by box."""

import numpy as np
import torch
from torch import Tensor

from parity import cases
from parity.reference import vidsgg_detector
from parity.reference.fslr import tensors

Tensors = dict[str, Tensor]


@torch.no_grad()
def operations(case: cases.Case) -> dict[str, np.ndarray]:
    """Operations on boxes and maps."""
    given = tensors(case.inputs)
    found = {
        **_moved(case, given),
        **_proposed(case, given),
        **_suppressed(case, given),
        **_assigned(given, case.call["assign_iou"]),
        "roi_align": _aligned(case, given),
    }
    return {f"output/{name}": value.numpy() for name, value in found.items()}


def _moved(case: cases.Case, given: Tensors) -> Tensors:
    boxes, deltas = given["bt_boxes"], given["bt_deltas"]
    moved = vidsgg_detector.moved(boxes[None, :, None], deltas.unflatten(-1, (-1, 4)))
    window = torch.tensor(case.call.whole("clip_window"))
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return {
        "bbox_transform_inv": moved.flatten(-2),
        "clipped": vidsgg_detector.clipped(moved, window).flatten(-2),
        "center_size": torch.cat([boxes[:, :2] + 0.5 * sides, sides], -1),
        "iou_plus1": vidsgg_detector.overlap(boxes[:, None], boxes.flip(0)),
    }


def _proposed(case: cases.Case, given: Tensors) -> Tensors:
    asked, wanted = case.call.section("anchors"), case.call.section("proposals")
    asked.one_of("base_size", vidsgg_detector.STRIDE)
    wanted.one_of("feat_stride", vidsgg_detector.STRIDE)
    assert tuple(asked.whole("ratios")) == vidsgg_detector.RATIOS
    assert tuple(asked.whole("scales")) == vidsgg_detector.SCALES
    sure = given["rpn_cls_prob"].unflatten(1, (2, -1))[:, 1]
    counts = wanted["pre_nms"], wanted["post_nms"], wanted["nms"]
    sizes = given["im_info"][:, :2]
    return {
        "anchors": vidsgg_detector.anchors(1, 1),
        "proposals": vidsgg_detector.best_proposals(sure, given["rpn_bbox_pred"], sizes, *counts),
    }


def _suppressed(case: cases.Case, given: Tensors) -> Tensors:
    """The original's gives places in order, torchvision's the best first."""
    order = given["nms_scores"].argsort(descending=True, stable=True)
    boxes, found = given["nms_boxes"][order], Tensors()
    for threshold in case.call.whole("nms_thresholds"):
        kept = order[vidsgg_detector.suppress(boxes, threshold)]
        found[f"nms_legacy_{threshold}"] = kept.sort().values
        kept = order[vidsgg_detector.suppress(boxes, threshold, extra=0)]
        found[f"nms_torchvision_{threshold}"] = kept
    return found


def _aligned(case: cases.Case, given: Tensors) -> Tensor:
    asked = case.call.section("roi_align")
    asked.one_of("sampling_ratio", 0)
    asked.one_of("spatial_scale", 1 / vidsgg_detector.STRIDE)
    assert asked.whole("output") == [vidsgg_detector.CELLS] * 2
    return vidsgg_detector.roi_align(given["fmap"], given["rois"])


def _assigned(given: Tensors, threshold: float) -> Tensors:
    """Of every frame's true boxes, the person first, those that a found one stands for."""
    found, labels = Tensors(), list[Tensor]()
    frames = given["assign/boxes"][:, 0]
    for i in range(sum(name.startswith("assign/gt_boxes_") for name in given)):
        boxes = given["assign/boxes"][frames == i, 1:]
        true, classes = given[f"assign/gt_boxes_{i}"], given[f"assign/gt_labels_{i}"]
        shared = vidsgg_detector.overlap(boxes[:, None], true)
        most, best = shared.max(1)
        told = torch.where(most > threshold, classes[best], 0)
        taken: dict[int, int] = {}
        for one in range(len(true)):
            order = shared[:, one].argsort(descending=True, stable=True).tolist()
            if shared[order[0], one] <= threshold:
                continue
            taken[one] = next((box for box in order if box not in taken.values()), order[0])
            if one:
                told[taken[one]] = classes[one]
        labels.append(told)
        lost = [one for one in range(len(true)) if one not in taken]
        found |= {
            f"assign/found_pred_{i}": torch.tensor([*taken.values()]),
            f"assign/found_gt_{i}": torch.tensor([*taken]),
            f"assign/supply_gt_{i}": torch.tensor(lost),
        }
    return found | {"assign/assigned_labels": torch.cat(labels)}
