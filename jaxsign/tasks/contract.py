"""The contract of a task: the object between a net and the loop, and what passes between them."""

import abc
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input.examples import Examples, Facts, Survey
from jaxsign.tasks import answering, baselines, measures

Array = jax.Array


class Learnt(NamedTuple):
    """What a micro-batch tells in training.

    Attributes:
      loss: float32 scalar.
      sums: over the real rows (`examples` among them; scalars or arrays), which add up over
        devices, micro-batches and steps.
      changed: collections as they are afterwards; those that stay may be left out.
    """

    loss: Array
    sums: dict[str, Array]
    changed: nets.Variables


class Evaluated(NamedTuple):
    """What a batch tells in validation.

    Attributes:
      sums: over the real rows, as of `Learnt`.
      rows: arrays [B, ...] that `count` takes on the host; none by default.
    """

    sums: dict[str, Array]
    rows: Mapping[str, Array] = {}


class Task(answering.Answering):
    """How a net learns one kind of thing, and how that is measured and shown.

    Batches are dicts of arrays [B, ...]. `weight` float32 [B] is 0 in rows that only fill the
    batch, `index` int32 [B] is the row's example, -1 in those. How what was learned answers is the
    part that `Answering` writes down.

    Attributes:
      net: that learns.
    """

    net: nets.Net

    own_params: ClassVar[tuple[str, ...]] = ()
    """Patterns of parameters that the task trains beside its net's: a run of another task that
    starts from one of this goes without them."""

    # From a recipe.

    @classmethod
    @abc.abstractmethod
    def open(cls, config: ConfigDict, split: str, *, training: bool = False) -> Examples:
        """The recipe's examples of a split: 'train', 'val' or 'test'; all of them checked.

        Args:
          config: the recipe.
          split: which of its data.
          training: they are cut and changed at random as it asks, to learn from.

        Raises:
          UserError: everything that is wrong with the files and labels, at once.
        """

    @classmethod
    def looks_with(cls, config: ConfigDict) -> str:
        """Folder of another run, whose net makes what this one learns from; default '': none."""
        return ""

    @classmethod
    def open_with(
        cls,
        other: answering.Trained,
        config: ConfigDict,
        split: str,
        *,
        training: bool = False,
        trial: bool = False,
    ) -> Examples:
        """As `open`, where `looks_with` names the run `other`; default: no task needs one.

        With `trial` a few examples do, which show whether the recipe fits.
        """
        raise UserError(f"task.name={config.task.name!r} takes examples as they are stored")

    @classmethod
    @abc.abstractmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "Task":
        """The task of `config.task` and `config.loss` around `net`.

        Raises:
          UserError: settings that cannot be trained with.
        """

    @classmethod
    @abc.abstractmethod
    def numbers(cls, config: ConfigDict) -> Mapping[str, measures.Number]:
        """What a recipe may call a monitored number (`task.monitor` and others) -> the number."""

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        """What in a recipe the task cannot work with, a sentence each; default: nothing."""
        return []

    @classmethod
    def next_command(cls, workdir: str | Path) -> str:
        """What a person does next with a run that is trained; default: evaluate it."""
        return f"jaxsign evaluate --workdir {workdir}"

    # What simple methods reach.

    @classmethod
    def baseliner(cls) -> baselines.Baseliner:
        """What tells how far simple methods get on examples of this task; default: refused.

        Raises:
          UserError: there are no simple methods for it.
        """
        raise UserError(
            "baselines are for recipes that learn one sign a clip (task.name='classify'): evaluate "
            "runs of sentences or scenes by their own numbers alone"
        )

    # Without data, for a smoke test.

    @classmethod
    def assumed(cls, config: ConfigDict) -> Facts:
        """Numbers in place of the examples' facts: section -> key -> value; default: none."""
        return {}

    @classmethod
    def check_start(cls, config: ConfigDict) -> None:
        """Reads files that `informed` will read, before anything compiles; default: there are none.

        Raises:
          UserError: a file that does not fit a recipe with what the examples tell.
        """

    def imagined(self, config: ConfigDict, rng: Array) -> dict[str, Array]:
        """Random inputs of the net [B, ...], as `config.smoke` asks; default: refused."""
        raise UserError(
            f"task.name={config.task.name!r} has no smoke test: train on a few examples"
        )

    def imagined_for(self, part: nets.Part, config: ConfigDict, rng: Array) -> dict[str, Array]:
        """The same for inputs that need an optional part of the net, few and small.

        Default: refused, as a net without such parts is never asked.
        """
        raise UserError(f"task.name={config.task.name!r} has no inputs for {part.name}")

    # On the devices, traced.

    def init(self, rng: Array, batch: Mapping[str, Array | np.ndarray]) -> nets.Variables:
        """Fresh variables for batches like `batch` [B, ...] (one row of it is looked at).

        Default: the net's.
        """
        return nets.init(self.net, rng, batch)

    def informed(
        self, variables: nets.Variables, config: ConfigDict, examples: Examples
    ) -> tuple[nets.Variables, list[str]]:
        """Fresh variables with what training examples tell beforehand; default: as they are.

        Returns:
          Them, and what there is to say of it, a line each.

        Raises:
          UserError: a file that does not fit the examples.
        """
        return variables, []

    def shares(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Things beside rows that the loss is a mean over: name -> [B], how many a row has.

        `loss` then finds the part of a row's things in their mean under that name, as it finds the
        row's own under `share`. Default: none.
        """
        return {}

    @abc.abstractmethod
    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> Learnt:
        """Training loss of one micro-batch.

        Args:
          variables: the net's; the gradient is taken of `params`.
          batch: with `share` float32 [B], a row's part in the mean over rows, and one like it for
            every name of `shares`.
          rng: for dropout.
          now: `Rates.now`; `epoch` float32 and `step` int32 done so far.

        """

    @abc.abstractmethod
    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> Evaluated:
        """Of a batch without learning.

        Args:
          now: `Rates.now`.
        """

    def look(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Arrays [B, ...] that `survey` or `renew` needs of a batch; default: none."""
        return {}

    # On the host.

    def count(self, rows: Mapping[str, np.ndarray]) -> measures.Sums:
        """Sums that are counted on the host, from the `rows` of `evaluate`; default: none."""
        return {}

    @abc.abstractmethod
    def summarise(self, sums: measures.Sums) -> measures.Means:
        """Sums of a step, an epoch or a validation -> means: `loss` and others.

        NaN where there is nothing to average: an epoch whose float16 steps all overflowed.
        """

    def means(self, sums: measures.Sums) -> measures.Means:
        """What `summarise` gives; `penalty`, a sum of training, is part of the loss."""
        found = self.summarise(sums)
        if "penalty" not in sums:
            return found
        penalty = float(sums["penalty"]) / (float(sums["examples"]) or math.nan)
        return {**found, "loss": found["loss"] + penalty}

    def rates(self, config: ConfigDict, epoch: int) -> measures.Rates:
        """What holds in `epoch` (from 0) of the stage of `config`; default: nothing changes."""
        return measures.Rates()

    def survey(self, rows: Iterable[Mapping[str, np.ndarray]], examples: int) -> Survey:
        """What the input needs to know of the net, at an epoch's start; kept in checkpoints.

        Taken only where the input asks for it (`jaxsign.train.setup.Session.survey_batches`).

        Args:
          rows: of every batch of training examples, what `look` gave, and their `index`.
          examples: how many there are.

        Returns:
          Plain values, as JSON has them; default: None.
        """
        return None

    @property
    def renews(self) -> bool:
        """Whether `renew` is called at every epoch's end; default: no."""
        return False

    def renew(
        self, variables: nets.Variables, rows: Iterable[Mapping[str, np.ndarray]]
    ) -> nets.Variables | None:
        """The net's variables behind an epoch, where more than steps changes them: a memory.

        The epoch is validated with these, and they are in its checkpoint.

        Args:
          variables: as the epoch's steps left them (parameters without their moving average).
          rows: of every batch of training examples, in order and unchanged, what `look` gave, and
            their `index`, -1 in rows that only fill the batch.

        Returns:
          All variables, of the same shapes; default: None, they stay.
        """
        return None

    # Shown.

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[measures.Column, ...]:
        """Columns of metrics.csv beside the losses, in order."""

    @property
    @abc.abstractmethod
    def panel(self) -> measures.Panel:
        """The picture between those of the losses and of the learning rate."""

    @abc.abstractmethod
    def line(self, val: measures.Means) -> str:
        """How good a validation's answers are, for the console's line of an epoch."""

    def train_line(self, train: measures.Means) -> str:
        """The same of an epoch's training, behind its loss; default: nothing."""
        return ""

    def step_tags(self, means: measures.Means) -> dict[str, float]:
        """A step's further scalars for TensorBoard; default: none."""
        return {}

    def epoch_tags(self, val: measures.Means) -> dict[str, float]:
        """A validation's scalars under further names than `val/NAME`; default: none."""
        return {}
