"""`optim`, `schedule`, `train`: how a net learns, and for how long."""

import dataclasses
import math

from jaxsign import fields

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
_ADAMS = fields.When("optim.name", "adam", "adamw", "radam")
_CLASSES = fields.When("task.name", "classify")
_SCENES = fields.When("net.name", "sttran", "stket", "tempura", "scene_llm")
_PRETRAINED = fields.When("net.name", "whisper_sign", "scene_llm", "faster_rcnn")


def _of(*names: str) -> fields.When:
    return fields.When("schedule.name", *names)


_COLD = _of("constant", "cosine", "waves", "step", "multi_step", "plateau")


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
    full_epoch: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "examples of a full epoch: where there are fewer, epochs, min_epochs and eval_every become "
        "more in proportion; 0 = any number is",
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
    init_from: str = fields.value(
        "", None, "run folder, or model:NAME, whose best weights to start from"
    )
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
