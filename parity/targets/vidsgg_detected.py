"""STTran's evaluation where pairs are made from boxes and feature maps."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.input.scenes import detected as rules
from jaxsign.nets import scene_net
from jaxsign.nets.layers import roi_align, spatial_masks
from parity import cases, weights
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_sttran

Arrays = dict[str, np.ndarray]


def classified(
    case: cases.Case,
    net: scene_net.SceneNet,
    branches: Mapping[str, str],
    inner_values: vidsgg_sttran.Inner,
) -> Arrays:
    """Boxes that are given, whose classes and person the net tells.

    Arguments as of `vidsgg_sttran.given_pairs`.
    """
    inputs = case.inputs
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    candidates = settings.every_pair(inputs["boxes"][:, 0])
    every = settings.video(inputs["boxes"][:, 0], *candidates)
    seen = union_features(inputs, every)
    batch = settings.batch({**inputs, "union_feat": seen}, every)
    outputs, inner = _run(net, variables, batch)
    chosen = np.asarray(outputs["valid_pairs"])[0, every.pair_frames, every.pair_places]
    at = every.pair_frames[chosen], every.pair_places[chosen]
    pairs = every.numbered(every.pair_frames[chosen], np.asarray(outputs["pairs"])[0][at])
    video = settings.video(every.box_frames, every.pair_frames[chosen], pairs)
    for branch, start in branches.items():
        produced |= vidsgg_sttran.told(outputs, video, branch, start)
    produced |= inner_values(inner["intermediates"], video)
    produced |= pairs_of(inputs, video, pairs, seen[chosen])
    boxes = (0, every.box_frames, every.box_places)
    names = {"labels": "pred_labels", "scores": "pred_scores", "distribution": "distribution"}
    produced |= {f"output/{t}": np.asarray(outputs[ours])[boxes] for ours, t in names.items()}
    # The original leaves these as they came.
    return produced | {f"output/{name}": inputs[name] for name in ("boxes", "human_idx")}


def detected(
    case: cases.Case,
    net: scene_net.SceneNet,
    branches: Mapping[str, str],
    inner_values: vidsgg_sttran.Inner,
) -> Arrays:
    """Boxes of a detector, of which those that relations are told of are chosen first.

    Arguments as of `vidsgg_sttran.given_pairs`.
    """
    inputs = case.inputs
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    chosen, inputs, video = chosen_of(inputs, inputs["distribution"])
    kept = chosen.detected
    seen = union_features(inputs, video)
    batch = settings.batch({**inputs, "scores": chosen.scores, "union_feat": seen}, video)
    outputs, inner = _run(net, variables, batch)
    for branch, start in branches.items():
        produced |= vidsgg_sttran.told(outputs, video, branch, start)
    produced |= inner_values(inner["intermediates"], video)
    produced |= pairs_of(inputs, video, chosen.pairs, seen)
    return produced | {
        "output/boxes": inputs["boxes"],
        "output/distribution": kept.distribution,
        "output/pred_labels": chosen.labels,
        "output/pred_scores": chosen.scores,
        "output/human_idx": chosen.persons[:, None],
        "output/features_first4": inputs["features"][:, :4],
    }


def chosen_of(
    inputs: Arrays, distribution: np.ndarray
) -> tuple[rules.Chosen, Arrays, settings.Video]:
    """The boxes and pairs that relations are told of, by classes told of a detector's boxes.

    Which of them are doubled the detector's own classes decide, the case's `pred_labels`.

    Returns:
      What was chosen; the case's inputs of that alone; its video.
    """
    frames, boxes = inputs["boxes"][:, 0].astype(int), inputs["boxes"][:, 1:]
    given = inputs["pred_labels"].astype(int)
    chosen = rules.choose(frames, boxes, distribution, settings.DOUBLED, settings.OVERLAP, given)
    kept = chosen.detected
    inputs = {
        **inputs,
        "boxes": np.concatenate([kept.frames[:, None], kept.boxes], axis=1).astype(np.float32),
        "labels": chosen.labels,
        "features": inputs["features"][kept.source],
        "distribution": kept.distribution,
    }
    video = settings.video(kept.frames, kept.frames[chosen.pairs[:, 1]], chosen.pairs)
    return chosen, inputs, video


def _run(net: nets.Net, variables: Any, batch: Arrays) -> Any:
    """Outputs and inner values."""
    return jax.jit(lambda batch: nets.call(net, variables, batch, mutable=["intermediates"]))(batch)


def union_features(inputs: Arrays, video: settings.Video) -> np.ndarray:
    """float32 [P, C, 7, 7]: of the boxes around a video's pairs, from its feature maps."""
    pairs = video.numbered(video.pair_frames, video.pairs)
    around = settings.union_boxes(inputs["boxes"][:, 1:], pairs, inputs["im_info"])
    maps = np.moveaxis(inputs["fmaps"], 1, -1)
    boxes = video.of_pairs(around)[0]
    found = jax.jit(roi_align.roi_align)(jnp.asarray(maps), jnp.asarray(boxes))
    at = video.pair_frames, video.pair_places
    return np.moveaxis(np.asarray(found)[at], -1, 1)


def pairs_of(
    inputs: Mapping[str, Any], video: settings.Video, pairs: np.ndarray, seen: np.ndarray
) -> Arrays:
    """What the original adds of every pair int [P, 2]; `seen`: union features [P, C, 7, 7]."""
    boxes, frames = inputs["boxes"][:, 1:], video.pair_frames.astype(np.float32)
    around = settings.union_boxes(boxes, pairs, inputs["im_info"])
    masks = spatial_masks.spatial_masks(jnp.asarray(boxes[pairs]))
    return {
        "output/pair_idx": pairs,
        "output/im_idx": frames,
        "output/union_box": np.concatenate([frames[:, None], around], axis=1),
        "output/spatial_masks": np.moveaxis(np.asarray(masks), -1, 1),
        "output/union_feat_mean": seen.mean((1, 2, 3)),
        "output/union_feat_ch0": seen[:, 0],
    }
