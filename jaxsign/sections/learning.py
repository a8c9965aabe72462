"""`optim`, `schedule`, `loss`, `train`: how a net learns, and for how long."""

import dataclasses
import math

from jaxsign import fields

_WEIGHTS = fields.Rule(
    lambda v: all(0 <= w < math.inf for w in v) and sum(v) > 0, "numbers of 0 or more, not all 0"
)
_SCHEDULES = fields.among(
    "constant", "cosine", "warmup_cosine", "warmup_cosine_updates", "restarts", "step", "plateau"
)
_FACTORS = fields.Rule(
    lambda v: all(isinstance(pattern, str) and 0 <= factor < math.inf for pattern, factor in v),
    "pairs (pattern, factor), factors of 0 or more",
)


@dataclasses.dataclass(frozen=True)
class Optim:
    """The optimizer of train/optimizer.py."""

    # adam: decay as L2.
    name: str = fields.value("adam", fields.among("adam", "adamw", "radam", "sgd"))
    lr: float = fields.value(1e-4, fields.NOT_NEGATIVE)
    weight_decay: float = fields.value(0.0, fields.NOT_NEGATIVE)
    grad_clip: float = fields.value(0.0, fields.NOT_NEGATIVE)  # global norm; 0 = off
    accumulation: int = fields.value(1, fields.COUNT)  # micro-batches a step
    b1: float = fields.value(0.9, fields.RATE)
    b2: float = fields.value(0.999, fields.RATE)
    eps: float = fields.value(1e-8, fields.POSITIVE)
    momentum: float = fields.value(0.9, fields.RATE)  # sgd
    # Regular expressions over parameter paths, each with a factor of the learning rate; the first
    # that matches holds.
    lr_factors: tuple[tuple[str, float], ...] = fields.value((), _FACTORS)


@dataclasses.dataclass(frozen=True)
class ScheduleSection:
    """The learning rate over a stage: train/schedule.py."""

    name: str = fields.value("constant", _SCHEDULES)
    # What the position counts.
    unit: str = fields.value("epoch", fields.among("epoch", "step"))
    # warmup_cosine, restarts: epochs (whatever the unit)
    warmup: int = fields.value(5, fields.NOT_NEGATIVE)
    # constant, cosine, step, plateau: epochs of warm-up before them.
    warmup_before: int = fields.value(0, fields.NOT_NEGATIVE)
    warmup_updates: int = fields.value(500, fields.NOT_NEGATIVE)  # warmup_cosine_updates
    min_lr: float = fields.value(1e-7, fields.NOT_NEGATIVE)  # warmup_cosine_updates: never below
    # First rate of the warm-up, as a share of lr.
    start_factor: float = fields.value(0.1, fields.SHARE)
    final_factor: float = fields.value(0.0, fields.SHARE)  # last rate, as a share of lr
    cycle: int = 10  # restarts: epochs of the first cycle
    cycle_factor: int = 2  # restarts: each cycle is this much longer
    step_size: int = fields.value(10, fields.POSITIVE)  # step: epochs between reductions
    factor: float = fields.value(0.5, fields.POSITIVE)  # step, plateau
    patience: int = fields.value(5, fields.NOT_NEGATIVE)  # plateau
    monitor: str = ""  # plateau: one of the task's numbers; empty = task.monitor
    legacy_start: bool = False  # warmup_cosine with warmup 0: never above start_factor * lr


@dataclasses.dataclass(frozen=True)
class Loss:
    """What is made small: the files of jaxsign/tasks."""

    name: str = fields.value("ce", fields.among("ce", "focal", "label_smoothing"))
    focal_gamma: float = fields.value(2.0, fields.NOT_NEGATIVE)
    focal_alpha: float = fields.value(1.0, fields.POSITIVE)
    label_smoothing: float = fields.value(0.1, fields.RATE)
    # Share of CTC beside the attention decoder's loss; 1 = CTC alone.
    alpha: float = fields.value(0.3, fields.SHARE)
    # Weight of a second CTC loss before the encoder (net.auxiliary_ctc).
    auxiliary: float = fields.value(0.0, fields.NOT_NEGATIVE)
    weights: tuple[float, ...] = fields.value((0.5, 0.5), _WEIGHTS)  # one a head (alpha, beta)
    weighting: str = "static"  # static | grid-search | uncertainty
    grid: str = "0.5,0.5;0.7,0.3;0.3,0.7;0.8,0.2;0.2,0.8"
    uncertainty_init: float = fields.value(1.0, fields.POSITIVE)
    curriculum: str = ""  # gloss-first | category-first | dynamic
    curriculum_epochs: int = fields.value(10, fields.COUNT)
    curriculum_warmup: int = fields.value(5, fields.NOT_NEGATIVE)
    curriculum_min_weight: float = fields.value(0.1, fields.SHARE)
    curriculum_schedule: str = "linear"  # linear | cosine | exponential


@dataclasses.dataclass(frozen=True)
class Train:
    """How long, which parameters, and from where."""

    epochs: int = 20  # in all, also after a resume
    # Validations without a better stop_monitor; 0 = never.
    early_stop: int = fields.value(0, fields.NOT_NEGATIVE)
    stop_monitor: str = ""  # one of the task's numbers; empty = task.monitor
    min_delta: float = fields.value(0.0, fields.NOT_NEGATIVE)  # it is better by more than this
    # Epochs from one validation to the next; a stage's last has one.
    eval_every: int = fields.value(1, fields.COUNT)
    min_epochs: int = fields.value(0, fields.NOT_NEGATIVE)  # early stopping waits for so many
    trainable: tuple[str, ...] = (".*",)  # regular expressions over parameter paths a/b/c
    frozen: tuple[str, ...] = ()  # taken away from `trainable`
    ema_decay: float = fields.value(0.0, fields.RATE)  # 0 = no moving average
    init_from: str = ""  # run folder whose best weights to start from
    # Regular expressions over parameter paths: those start fresh all the same.
    init_skip: tuple[str, ...] = ()
    # Weights of another model that the net knows how to start from: a local file.
    pretrained: str = ""
    # Parts that file does not hold add nothing at first.
    pretrained_zero_branches: bool = True
    # For nets with a backbone that start from images: a torchvision file, or "random".
    backbone_weights: str = ""
