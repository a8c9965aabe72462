"""`loss`: what a net is to make small."""

import dataclasses
import math

from jaxsign import fields

_WEIGHTS = fields.Rule(
    lambda v: all(0 <= w < math.inf for w in v) and sum(v) > 0, "numbers of 0 or more, not all 0"
)
_PENALTIES = fields.Rule(
    lambda v: all(
        isinstance(pattern, str) and kind in ("l1", "l2norm", "spectral") and 0 <= weight < math.inf
        for pattern, kind, weight in v
    ),
    "rows (pattern, 'l1', 'l2norm' or 'spectral', weight), weights of 0 or more",
)
_CLASSES = fields.When("task.name", "classify")
_MASKED = fields.When("task.name", "masked")
_BALANCED = fields.When("loss.class_weights", "balanced")
_SEQUENCES = fields.When("task.name", "ctc_attention")
_CURRICULUM = fields.When("loss.curriculum", "gloss-first", "category-first", "dynamic")
_RELATIONS = fields.When("task.name", "scene_graph")
_UNSURE = fields.among("none", "al", "ep")


def _loss(key: str, name: str) -> fields.When:
    return fields.When(f"loss.{key}", name)


@dataclasses.dataclass(frozen=True)
class Loss:
    """What is made small: the files of jaxsign/tasks."""

    name: str = fields.value(
        "ce", fields.among("ce", "focal", "label_smoothing"), "the loss of a clip", _CLASSES
    )
    focal_gamma: float = fields.value(
        2.0,
        fields.NOT_NEGATIVE,
        "how much less clips count that are right already",
        _loss("name", "focal"),
    )
    focal_alpha: float = fields.value(
        1.0, fields.POSITIVE, "factor of the loss", _loss("name", "focal")
    )
    label_smoothing: float = fields.value(
        0.1,
        fields.RATE,
        "share of the truth that all classes share",
        _loss("name", "label_smoothing"),
    )
    class_weights: str = fields.value(
        "",
        fields.among("", "balanced"),
        (
            "balanced: training clips count n / (K * n_c), n_c of n being of their class, one of K "
            "that occur; empty = all alike"
        ),
        _CLASSES,
    )
    class_counts: tuple[tuple[int, ...], ...] = fields.value(
        (), None, "training clips of every class, a row a head; () = counted", _BALANCED
    )
    alpha: float = fields.value(
        0.3,
        fields.SHARE,
        "share of CTC beside the attention decoder's loss; 1 = CTC alone",
        _SEQUENCES,
    )
    auxiliary: float = fields.value(
        0.0,
        fields.NOT_NEGATIVE,
        ("weight of a second CTC loss before the encoder (needs net.auxiliary_ctc)"),
        _SEQUENCES,
    )
    masked_share: float = fields.value(
        0.5, fields.between(0.01, 0.99), "share of a clip's frames that are hidden", _MASKED
    )
    masked_frames: int = fields.value(
        4, fields.COUNT, "frames that are hidden one behind the other", _MASKED
    )
    of_several: str = fields.value(
        "margin",
        fields.among("margin", "bce"),
        "the loss of a group of predicates of which several may hold: margin, of their "
        "probabilities as STTran has it, or bce",
        fields.When("task.name", "scene_graph", "action_graph"),
    )
    relation_factor: float = fields.value(
        1.0, fields.NOT_NEGATIVE, "factor of the losses of relations", _RELATIONS
    )
    object_factor: float = fields.value(
        1.0, fields.NOT_NEGATIVE, "factor of the loss of boxes' classes", _RELATIONS
    )
    relation_weighting: str = fields.value(
        "none",
        _UNSURE,
        "pairs count more the more uncertain the net is of them: al (noise) or ep (ignorance)",
        _RELATIONS,
    )
    object_weighting: str = fields.value("none", _UNSURE, "the same of boxes", _RELATIONS)
    background: float = fields.value(
        1.0, fields.NOT_NEGATIVE, "how much boxes count that are of no class", _RELATIONS
    )
    contrastive: str = fields.value(
        "none",
        fields.among("none", "euc_con", "info_nce"),
        "what draws the features of boxes of a class together: euc_con, their distances, or "
        "info_nce, the share of the class by how alike they are",
        _RELATIONS,
    )
    contrastive_weight: float = fields.value(
        1.0,
        fields.NOT_NEGATIVE,
        "factor of that loss",
        fields.When("loss.contrastive", "euc_con", "info_nce"),
    )
    gmm_regularization: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "factor of the mean variance of a net's mixtures", _RELATIONS
    )
    weights: tuple[float, ...] = fields.value((0.5, 0.5), _WEIGHTS, "one a head", _CLASSES)
    weighting: str = fields.value(
        "static",
        None,
        "how the heads' weights are found: static, grid-search or uncertainty",
        _CLASSES,
    )
    grid: str = fields.value(
        "0.5,0.5;0.7,0.3;0.3,0.7;0.8,0.2;0.2,0.8",
        None,
        "pairs of weights that are tried one after the other",
        _loss("weighting", "grid-search"),
    )
    uncertainty_init: float = fields.value(
        1.0, fields.POSITIVE, "start value of learned weights", _loss("weighting", "uncertainty")
    )
    penalties: tuple[tuple[str, str, float], ...] = fields.value(
        (),
        _PENALTIES,
        "rows (regular expression over parameter paths, kind, weight), added in training: l1, "
        "weight times the magnitudes; l2norm, times the norm of each array; spectral, times the "
        "largest singular value of each matrix",
    )
    curriculum: str = fields.value(
        "",
        None,
        ("which head comes first: gloss-first, category-first or dynamic; empty = none"),
        _CLASSES,
    )
    curriculum_epochs: int = fields.value(
        10, fields.COUNT, "over which the weights change", _CURRICULUM
    )
    curriculum_warmup: int = fields.value(5, fields.NOT_NEGATIVE, "epochs before that", _CURRICULUM)
    curriculum_min_weight: float = fields.value(
        0.1, fields.SHARE, "the least weight of a head", _CURRICULUM
    )
    curriculum_schedule: str = fields.value(
        "linear", None, "how they change: linear, cosine or exponential", _CURRICULUM
    )
