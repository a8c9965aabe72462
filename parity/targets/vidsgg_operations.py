"""What is done to boxes and feature maps, without a net."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets.layers import (
    anchors,
    boxes,
    object_classifier,
    proposals,
    roi_align,
    spatial_masks,
)
from parity import cases
from parity.targets import vidsgg_boxes

Arrays = dict[str, np.ndarray]


def union_masks(case: cases.Case) -> Arrays:
    """Both kinds of spatial masks, as shares and not about 0."""
    case.call.one_of("pooling_size", spatial_masks.SIZE)
    boxes = jnp.asarray(case.inputs["pair_rois"].reshape(-1, 2, 4))
    kinds = {"fractional": "fractional", "m3sgg_hard": "hard"}
    masks = {name: spatial_masks.spatial_masks(boxes, kind) for name, kind in kinds.items()}
    return {f"output/{k}": np.moveaxis(np.asarray(v) + 0.5, -1, 1) for k, v in masks.items()}


def operations(case: cases.Case) -> Arrays:
    """Operations on boxes and maps."""
    first = jnp.asarray(case.inputs["bt_boxes"])
    return {
        **vidsgg_boxes.boxes(case),
        **roi_aligned(case),
        **_moved(case, first),
        **_proposed(case),
        "output/center_size": np.asarray(object_classifier.center_size(first)),
    }


def _moved(case: cases.Case, first: jax.Array) -> Arrays:
    """Boxes [N, 4] as deltas [1, N, 4 K] of K classes change them, and within an image."""
    deltas = jnp.asarray(case.inputs["bt_deltas"])
    count = deltas.shape[-1] // 4
    found = boxes.moved(first[None, :, None], deltas.reshape(1, -1, count, 4))
    window = jnp.asarray([case.call.whole("clip_window")])
    each = {"bbox_transform_inv": found, "clipped": boxes.clipped(found, window)}
    return {f"output/{name}": np.asarray(v).reshape(deltas.shape) for name, v in each.items()}


def _proposed(case: cases.Case) -> Arrays:
    """Anchors of a cell, and the proposals of maps [F, K, H, W]; a row's first is its image."""
    given, wanted = case.call.section("anchors"), case.call.section("proposals")
    given.one_of("base_size", anchors.BASE)
    wanted.one_of("feat_stride", anchors.BASE)
    cell = anchors.of_cell(given.whole("ratios"), given.whole("scales"))
    scores, deltas = (
        np.moveaxis(case.inputs[name], 1, -1) for name in ("rpn_cls_prob", "rpn_bbox_pred")
    )
    frames, rows, columns, _ = scores.shape
    found, _ = proposals.proposals(
        jnp.asarray(scores[..., len(cell) :].reshape(frames, -1)),
        jnp.asarray(deltas.reshape(frames, -1, 4)),
        jnp.asarray(anchors.of_map(cell, rows, columns)),
        jnp.asarray(case.inputs["im_info"][:, :2]),
        most=wanted["pre_nms"],
        count=wanted["post_nms"],
        threshold=wanted["nms"],
    )
    number = np.broadcast_to(np.arange(frames)[:, None, None], (*found.shape[:2], 1))
    return {
        "output/anchors": cell,
        "output/proposals": np.concatenate([number, np.asarray(found)], axis=-1),
    }


def roi_aligned(case: cases.Case) -> Arrays:
    """RoIAlign of boxes [R, 5] of several maps [F, C, H, W]."""
    given = case.call.section("roi_align")
    given.one_of("sampling_ratio", 0)
    size, _ = given.whole("output")
    rois = case.inputs["rois"]
    maps = np.moveaxis(case.inputs["fmap"], 1, -1)[rois[:, 0].astype(int)]
    of_each = jnp.asarray(rois[:, None, 1:])
    found = roi_align.roi_align(jnp.asarray(maps), of_each, given["spatial_scale"], size)
    return {"output/roi_align": np.moveaxis(np.asarray(found)[:, 0], -1, 1)}
