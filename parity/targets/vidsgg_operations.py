"""What is done to boxes and feature maps, without a net."""

import jax.numpy as jnp
import numpy as np

from jaxsign.nets.layers import object_classifier, roi_align, spatial_masks
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
    """Operations on boxes and maps, those that jaxsign has."""
    for name in ("anchors", "proposals", "clip_window"):
        case.call.whole(name)
    return (
        vidsgg_boxes.boxes(case)
        | roi_aligned(case)
        | {
            "output/center_size": np.asarray(
                object_classifier.center_size(jnp.asarray(case.inputs["bt_boxes"]))
            )
        }
    )


def roi_aligned(case: cases.Case) -> Arrays:
    """RoIAlign of boxes [R, 5] of several maps [F, C, H, W]."""
    given = case.call.section("roi_align")
    given.one_of("sampling_ratio", 0)
    size, _ = given.whole("output")
    rois = case.inputs["rois"]
    maps = np.moveaxis(case.inputs["fmap"], 1, -1)[rois[:, 0].astype(int)]
    boxes = jnp.asarray(rois[:, None, 1:])
    found = roi_align.roi_align(jnp.asarray(maps), boxes, given["spatial_scale"], size)
    return {"output/roi_align": np.moveaxis(np.asarray(found)[:, 0], -1, 1)}
