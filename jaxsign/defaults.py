"""What every recipe holds, with its defaults; a file in `configs/` starts from it."""

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from jaxsign import fields
from jaxsign.sections.data import Data
from jaxsign.sections.decode import Decode
from jaxsign.sections.detecting import Detect
from jaxsign.sections.inputs import Input
from jaxsign.sections.learning import Optim, ScheduleSection, Train
from jaxsign.sections.losses import Loss

_FSLR = fields.When("view.name", "fslr156")
_UPDATES = fields.Rule(
    lambda v: len(v) == 0 or (len(v) == 2 and 1 <= v[0] <= v[1]), "(first, last), from 1, or ()"
)
_SCENES = fields.When("task.name", "scene_graph", "action_graph")
_BOXES = fields.When("task.name", "scene_graph", "action_graph", "detections")
_PRECISIONS = fields.among("auto", "float32", "bfloat16_products", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class NetSection:
    """The net's name; its other keys are the fields of that net, which checks them."""

    name: str = fields.value("", None, "the net, a file of jaxsign/nets")


@dataclasses.dataclass(frozen=True)
class TaskSection:
    """The kind of learning."""

    name: str = fields.value(
        "classify",
        None,
        (
            "the kind of learning: classify (one label a head), masked (hidden frames of clips "
            "without labels), ctc_attention (sequences of glosses), scene_graph (relations in "
            "videos), action_graph (what a wearer does, and with which objects) or detections "
            "(boxes in images)"
        ),
    )
    heads: tuple[str, ...] = fields.value(
        ("gloss", "cat"), None, "what is learned of a clip: gloss, cat"
    )
    macro: bool = fields.value(
        False,
        None,
        "macro F1 (of the epoch, and the mean of its batches), precision and recall too; of each "
        "language of data.parts accuracy and F1",
        fields.When("task.name", "classify"),
    )
    monitor: str = fields.value(
        "gloss", None, "the number of a validation that chooses the best epoch"
    )
    objects: tuple[str, ...] = fields.value((), None, "classes of boxes; () = the data's", _BOXES)
    groups: tuple[tuple[Any, ...], ...] = fields.value(
        (),
        None,
        "predicates, rows (group, 'one' or 'several', reversed, (names)); () = the data's",
        _SCENES,
    )
    detector: str = fields.value(
        "", None, "digest of what made the scenes' features; empty = as the data tell", _SCENES
    )


@dataclasses.dataclass(frozen=True)
class ViewSection:
    """From clips to a net's input; the keys behind the name are options of that view."""

    name: str = fields.value(
        "fslr156",
        None,
        (
            "how clips become the net's input, a file of jaxsign/input/signs/views; "
            "empty = stored features"
        ),
    )
    confidence: float = fields.value(
        0.5, fields.SHARE, "visibility of a pose point that counts", _FSLR
    )
    max_gap: int = fields.value(
        5, fields.NOT_NEGATIVE, "longest gap that is interpolated, in frames", _FSLR
    )
    normalise: str | bool = fields.value("none", None, "none, or by the shoulders", _FSLR)
    hands: str = fields.value(
        "body",
        None,
        "body: as all points; local: fingers around the wrist in the hand's own size",
        _FSLR,
    )


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What is saved besides the ends of epochs."""

    every_steps: int = fields.value(
        0, fields.NOT_NEGATIVE, "save also within an epoch, each so many steps; 0 = never"
    )
    keep_every: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "keep the weights of every N-th epoch in checkpoints/kept; 0 = none",
    )
    also_best: tuple[str, ...] = fields.value(
        (),
        None,
        "numbers beside task.monitor: the weights of the best epoch by each are kept in "
        "checkpoints/best-NUMBER",
    )


@dataclasses.dataclass(frozen=True)
class Log:
    """What a run shows while it goes on."""

    every_steps: int = fields.value(
        20, fields.NOT_NEGATIVE, "steps from one line of TensorBoard to the next; 0 = none"
    )
    tensorboard: bool = fields.value(True, None, "whether TensorBoard's file is written")
    wandb: str = fields.value(
        "auto",
        fields.among("auto", "on", "off"),
        "whether Weights & Biases gets the run; auto: if the environment has WANDB_API_KEY",
    )
    progress: bool = fields.value(True, None, "whether bars are shown on a terminal")
    folder: str = fields.value(
        "",
        None,
        "the run folder where --workdir is left out; {data}, {net}, {mode} and {time} stand for "
        "the run's; empty = runs/NAME_COMMIT_YYMMDD_HHMMSS",
    )
    histograms: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "epochs from one to the next of TensorBoard's histograms: of the weights that train, and "
        "of the optimizer's running means of their gradients; 0 = none",
    )
    profile: tuple[int, ...] = fields.value(
        (),
        _UPDATES,
        "(first, last) of the run's updates, within an epoch, of which TensorBoard gets a trace "
        "and the console a table of the slowest operations; () = none",
    )


@dataclasses.dataclass(frozen=True)
class Smoke:
    """Sizes of `train --smoke-test`."""

    batch_size: int = fields.value(4, fields.COUNT, "clips of train --smoke-test")
    frames: int = fields.value(30, fields.COUNT, "frames of these")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Every key that recipes share."""

    system: str = fields.value("", None, "the system that the recipe belongs to")
    seed: int = fields.value(42, fields.between(0, 2**32 - 1), "of weights, order and augmentation")
    deterministic: bool = fields.value(
        False,
        None,
        ("outputs are the same to the byte: columns of time and memory are written as 0"),
    )
    precision: str = fields.value(
        "auto",
        _PRECISIONS,
        "of computing; auto: float32 on a CPU, else bfloat16; bfloat16_products: float32, but for "
        "the matrix products of training",
    )
    parallel: str = fields.value(
        "pmap",
        fields.among("pmap", "jit"),
        "how several devices share the work; jit: arrays sharded over a mesh",
    )
    devices: int = fields.value(0, fields.NOT_NEGATIVE, "so many devices; 0 = all of this machine")
    net: NetSection = fields.section(NetSection)
    task: TaskSection = fields.section(TaskSection)
    data: Data = fields.section(Data)
    view: ViewSection = fields.section(ViewSection)
    input: Input = fields.section(Input)
    optim: Optim = fields.section(Optim)
    schedule: ScheduleSection = fields.section(ScheduleSection)
    loss: Loss = fields.section(Loss)
    train: Train = fields.section(Train)
    stages: str = fields.value(
        "",
        None,
        ("names of the stages in config.stage, in order, comma-separated; empty = one stage"),
    )
    stage: dict[str, Any] = dataclasses.field(
        default_factory=dict, metadata={"text": "what each stage changes of the recipe"}
    )
    chain: str = fields.value(
        "",
        None,
        "names of the runs in config.link, in order, comma-separated: each starts from the one "
        "before; empty = one run",
    )
    link: dict[str, Any] = dataclasses.field(
        default_factory=dict, metadata={"text": "what each run of the chain changes of the recipe"}
    )
    decode: Decode = fields.section(Decode, fields.When("task.name", "ctc_attention"))
    detect: Detect = fields.section(Detect, fields.When("task.name", "detections"))
    checkpoint: Checkpoint = fields.section(Checkpoint)
    log: Log = fields.section(Log)
    smoke: Smoke = fields.section(Smoke)


# The keys of these depend on the net, the view, the stages and the runs of a chain.
FREE = ("net", "view", "stage", "link")


def base() -> ConfigDict:
    """The shared keys and their defaults."""
    return ConfigDict(dataclasses.asdict(Recipe()))


def problems(config: ConfigDict) -> list[str]:
    """The values of a recipe that are out of their range, a line each."""
    return fields.problems(Recipe, config)
