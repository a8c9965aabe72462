"""None of these: from which probability on an answer counts as a sign, chosen on validation clips.

Clips of no sign are those of a class that stands for it, where there is one. The file lies in the
run folder, and evaluate, predict, stream and live go by it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from jaxsign import reading, run_files
from jaxsign.errors import UserError, did_you_mean
from jaxsign.tasks.classes import metrics
from jaxsign.whole import write_json

TOLD = "none of these"
KEPT = 0.95  # of the right answers to validation clips, where no class stands for no sign

Array = np.ndarray


class NothingNumbers(TypedDict):
    """How well clips of no sign are told from signs.

    Attributes:
      threshold, no_sign: as of `Nothing`.
      precision, recall: of none of these; None where nothing can tell.
      signs_kept: the share of the clips of signs that are taken for some sign.
      kept_right: the share of these that are taken for the right one.
    """

    threshold: float
    no_sign: str
    precision: float | None
    recall: float | None
    signs_kept: float | None
    kept_right: float | None


@dataclasses.dataclass(frozen=True)
class Nothing:
    """What an answer must be to mean a sign.

    Attributes:
      head: of the net.
      threshold: least probability of the best class.
      no_sign: name of the class that stands for no sign; "" = there is none.
      number: of that class; -1 = there is none.
    """

    head: str
    threshold: float
    no_sign: str = ""
    number: int = -1

    def is_none(self, logits: Array) -> Array:
        """bool [...] of logits [..., K]: the answer means none of the signs."""
        probabilities = metrics.softmax(logits)
        best = metrics.ranking(logits)[..., 0]
        return np.asarray((probabilities.max(-1) < self.threshold) | (best == self.number))

    def told(self, truth: Array, logits: Array) -> NothingNumbers:
        """How well clips of no sign are told from signs.

        Args:
          truth: int [N].
          logits: float [N, K].
        """
        none, real = self.is_none(logits), truth != self.number
        right = metrics.ranking(logits)[:, 0] == truth
        return {
            "threshold": self.threshold,
            "no_sign": self.no_sign,
            "precision": _share(~real, none) if self.number >= 0 else None,
            "recall": _share(none, ~real),
            "signs_kept": _share(~none, real),
            "kept_right": _share(right, real & ~none),
        }

    def in_words(self) -> str:
        """What it means, as a sentence for who reads logits."""
        either = f", or which is {self.no_sign!r}," if self.no_sign else ""
        return (
            f"an answer of {self.head} with a probability below {self.threshold:.4g}{either} means "
            "none of the signs"
        )

    def write(self, workdir: Path) -> None:
        """Leaves it in a run folder."""
        write_json(workdir / run_files.NONE, dataclasses.asdict(self))


def _share(of: Array, among: Array) -> float | None:
    return float(of[among].mean()) if among.any() else None


def choose(head: str, truth: Array, logits: Array, names: Sequence[str], no_sign: str) -> Nothing:
    """The threshold that tells clips of no sign best: the F1 of none of these is highest.

    Without a class of no sign, the highest one that keeps `KEPT` of the right answers.

    Args:
      head: of the net.
      truth: int [N], of validation clips.
      logits: float [N, K].
      names: of the classes.
      no_sign: the class that stands for no sign; "" = there is none.

    Raises:
      UserError: no such class, or validation has none of its clips.
    """
    if no_sign and no_sign not in names:
        raise UserError(f"{no_sign!r} is no class of {head}.{did_you_mean(no_sign, names)}")
    number = list(names).index(no_sign) if no_sign else -1
    sure, best = metrics.softmax(logits).max(-1), metrics.ranking(logits)[:, 0]
    if not no_sign:
        right = np.sort(sure[best == truth])
        least = float(right[int((1 - KEPT) * len(right))]) if len(right) else 0.0
        return Nothing(head, least)
    if not (truth == number).any():
        raise UserError(
            f"no validation clip is of the class {no_sign!r}, by which a threshold could be chosen"
        )
    # Between two neighbours no clip of validation is told differently.
    places = np.unique(np.concatenate([[0.0], sure]))
    middles = [0.0, *((places[:-1] + places[1:]) / 2).tolist()]
    found = [Nothing(head, float(one), no_sign, number) for one in middles]
    return max(found, key=lambda one: (_f1(one.is_none(logits), truth == number), one.threshold))


def _f1(said: Array, true: Array) -> float:
    return float(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))


def read(workdir: Path) -> Nothing | None:
    """What `Nothing.write` has left in a run folder; None without it.

    Raises:
      UserError: a damaged file.
    """
    path = workdir / run_files.NONE
    if not path.is_file():
        return None
    try:
        value = reading.read_json(path)
        found = Nothing(
            str(value["head"]), float(value["threshold"]), str(value["no_sign"]),
            int(value["number"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: not readable ({error!r}). Choose it again (jaxsign evaluate --none), or "
            "remove it"
        ) from error
    if not 0 <= found.threshold <= 1:
        raise UserError(f"{path}: threshold {found.threshold}: expected 0 to 1. Remove the file")
    return found


def spelt(told: NothingNumbers) -> str:
    """What `Nothing.told` gives, in a line."""
    named = f" or {told['no_sign']!r}" if told["no_sign"] else ""
    parts = [f"{TOLD} (best below {told['threshold']:.2f}{named})"]
    if told["precision"] is not None:
        parts.append(f"precision {told['precision']:.1%}")
    if told["recall"] is not None:
        parts.append(f"recall {told['recall']:.1%}")
    if told["signs_kept"] is not None:
        parts.append(f"{told['signs_kept']:.1%} of the signs are taken for one")
    if told["kept_right"] is not None:
        parts.append(f"{told['kept_right']:.1%} of these rightly")
    return f"{parts[0]}: {', '.join(parts[1:])}"
