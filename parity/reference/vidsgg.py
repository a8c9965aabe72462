"""The video scene graphs' torch references."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from parity import cases
from parity.reference import (
    vidsgg_chosen,
    vidsgg_codebook,
    vidsgg_detector,
    vidsgg_easg,
    vidsgg_evaluated,
    vidsgg_learned,
    vidsgg_masks,
    vidsgg_memory,
    vidsgg_operations,
    vidsgg_scenellm,
    vidsgg_stket,
    vidsgg_sttran,
    vidsgg_tempura,
    vidsgg_triplets,
)
from parity.reference.fslr import tensors
from parity.settings import vidsgg as settings

Arrays = dict[str, np.ndarray]


def sttran(case: cases.Case) -> Arrays:
    """A case of STTran of any kind."""
    module = vidsgg_sttran.STTran(**settings.sttran(case), rate=0.0)
    produced, entry = vidsgg_learned.loaded(case, module), tensors(case.inputs)
    if "steps" in case.call:
        return produced | vidsgg_learned.steps(case, module, entry)
    if "fmaps" in entry:
        return produced | _chosen(case, module, entry)
    outputs = module(entry)
    values = vidsgg_learned.losses(outputs, entry, settings.truth(case, settings.PREDICATES))
    return produced | vidsgg_learned.told(case, module, outputs, values, settings.loss_terms(case))


def stket(case: cases.Case) -> Arrays:
    """A case of STKET of any kind."""
    module = vidsgg_stket.STKET(**settings.stket(case), rate=0.0)
    produced, entry = vidsgg_learned.loaded(case, module), tensors(case.inputs)
    if "fmaps" in entry:
        return produced | _chosen(case, module, entry)
    truth = settings.truth(case, settings.PREDICATES)
    outputs = module({**entry, "contacts": torch.from_numpy(truth["contacting"])})
    values = {
        f"{branch}_{name}": value
        for branch in module.branches
        for name, value in vidsgg_learned.losses(_of_branch(outputs, branch), entry, truth).items()
    }
    return produced | vidsgg_learned.told(case, module, outputs, values, settings.loss_terms(case))


@torch.no_grad()
def _chosen(case: cases.Case, module: vidsgg_sttran.FrontEnd, entry: dict[str, Tensor]) -> Arrays:
    """Outputs of pairs that are made of boxes and maps."""
    if module.mode == "sgcls":
        boxes = entry["boxes"][:, 1:]
        logits = module.object_classifier(entry["features"], entry["distribution"], boxes)
        chosen = vidsgg_chosen.given(entry, logits[:, 1:].softmax(1))
    else:
        chosen = vidsgg_chosen.detected(entry, entry["distribution"])
    outputs = {**module(chosen), **chosen, "pred_labels": chosen["labels"]}
    union = chosen["union_feat"]
    outputs |= {"union_feat_mean": union.mean((1, 2, 3)), "union_feat_ch0": union[:, 0]}
    outputs["features_first4"] = chosen["features"][:, :4]
    if "human_idx" in entry:  # the original leaves them as they came
        outputs["human_idx"] = entry["human_idx"]
    return vidsgg_learned.told(case, module, outputs, {}, settings.loss_terms(case))


def _of_branch(outputs: Mapping[str, Tensor], branch: str) -> dict[str, Tensor]:
    names = [f"{group}_distribution" for group in settings.GROUPS]
    return {name: outputs[f"{branch}_{name}"] for name in names}


def easg(case: cases.Case) -> Arrays:
    """A case of EASG-STTran."""
    entry = tensors(case.inputs)
    seen = entry["features_verb"].shape[-1]
    module = vidsgg_easg.EASG(**settings.easg(case), verb_features=seen, rate=0.0)
    produced = vidsgg_learned.loaded(case, module)
    outputs = module(entry)
    right = torch.from_numpy(settings.edges(case, case.args["edge_class_num"]))
    told, listed = outputs["edge_distribution"], vidsgg_learned.listed(right)
    values = {"edge_loss": F.multilabel_margin_loss(told, listed)}
    if module.training:
        values["obj_loss"] = F.cross_entropy(outputs["distribution"], entry["labels"])
        values["verb_loss"] = F.cross_entropy(outputs["distribution_verb"], entry["labels_verb"])
    return produced | vidsgg_learned.told(case, module, outputs, values, settings.easg_terms(case))


TARGETS: dict[str, Any] = {
    "BasicSceneGraphEvaluator": vidsgg_evaluated.evaluated,
    "EASG-STTran": easg,
    "Faster R-CNN ResNet-101": vidsgg_detector.detector,
    "STKET": stket,
    "STTran": sttran,
    "SceneLLM": vidsgg_scenellm.forward,
    "TEMPURA": vidsgg_tempura.forward,
    "OTCodebookUpdater": vidsgg_codebook.operations,
    "build_hierarchical_graph (models 6)": vidsgg_codebook.operations,
    "detector operations (models 8; assign_relations: data_eval 3)": vidsgg_operations.operations,
    "draw_union_boxes (models 2.2)": vidsgg_masks.union_masks,
    "get_pred_triplets and recall (data_eval 5.3)": vidsgg_triplets.graphs,
    (
        "uncertainty and memory computation, loss weights, contrastive losses (models 5.4, 5.5)"
    ): vidsgg_memory.computed,
}
LATER = {
    "tempura_predcls_train_seperate_early_automated": {
        name: "one channel of the first convolution over masks is 1e-4 off in torch where this was "
        "tried, why is not known; jaxsign meets the case"
        for name in ("grad/conv.2.weight", "output/grad_norms")
    },
}
