"""What a trained net answers, how that is told and how it is scored: types that all tasks share."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, TypeVar

import jax
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input.examples import Batch, Examples
from jaxsign.tasks import baselines, following, manifests, measures

# How answers are found, by the names that a command line gives settings; None, False = not asked.
Setting: TypeAlias = str | int | float | bool | Path | tuple["Setting", ...] | None
Asked: TypeAlias = Mapping[str, Setting]
Names = dict[str, tuple[str, ...] | None]
Outputs = following.Outputs
# What is told -> names, the best first, and how probable each is, 0 to 1.
Choices = Mapping[str, Sequence[tuple[str, float]]]


class CheckpointInfo(TypedDict, total=False):
    """What a checkpoint says of itself.

    Attributes:
      epoch: that it was made after.
      metric: what chose it, of that epoch; None where there was no validation.
    """

    epoch: int
    metric: float | None


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained net, and what its run folder says of it.

    Attributes:
      workdir: the run folder.
      which: the checkpoint that was loaded, such as 'best'.
      config: its recipe.
      labels: head -> label names by id, or None where there are none.
      net: the module.
      variables: its variables, on the default device.
      info: what the checkpoint says of itself.
    """

    workdir: Path
    which: str
    config: ConfigDict
    labels: Names
    net: nets.Net
    variables: nets.Variables
    info: CheckpointInfo

    @functools.cached_property
    def manifest(self) -> manifests.Manifest:
        """What the run's manifest.json tells; nothing without one.

        Raises:
          UserError: it is damaged.
        """
        return manifests.read(self.workdir)


SomeTrained = TypeVar("SomeTrained", bound=Trained)


class Answer(abc.ABC):
    """What is said of one example."""

    @abc.abstractmethod
    def line(self) -> str:
        """The best of it, in a few words."""

    def said(self) -> str:
        """The best of it without numbers, as a heading; default: its line."""
        return self.line()

    def choices(self) -> Choices:
        """What it was chosen from; default: {}, no list."""
        return {}

    @abc.abstractmethod
    def text(self, name: str) -> str:
        """All of it for people; `name` is the example's."""

    @abc.abstractmethod
    def json(self) -> dict[str, object]:
        """All of it as plain values."""


# (rows, names of the first of them) -> their answers; rows behind these only fill the batch.
Answerer = Callable[[Outputs, Sequence[str]], Sequence[Answer]]


@dataclasses.dataclass(frozen=True)
class Questions:
    """What a place holds that a run is asked about, and who answers.

    Attributes:
      examples: what can be read.
      answerer: of them.
      left_out: what is wrong with the files that cannot, a sentence each.
    """

    examples: Examples
    answerer: Answerer
    left_out: tuple[str, ...] = ()


class Score(abc.ABC):
    """Answers to labelled examples, counted and compared with the truth."""

    @abc.abstractmethod
    def add(self, batch: Batch, rows: Outputs) -> None:
        """Takes the answers to a batch of the examples; where its `index` is -1 there is none."""

    def stand_beside(self, simple: baselines.Simple) -> None:
        """Takes what simple methods reach on the same examples, to tell it beside; default: not."""
        return None

    @abc.abstractmethod
    def write(self, folder: Path, about: Mapping[str, object]) -> dict[str, object]:
        """Writes all numbers, tables and pictures, and returns the numbers.

        Args:
          folder: where to.
          about: entries of the model that come first in the numbers.
        """

    @abc.abstractmethod
    def show(self) -> None:
        """Prints a summary."""

    def choose_none(self, no_sign: str) -> None:
        """Chooses when an answer means none of the signs, and leaves it in the run folder.

        Args:
          no_sign: the class that stands for no sign; "" = there is none.

        Raises:
          UserError: the task has no such answers, or there is no such class.
        """
        raise UserError("--none is for runs that learn one sign a clip; leave it out")

    def right(self) -> dict[str, int]:
        """How many examples are answered rightly, by head; default: {}, no heads."""
        return {}

    def joined(self, others: Sequence["Score"]) -> "Score":
        """The answers of several runs of one kind, each to examples of its own, as one score.

        Raises:
          UserError: the task has no such score.
        """
        raise UserError("--folds is for runs that learn one sign a clip")

    def table(self, subset: str) -> list[dict[str, measures.Cell]]:
        """A row an example, in the examples' order: its name, subset, truth and answer.

        Raises:
          UserError: the task has no such table.
        """
        raise UserError("--csv is a table of runs that learn one sign a clip; leave it out")


# Examples that the task has opened -> the score of answers to them.
Scorer = Callable[[Examples], Score]


@dataclasses.dataclass(frozen=True)
class Standalone:
    """How a run is asked from a file that needs no jaxsign.

    Attributes:
      blank: frames -> what `outputs` takes of one clip of so many, [1, ...], of zeros.
      outputs: those that the file gives: name there -> name in `outputs`.
      asked: settings under which answers need no others, as `answerer` takes them.
      tells: lines of Python that print an answer: of `said`, the outputs by name, `labels`, the
        names of the classes by head, and `about`, all of deploy.json; numpy is `np`.
      about: what an answer goes by besides, entries of deploy.json; plain values.
      notes: what whoever reads the outputs must know, a sentence each.
    """

    blank: Callable[[int], Batch]
    outputs: Mapping[str, str]
    asked: Asked
    tells: str
    about: Mapping[str, object] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Answering(abc.ABC):
    """The part of a task that answers with what was learned."""

    gaps = True
    """Whether frames in the middle of an example may be told not to count (`--mask`)."""

    averages = False
    """Whether several runs may answer together: their `outputs` have a mean."""

    @abc.abstractmethod
    def outputs(
        self, variables: nets.Variables, batch: Mapping[str, jax.Array]
    ) -> dict[str, jax.Array]:
        """What an answer needs of every row of a batch: arrays [B, ...]; traced."""

    def averaged(self, outputs: Sequence[Outputs]) -> Outputs:
        """The outputs of several runs to the same examples as one; for tasks with `averages`."""
        raise NotImplementedError

    def as_asked(self, run: SomeTrained, asked: Asked) -> SomeTrained:
        """The run, its net set as asked where that changes what it is given; default: as it is.

        Args:
          run: that is asked.
          asked: as in `scorer`, which refuses what is not known here.

        Raises:
          UserError: what the net has not learnt to do without.
        """
        return run

    @abc.abstractmethod
    def answerer(self, run: Trained, asked: Asked) -> Answerer:
        """Makes answers of what `outputs` gave.

        Args:
          run: that is asked.
          asked: settings of how answers are found, by name; None and False = not asked for.

        Raises:
          UserError: settings that the task does not have, or that make no sense.
        """

    def questions(self, run: Trained, path: Path, asked: Asked) -> Questions | None:
        """What a file or folder holds for this task, where that is no clips of signs.

        Args:
          run: that is asked.
          path: the file or folder.
          asked: as in `answerer`.

        Returns:
          None: clips are asked about (the default).

        Raises:
          UserError: what is wrong with the files, or with the settings.
        """
        return None

    def pointed(
        self, run: Trained, split: str, path: Path | None, labels: Path | None
    ) -> ConfigDict:
        """A copy of the run's data section in which a split has a place; default: its own alone.

        Args:
          run: whose data.
          split: 'train', 'val' or 'test'.
          path: another place than the run's own.
          labels: another labels.csv.

        Raises:
          UserError: the run knows no such data and none is given, or it cannot take it.
        """
        if path is not None or labels is not None:
            raise UserError(f"{run.workdir}: answers to its own data alone. Leave out --data")
        return ConfigDict(run.config.data.to_dict())

    @abc.abstractmethod
    def scorer(self, run: Trained, asked: Asked) -> Scorer:
        """Makes scores of what `outputs` gave.

        Args:
          run: that is asked.
          asked: settings of how answers are found and compared with the truth, and
            `save_predictions`: one file an example besides; None and False = not asked for.

        Raises:
          UserError: settings that the task does not have, or that make no sense.
        """

    def standalone(self, run: Trained) -> Standalone:
        """How a file of the run alone is asked; default: there is none.

        Raises:
          UserError: what the task is asked about needs more of jaxsign than its net.
        """
        raise UserError(
            f"net {run.config.net.name} of {run.workdir} cannot be deployed, in any format: what "
            f"task.name={run.config.task.name!r} is asked about needs more of jaxsign than the net"
        )

    @abc.abstractmethod
    def follower(self, run: Trained, asked: Asked, fps: float = 0.0) -> following.Follower:
        """Hears signs in streams.

        Args:
          run: that is asked.
          asked: settings by the names of the command line; None and False = not asked for.
          fps: frames a second of the stream, as far as it tells; 0 = unknown.

        Raises:
          UserError: settings that the task does not have, or that make no sense.
        """

    def watcher(self, run: Trained, asked: Asked, fps: float = 0.0) -> following.Follower:
        """As `follower`, for one who signs before a camera (`jaxsign live`); default: the same."""
        return self.follower(run, asked, fps)


def words(names: Iterable[str]) -> str:
    """Settings by the names that the command line gives them."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def given(asked: Asked) -> dict[str, Any]:
    """The settings that are asked for: neither None nor False."""
    return {
        name: value for name, value in asked.items() if value is not None and value is not False
    }


def settings(run: Trained, asked: Asked, known: type, others: str) -> dict[str, Any]:
    """What is asked of a stream, as fields of a follower: `window` is its `seconds`.

    Args:
      run: that is asked.
      asked: by the names of the command line.
      known: the follower's class, a dataclass.
      others: whose settings the rest are, in words.

    Raises:
      UserError: settings that the follower does not have.
    """
    fields = {field.name for field in dataclasses.fields(known)}
    found = given(asked)
    wrong = sorted(found.keys() - fields - {"window"})
    if wrong:
        raise UserError(f"{run.workdir}: {words(wrong)} only for runs of {others}. Leave it out.")
    if "seconds" in fields and "window" in found:
        found["seconds"] = found.pop("window")
    return found
