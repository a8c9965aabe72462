"""Folds: runs that are each tried on a part of the training clips; and all of them together."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
from ml_collections import ConfigDict

from jaxsign import run_files
from jaxsign.errors import UserError
from jaxsign.infer import evaluate as evaluating
from jaxsign.infer import run as runs
from jaxsign.infer import run_folder
from jaxsign.tasks import answering

RESULTS = "out-of-fold"


class Spread(TypedDict):
    """Accuracies of a head: of every fold, their mean and their standard deviation (n - 1)."""

    accuracy: list[float]
    mean: float
    spread: float


@dataclasses.dataclass(frozen=True)
class Folded:
    """What folds reach, each on the clips that it was not trained on.

    Attributes:
      clips: of all folds.
      spreads: head -> accuracies.
      complete: the numbers that were written.
    """

    clips: int
    spreads: Mapping[str, Spread]
    complete: Mapping[str, object]


def recipes(config: ConfigDict, workdir: str | Path) -> Iterator[tuple[Path, ConfigDict]]:
    """The run folder and the recipe of every fold.

    Raises:
      UserError: a run lies where the folds shall, or more of them than are asked for.
    """
    count = config.data.folds.count
    if run_files.is_run(workdir):
        raise UserError(
            f"--workdir {workdir} holds a run of its own. Choose another folder for the folds"
        )
    if run_folder.fold(workdir, count + 1).exists():
        raise UserError(
            f"--workdir {workdir} holds more than {count} folds. Give their number, or choose "
            "another folder"
        )
    for number in range(1, count + 1):
        one = ConfigDict(config.to_dict())
        one.data.folds.number = number
        yield run_folder.fold(workdir, number), one


def evaluate(
    workdir: str | Path, count: int, which: str = "best", *, quiet: bool = False
) -> Folded:
    """Every fold's answers to the clips that it was not trained on, scored as one set.

    Writes what `jaxsign evaluate` writes into `workdir`/out-of-fold, and under `folds` the accuracy
    of each with mean and spread; prints both.

    Args:
      workdir: where the folds' run folders lie.
      count: of folds.
      which: 'best' or 'last'.
      quiet: print nothing.
    """
    scores, accuracies, clips = [], [], 0
    for number in range(1, count + 1):
        found, examples = _held_back(run_folder.fold(workdir, number), which)
        scores.append(found)
        clips += examples
        accuracies.append({head: n / examples for head, n in found.right().items()})
    spread = summary(accuracies)
    whole = scores[0].joined(scores[1:])
    about = {"model_info": {"folds": count, "checkpoint": which}, "folds": spread}
    complete = whole.write(Path(workdir) / RESULTS, about)
    told = Folded(clips, spread, complete)
    if quiet:
        return told
    whole.show()
    for head, numbers in spread.items():
        print(_line(head, numbers))
    print(
        "The best epoch of a fold was chosen by the clips that it is told on, so that these "
        "numbers are a little too good."
    )
    print(f"Results in {Path(workdir) / RESULTS}")
    return told


def summary(accuracies: list[dict[str, float]]) -> dict[str, Spread]:
    """By head."""
    found: dict[str, Spread] = {}
    for head in accuracies[0]:
        values = [one[head] for one in accuracies]
        spread = float(np.std(values, ddof=1))
        found[head] = {"accuracy": values, "mean": float(np.mean(values)), "spread": spread}
    return found


def _line(head: str, numbers: Spread) -> str:
    each = " ".join(f"{100 * value:.1f}" for value in numbers["accuracy"])
    mean, spread = 100 * numbers["mean"], 100 * numbers["spread"]
    count = len(numbers["accuracy"])
    return f"{head}: mean of {count} folds {mean:.1f} %, spread {spread:.1f} ({each})"


def _held_back(workdir: Path, which: str) -> tuple[answering.Score, int]:
    """A fold's answers to the clips that were held back from it, and how many these are."""
    anew = f"Remove {workdir} and give the same command again: this fold alone is trained anew."
    run = runs.load_run(workdir, which, advice=anew)
    data = evaluating.data_section(run, "val", None, None)
    examples = evaluating.open_split(run, data, "val")
    return evaluating.score(run, examples, run.task.scorer(run, {})), len(examples)
