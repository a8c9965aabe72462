"""What a task says about its numbers: which there are, and where and how they are shown."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np

# Over the rows of a step, an epoch or a validation: name -> sum, or an array of one a class, say.
Sums: TypeAlias = Mapping[str, float | np.ndarray]
Means: TypeAlias = Mapping[str, float]  # of these
Cell: TypeAlias = str | int | float  # of a table, such as metrics.csv
Row: TypeAlias = Mapping[str, Cell]


def number_in(row: Row, name: str) -> float:
    """What a cell holds; NaN where it is empty or there is none."""
    cell = row.get(name, "")
    return math.nan if cell == "" else float(cell)


Side = Literal["train", "val"]
SIDES: tuple[Side, Side] = ("train", "val")


@dataclasses.dataclass(frozen=True)
class Number:
    """A number of a validation that can choose the best epoch, stop a stage or steer its rate.

    Attributes:
      key: its name among the means.
      words: how people call it.
      better: whether it is better when it is higher ('max') or lower ('min').
      percent: read as a percentage, not as a fraction.
      counted: a share of the examples, so that few of them leave much to chance.
    """

    key: str
    words: str
    better: Literal["max", "min"]
    percent: bool = False
    counted: bool = False

    def score(self, means: Means) -> float:
        """The number with its sign such that higher is better; NaN if `means` lacks it."""
        return self.value(float(means.get(self.key, float("nan"))))

    def value(self, score: float) -> float:
        """The number of a score, and the score of a number."""
        return score if self.better == "max" else -score

    def shown(self, value: float) -> str:
        """The number as people read it."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.4f}"


@dataclasses.dataclass(frozen=True)
class Monitors:
    """Numbers that are watched: what chooses the best epoch, stops a stage, steers its rate.

    Attributes:
      also_best: name -> what chooses an epoch whose weights are kept, too.
    """

    best: Number
    stop: Number
    steer: Number
    also_best: Mapping[str, Number] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of metrics.csv: the mean `key` of training or of validation.

    Attributes:
      last: stands at the row's end, not behind `val_loss`.
    """

    name: str
    side: Side
    key: str
    last: bool = False


@dataclasses.dataclass(frozen=True)
class Panel:
    """A picture of history.png over the epochs: columns of metrics.csv and what they are called.

    The best epoch of the first curve is marked.

    Attributes:
      curves: column -> label.
      better: which values of the first curve are better.
      percent: the axis counts in percent.
    """

    title: str
    curves: Mapping[str, str]
    better: Literal["max", "min"] = "max"
    percent: bool = False


@dataclasses.dataclass(frozen=True)
class Rates:
    """What changes from epoch to epoch beside the learning rate.

    Attributes:
      now: arrays that `Task.loss` and `Task.evaluate` get.
      columns: of metrics.csv.
    """

    now: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    columns: Row = dataclasses.field(default_factory=dict)
