"""What every recipe holds, with its defaults; a file in `configs/` starts from it."""

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from jaxsign import fields
from jaxsign.sections.data import Data
from jaxsign.sections.decode import Decode
from jaxsign.sections.inputs import Input
from jaxsign.sections.learning import Loss, Optim, ScheduleSection, Train

_PRECISIONS = fields.among("auto", "float32", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class NetSection:
    """The net's name; its other keys are the fields of that net, which checks them."""

    name: str = ""


@dataclasses.dataclass(frozen=True)
class TaskSection:
    """The kind of learning."""

    name: str = "classify"
    heads: tuple[str, ...] = ("gloss", "cat")
    monitor: str = "gloss"


@dataclasses.dataclass(frozen=True)
class ViewSection:
    """From clips to a net's input; the keys behind the name are options of that view."""

    name: str = "fslr156"
    confidence: float = 0.5
    max_gap: int = 5
    normalise: str = "none"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What is saved besides every epoch's end."""

    every_steps: int = fields.value(0, fields.NOT_NEGATIVE)
    # Epochs whose weights stay, in checkpoints/kept; 0 = none.
    keep_every: int = fields.value(0, fields.NOT_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class Log:
    """What a run shows while it goes on."""

    every_steps: int = fields.value(20, fields.NOT_NEGATIVE)
    tensorboard: bool = True
    progress: bool = True


@dataclasses.dataclass(frozen=True)
class Smoke:
    """Sizes of `train --smoke-test`."""

    batch_size: int = fields.value(4, fields.COUNT)
    frames: int = fields.value(30, fields.COUNT)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Every key that recipes share."""

    system: str = ""
    seed: int = fields.value(42, fields.between(0, 2**32 - 1))
    # Reproducible outputs to the byte: wall-clock and memory columns are written as 0.
    deterministic: bool = False
    # auto: float32 on a CPU, else bfloat16.
    precision: str = fields.value("auto", _PRECISIONS)
    # On several devices; jit: sharded over a mesh.
    parallel: str = fields.value("pmap", fields.among("pmap", "jit"))
    devices: int = fields.value(0, fields.NOT_NEGATIVE)  # 0 = all local devices
    net: NetSection = fields.section(NetSection)
    task: TaskSection = fields.section(TaskSection)
    data: Data = fields.section(Data)
    view: ViewSection = fields.section(ViewSection)
    input: Input = fields.section(Input)
    optim: Optim = fields.section(Optim)
    schedule: ScheduleSection = fields.section(ScheduleSection)
    loss: Loss = fields.section(Loss)
    train: Train = fields.section(Train)
    stages: str = ""  # names in config.stage, in order, comma-separated; empty = one stage
    stage: dict[str, Any] = dataclasses.field(default_factory=dict)
    decode: Decode = fields.section(Decode)
    checkpoint: Checkpoint = fields.section(Checkpoint)
    log: Log = fields.section(Log)
    smoke: Smoke = fields.section(Smoke)


# The keys of these depend on the net, the view and the stages.
FREE = ("net", "view", "stage")


def base() -> ConfigDict:
    """The shared keys and their defaults."""
    return ConfigDict(dataclasses.asdict(Recipe()))


def problems(config: ConfigDict) -> list[str]:
    """The values of a recipe that are out of their range, a line each."""
    return fields.problems(Recipe, config)
