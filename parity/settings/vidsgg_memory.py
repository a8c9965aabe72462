"""The settings of TEMPURA's memories, and the videos that they are made of."""

import numpy as np

from parity import cases
from parity.settings import vidsgg

Arrays = dict[str, np.ndarray]
Video = dict[str, tuple[np.ndarray, np.ndarray]]  # group -> features and classes
KINDS = {"al": "aleatoric", "ep": "epistemic"}


def videos(case: cases.Case) -> list[Video]:
    """The videos of a case whose settings are the known ones."""
    call = case.call
    call.one_of("mode", "sgcls")
    call.one_of("background_mem", False)
    call.one_of("info_nce_temperature", 0.1)
    margins = call.section("euc_con")
    margins.one_of("pos_margin", 0)
    margins.one_of("neg_margin", 1)
    for told in ("pytorch_metric_learning", "obj_feature_dim", "rel_feature_dim"):
        call.whole(told)
    counts = call.section("rel_classes")
    for group, count in zip(vidsgg.GROUPS, vidsgg.PREDICATES, strict=True):
        counts.one_of(group, count)
    count = len({name.partition("/")[0] for name in case.inputs if "/" in name})
    return [_video(case, str(i), call["num_object_classes"]) for i in range(count)]


def has_memory(variant: str, group: str) -> bool:
    """The original fails with a weighted memory of objects."""
    return group != "object" or variant.startswith("simple")


def kind_of(variant: str) -> str:
    """'KIND_relunc0' counts all examples alike, 'KIND_relunc1' by their uncertainty."""
    kind, _, uncertain = variant.partition("_relunc")
    return kind if int(uncertain) else "simple"


def _video(case: cases.Case, name: str, classes: int) -> Video:
    """Group -> features [n, D] and classes bool [n, C], those of objects without background."""
    inputs = {k.removeprefix(f"{name}/"): v for k, v in case.inputs.items()}
    found = {
        group: (
            inputs["rel_features"],
            (inputs[f"{group}_gt"][..., None] == np.arange(count)).any(1),
        )
        for group, count in zip(vidsgg.GROUPS, vidsgg.PREDICATES, strict=True)
    }
    truth = inputs["labels"][:, None] == np.arange(1, classes)
    return {**found, "object": (inputs["object_features"], truth)}


def unsure(case: cases.Case, video: int, group: str) -> Arrays:
    """How uncertain a net is of a video's pairs or boxes [n, C], by the names of `KINDS`."""
    short = "obj" if group == "object" else group
    return {name: case.inputs[f"{video}/{short}_{k}_uc"] for k, name in KINDS.items()}
