"""`optim`, `schedule`, `loss`, `train`: how a net learns, and for how long."""

import dataclasses
import math

from jaxsign import fields

_WEIGHTS = fields.Rule(
    lambda v: all(0 <= w < math.inf for w in v) and sum(v) > 0, "numbers of 0 or more, not all 0"
)
_SCHEDULES = fields.among(
    "constant", "cosine", "warmup_cosine", "warmup_cosine_updates", "restarts", "waves", "step",
    "multi_step", "plateau",
)  # fmt: skip
_MILESTONES = fields.Rule(
    lambda v: all(isinstance(epoch, int) and epoch >= 1 for epoch in v), "epochs of 1 or more"
)
_FACTORS = fields.Rule(
    lambda v: all(isinstance(pattern, str) and 0 <= factor < math.inf for pattern, factor in v),
    "pairs (pattern, factor), factors of 0 or more",
)
_PENALTIES = fields.Rule(
    lambda v: all(
        isinstance(pattern, str) and kind in ("l1", "l2norm", "spectral") and 0 <= weight < math.inf
        for pattern, kind, weight in v
    ),
    "rows (pattern, 'l1', 'l2norm' or 'spectral', weight), weights of 0 or more",
)
_ADAMS = fields.When("optim.name", "adam", "adamw", "radam")
_CLASSES = fields.When("task.name", "classify")
_BALANCED = fields.When("loss.class_weights", "balanced")
_SEQUENCES = fields.When("task.name", "ctc_attention")
_CURRICULUM = fields.When("loss.curriculum", "gloss-first", "category-first", "dynamic")
_SCENES = fields.When("net.name", "sttran", "stket", "tempura", "scene_llm")
_RELATIONS = fields.When("task.name", "scene_graph")
_UNSURE = fields.among("none", "al", "ep")
_PRETRAINED = fields.When("net.name", "whisper_sign", "scene_llm", "faster_rcnn")


def _of(*names: str) -> fields.When:
    return fields.When("schedule.name", *names)


_COLD = _of("constant", "cosine", "waves", "step", "multi_step", "plateau")


def _loss(key: str, name: str) -> fields.When:
    return fields.When(f"loss.{key}", name)


@dataclasses.dataclass(frozen=True)
class Optim:
    """The optimizer of train/optimizer.py."""

    name: str = fields.value(
        "adam",
        fields.among("adam", "adamw", "radam", "sgd"),
        "the optimizer; adam: decay as L2 in the gradient, as in torch",
    )
    lr: float = fields.value(
        1e-4, fields.NOT_NEGATIVE, "learning rate, the highest of the schedule"
    )
    weight_decay: float = fields.value(0.0, fields.NOT_NEGATIVE, "strength of the decay")
    grad_clip: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "greatest norm of the gradient, see clip_by; 0 = any"
    )
    clip_by: str = fields.value(
        "norm",
        fields.among("norm", "value"),
        "what grad_clip bounds: the norm of the gradient, or each of its numbers",
    )
    accumulation: int = fields.value(1, fields.COUNT, "micro-batches that make a step")
    b1: float = fields.value(0.9, fields.RATE, "decay of the mean of gradients", _ADAMS)
    b2: float = fields.value(0.999, fields.RATE, "decay of the mean of their squares", _ADAMS)
    eps: float = fields.value(1e-8, fields.POSITIVE, "added to the root of these", _ADAMS)
    eps_corrected: bool = fields.value(
        True,
        None,
        "eps is added to the root behind the bias correction; else before it",
        fields.When("optim.name", "adam", "adamw"),
    )
    momentum: float = fields.value(
        0.9, fields.RATE, "of the gradients", fields.When("optim.name", "sgd")
    )
    lr_factors: tuple[tuple[str, float], ...] = fields.value(
        (),
        _FACTORS,
        (
            "regular expressions over parameter paths, each with a factor of the "
            "learning rate; the first that matches holds"
        ),
    )


@dataclasses.dataclass(frozen=True)
class ScheduleSection:
    """The learning rate over a stage: train/schedule.py."""

    name: str = fields.value("constant", _SCHEDULES, "how the learning rate goes over a stage")
    unit: str = fields.value(
        "epoch", fields.among("epoch", "step"), "what the position in it counts"
    )
    warmup: int = fields.value(
        5,
        fields.NOT_NEGATIVE,
        "epochs of warm-up, whatever the unit",
        _of("warmup_cosine", "restarts"),
    )
    warmup_before: int = fields.value(0, fields.NOT_NEGATIVE, "epochs of warm-up before it", _COLD)
    warmup_updates: int = fields.value(
        500, fields.NOT_NEGATIVE, "steps of warm-up", _of("warmup_cosine_updates")
    )
    warmup_updates_before: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "steps of warm-up before it, in place of epochs: the rate then goes by step, whatever the "
        "unit; cosine goes over what is left, all others count from the stage's start",
        _COLD,
    )
    min_lr: float = fields.value(
        0.0,
        fields.NOT_NEGATIVE,
        "the rate is never below, but in a warm-up; cosines end there",
        _of(*(name for name in _SCHEDULES.words if name != "constant")),
    )
    start_factor: float = fields.value(
        0.1, fields.SHARE, "first rate of a warm-up, as a share of lr"
    )
    final_factor: float = fields.value(
        0.0,
        fields.SHARE,
        "last rate, as a share of lr; lowest of waves",
        _of("cosine", "warmup_cosine", "restarts", "waves"),
    )
    cycle: int = fields.value(
        10,
        None,
        "epochs of the first cycle; of waves those of a fall, and of a rise",
        _of("restarts", "waves"),
    )
    cycle_factor: int = fields.value(
        2, None, "each cycle is so many times as long as the one before", _of("restarts")
    )
    step_size: float = fields.value(
        10.0,
        fields.POSITIVE,
        "epochs between reductions; below 1: a share of the stage's epochs, in whole ones",
        _of("step"),
    )
    milestones: tuple[int, ...] = fields.value(
        (),
        _MILESTONES,
        "epochs after which the rate is reduced; one that stands twice counts twice",
        _of("multi_step"),
    )
    factor: float = fields.value(
        0.5, fields.POSITIVE, "of a reduction", _of("step", "multi_step", "plateau")
    )
    patience: int = fields.value(
        5, fields.NOT_NEGATIVE, "epochs without a better number before a reduction", _of("plateau")
    )
    threshold: float = fields.value(
        1e-4,
        fields.NOT_NEGATIVE,
        "a number is better if it is so by more than this",
        _of("plateau"),
    )
    threshold_mode: str = fields.value(
        "relative",
        fields.among("relative", "absolute"),
        "whether threshold is a share of the best number, or as it is",
        _of("plateau"),
    )
    monitor: str = fields.value(
        "",
        None,
        "the number that is watched, one of the task's; empty = task.monitor",
        _of("plateau"),
    )
    legacy_start: bool = fields.value(
        False, None, "with warmup 0 the rate is never above start_factor * lr", _of("warmup_cosine")
    )


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


@dataclasses.dataclass(frozen=True)
class Train:
    """How long, which parameters, and from where."""

    epochs: int = fields.value(20, None, "in all, also after a resume")
    early_stop: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "end after so many validations without a better stop_monitor, at once after one that is "
        "not finite, but not before min_epochs; 0 = never",
    )
    stop_monitor: str = fields.value("", None, "one of the task's numbers; empty = task.monitor")
    min_delta: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "a number is better if it is so by more than this"
    )
    eval_every: int = fields.value(
        1, fields.COUNT, "epochs from one validation to the next; a stage's last has one"
    )
    min_epochs: int = fields.value(
        0, fields.NOT_NEGATIVE, "early stopping waits for so many epochs"
    )
    max_updates: int = fields.value(
        0, fields.NOT_NEGATIVE, "end after so many optimizer steps of all stages; 0 = any"
    )
    sanity: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "validation batches to try before the first epoch; they count nowhere",
    )
    limit_train: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "batches of an epoch, below 1: their share; 0 = all"
    )
    limit_val: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "batches of a validation, below 1: their share; 0 = all"
    )
    overfit: float = fields.value(
        0.0,
        fields.NOT_NEGATIVE,
        "the same so many batches in every epoch, below 1: their share, and as many of a "
        "validation; 0 = off",
    )
    trainable: tuple[str, ...] = fields.value(
        (".*",), None, "regular expressions over parameter paths a/b/c: what is trained"
    )
    frozen: tuple[str, ...] = fields.value((), None, "the same: what is taken away from that")
    freeze_parts: str = fields.value(
        "", None, "frozen too: modules by the names that the torch original gives them, a.0, b"
    )
    frozen_statistics: str = fields.value(
        "still",
        fields.among("still", "move"),
        "whether frozen batch norms use and keep their running statistics, or go on moving them; "
        "those of a backbone that does not train always stand still",
    )
    ema_decay: float = fields.value(
        0.0,
        fields.RATE,
        ("of a moving average of the weights; 0 = none"),
    )
    bias_init: bool = fields.value(
        False,
        None,
        "fresh classifiers start with the logarithm of each class's share of the training "
        "examples as bias; a class without any counts as one example",
        _CLASSES,
    )
    init_from: str = fields.value("", None, "run folder whose best weights to start from")
    init_match: str = fields.value(
        "strict",
        fields.among("strict", "matching"),
        "what init_from must fit: strict: all, but for classes and languages; matching: what is "
        "of the same path and shape is taken, the rest starts fresh and is listed",
    )
    init_skip: tuple[str, ...] = fields.value(
        (), None, ("regular expressions over parameter paths: these start fresh all the same")
    )
    keep_head: bool = fields.value(
        True, None, "whether init_from gives the classifiers too, where they fit"
    )
    pretrained: str = fields.value(
        "",
        None,
        "file or folder with weights of another model that the net can start from; 'random' where "
        "it could not do without and shall",
        _PRETRAINED,
    )
    pretrained_zero_branches: bool = fields.value(
        True, None, "parts that this file does not hold add nothing at first", _PRETRAINED
    )
    words: str = fields.value(
        "",
        None,
        "text file of word vectors, such as glove.6B.200d.txt, that classes of objects start from "
        "by their names; empty = vectors made of the names' letters",
        _SCENES,
    )
    priors: str = fields.value(
        "",
        None,
        "file of what is known of classes of objects beforehand, as jaxsign priors writes it; "
        "empty = counted in the training scenes",
        fields.When("net.name", "stket"),
    )
    backbone_weights: str = fields.value(
        "",
        None,
        "a torchvision file for the backbone that starts from images, or random",
        fields.When("net.name", "iv3_gru"),
    )
