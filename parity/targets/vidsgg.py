"""Video scene graphs: their nets, and what is done to boxes before and behind them."""

from collections.abc import Mapping

import numpy as np

from jaxsign.nets import scene_net
from parity import cases
from parity.targets import (
    vidsgg_detected,
    vidsgg_detector,
    vidsgg_easg,
    vidsgg_genome,
    vidsgg_memory,
    vidsgg_operations,
    vidsgg_recall,
    vidsgg_scenellm,
    vidsgg_stket,
    vidsgg_sttran,
    vidsgg_tempura,
    vidsgg_train,
)


def sttran(case: cases.Case) -> dict[str, np.ndarray]:
    """A case of STTran of any kind."""
    if "steps" in case.call:
        return vidsgg_train.steps(case)
    if "fmaps" not in case.inputs:
        return vidsgg_sttran.forward(case)
    net = vidsgg_sttran.original(case)
    return _chosen(case, net, vidsgg_sttran.BRANCHES, vidsgg_sttran.inner_values)


def stket(case: cases.Case) -> dict[str, np.ndarray]:
    """A case of STKET of any kind."""
    if "fmaps" not in case.inputs:
        return vidsgg_stket.forward(case)
    net = vidsgg_stket.original(case)
    return _chosen(case, net, vidsgg_stket.branches(net), vidsgg_stket.inner_values)


def _chosen(
    case: cases.Case,
    net: scene_net.SceneNet,
    branches: Mapping[str, str],
    inner: vidsgg_sttran.Inner,
) -> dict[str, np.ndarray]:
    """A case whose pairs are made of boxes and maps; arguments as of `given_pairs`."""
    make = vidsgg_detected.detected if net.mode == "sgdet" else vidsgg_detected.classified
    return make(case, net, branches, inner)


TARGETS = {
    "BasicSceneGraphEvaluator": vidsgg_recall.evaluated,
    "EASG-STTran": vidsgg_easg.forward,
    "Faster R-CNN ResNet-101": vidsgg_detector.forward,
    "OTCodebookUpdater": vidsgg_scenellm.operations,
    "STKET": stket,
    "STTran": sttran,
    "SceneLLM": vidsgg_scenellm.forward,
    "TEMPURA": vidsgg_tempura.forward,
    "build_hierarchical_graph (models 6)": vidsgg_scenellm.operations,
    "draw_union_boxes (models 2.2)": vidsgg_operations.union_masks,
    "detector operations (models 8; assign_relations: data_eval 3)": vidsgg_operations.operations,
    "get_pred_triplets and recall (data_eval 5.3)": vidsgg_recall.graphs,
    (
        "uncertainty and memory computation, loss weights, contrastive losses (models 5.4, 5.5)"
    ): vidsgg_memory.computed,
}
FILES = {
    "mini_action_genome": vidsgg_genome.videos,
    "state_dict_keys.json": vidsgg_sttran.keys,
}
