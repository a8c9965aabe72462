"""Answers to labelled clips: accuracies, per-class tables, confusion matrices, pictures."""

import copy
import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input.examples import Batch, indices
from jaxsign.tasks import answering, baselines, confusion, measures
from jaxsign.tasks.classes import answers, examples, metrics, nothing, summary
from jaxsign.whole import write_json

Array = np.ndarray


class ClassScore(answering.Score):
    """Scores of all clips by head.

    Args:
      run: that answers.
      clips: that are answered to.
      individual: also write one JSON file a clip.

    Raises:
      UserError: labels beyond the net's classes, or languages beyond those that it knows.
    """

    def __init__(
        self, run: answering.Trained, clips: examples.ClassExamples, *, individual: bool = False
    ):
        clips.check_languages(run.config)
        source = clips.source
        self._parts = tuple(run.config.data.parts)  # one folder a language
        self._source, self._individual = source, individual
        self._simple: baselines.Simple | None = None
        self._workdir = run.workdir
        self._nothing = nothing.read(run.workdir)
        self._names = {head: known for head, known in run.labels.items() if known}
        self.truth = {head: np.asarray(source.labels[head]) for head in run.config.task.heads}
        classes = {head: int(run.config.net[f"num_{head}"]) for head in self.truth}
        self.scores = {
            head: np.zeros((len(source), count), np.float32) for head, count in classes.items()
        }
        self._refuse([
            f"{source.ids[i]}: {metrics.spell(head)} {ids[i]}, the net has 0..{classes[head] - 1}"
            for head, ids in self.truth.items()
            for i in np.flatnonzero((ids < 0) | (ids >= classes[head]))
        ])  # fmt: skip

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        index = indices(batch)
        for head, known in self.scores.items():
            known[index] = rows[head][: len(index)]

    @functools.cached_property
    def predicted(self) -> dict[str, Array]:
        """head -> int [N], the best scored ids.

        Raises:
          UserError: scores that are no numbers.
        """
        self._refuse([
            f"{self._source.ids[i]}: the net's {metrics.spell(head)} scores are not finite"
            for head, scores in self.scores.items()
            for i in np.flatnonzero(~np.isfinite(scores).all(1))
        ])  # fmt: skip
        return {head: metrics.ranking(scores)[:, 0] for head, scores in self.scores.items()}

    def stand_beside(self, simple: baselines.Simple) -> None:
        self._simple = simple

    def right(self) -> dict[str, int]:
        return {h: int((self.predicted[h] == ids).sum()) for h, ids in self.truth.items()}

    def joined(self, others: Sequence[answering.Score]) -> "ClassScore":
        scores = [self, *(one for one in others if isinstance(one, ClassScore))]
        made, parts = copy.copy(self), [one._source for one in scores]
        hidden = [part.occluded for part in parts if part.occluded is not None]
        made._source = dataclasses.replace(
            self._source,
            ids=[name for part in parts for name in part.ids],
            lengths=np.concatenate([part.lengths for part in parts]),
            occluded=np.concatenate(hidden) if len(hidden) == len(parts) else None,
        )
        made.truth = _behind_each_other([one.truth for one in scores])
        made.scores = _behind_each_other([one.scores for one in scores])
        made.predicted = _behind_each_other([one.predicted for one in scores])
        return made

    def table(self, subset: str) -> list[dict[str, measures.Cell]]:
        """Path, Subset, Ground truth, Prediction and the probabilities p0, ... of the first head.

        It is SignON's table; a Path is a clip's name without its ending.
        """
        head, scores = next(iter(self.scores.items()))
        raised = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
        shares = raised / raised.sum(1, keepdims=True)
        columns = zip(self._source.ids, self.truth[head], self.predicted[head], shares, strict=True)
        return [
            {
                "Path": name,
                "Subset": subset,
                "Ground truth": int(truth),
                "Prediction": int(predicted),
                **{f"p{i}": float(share) for i, share in enumerate(row)},
            }
            for name, truth, predicted, row in columns
        ]

    def write(self, folder: Path, about: Mapping[str, object]) -> dict[str, object]:
        """complete_validation_results.json and its parts, per_class.csv, confusion pictures."""
        info: dict[str, object] = {"total_samples": len(self._source)}
        if self._occluded is not None:
            info["occluded_samples"] = int(self._occluded.sum())
            info["non_occluded_samples"] = int((~self._occluded).sum())
        if self._languages:
            info["languages"] = [Path(part).name for part in self._parts]
        groups = metrics.report(self.truth, self.predicted, self._occluded, self._languages)
        top = metrics.top_k(self.truth, self.scores)
        self._complete: dict[str, object] = {
            **about,
            "dataset_info": info,
            **groups,
            "top_k_accuracy": top,
            "accuracy_intervals": metrics.intervals(groups),
        }
        if self._simple is not None:
            self._complete["baseline"] = self._simple.to_json()["heads"]
        if self._nothing is not None:
            head = self._nothing.head
            self._told = self._nothing.told(self.truth[head], self.scores[head])
            self._complete["none_of_these"] = self._told
        write_json(folder / "complete_validation_results.json", self._complete)
        for name, group in groups.items():
            write_json(folder / f"{name}.json", group)
        metrics.write_class_table(folder / "per_class.csv", self._classes)
        for head, truth in self.truth.items():
            confusion.draw(
                folder / f"confusion_{head}.png",
                truth,
                self.predicted[head],
                title=metrics.spell(head).capitalize(),
                names=self._names.get(head),
            )
        if self._individual:
            self._write_individual(folder / "individual_predictions")
        return self._complete

    def show(self) -> None:
        sizes = {metrics.spell(head): scores.shape[1] for head, scores in self.scores.items()}
        summary.show(self._complete, self._classes, sizes, simple=self._simple)
        if self._nothing is not None:
            print(nothing.spelt(self._told))

    def choose_none(self, no_sign: str) -> None:
        head, names = next(iter(self.truth)), tuple(self._names.get(next(iter(self.truth)), ()))
        found = nothing.choose(head, self.truth[head], self.scores[head], names, no_sign)
        found.write(self._workdir)

    @property
    def _occluded(self) -> Array | None:
        known = self._source.occluded
        return None if known is None else np.asarray(known).astype(bool)

    @functools.cached_property
    def _languages(self) -> list[Array]:
        """Of each of several languages bool [N]: which clips are its."""
        known, several = self._source.languages, len(self._parts) > 1
        if known is None or not several:
            return []
        return [known == number for number in range(len(self._parts))]

    @functools.cached_property
    def _classes(self) -> list[metrics.ClassRow]:
        return metrics.class_table(self.truth, self.predicted, self._names)

    def _write_individual(self, folder: Path) -> None:
        """One JSON file a clip: what is true, what was predicted, the best candidates."""
        for row, name in enumerate(self._source.ids):
            truth = {metrics.spell(head): int(ids[row]) for head, ids in self.truth.items()}
            made = answers.make({head: scores[row] for head, scores in self.scores.items()})
            said = {head: made[f"{head}_prediction"] for head in truth}
            known = {} if self._occluded is None else {"occluded": int(self._occluded[row])}
            stem = re.sub(r"[\\/:]", "_", name.removesuffix(".npz"))
            write_json(
                folder / f"{stem}_validation.json",
                {
                    "file": name,
                    "ground_truth": {**truth, **known},
                    "prediction": {
                        **said,
                        **{f"{head}_probability": made[f"{head}_probability"] for head in truth},
                    },
                    **{key: value for key, value in made.items() if "_top" in key},
                    "correct": {head: said[head] == truth[head] for head in truth},
                },
            )

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            raise UserError(
                f"{self._source.name}: these clips do not fit the run:\n{listing(problems)}\n"
                "Check that the labels and clips are those that the net was trained for."
            )


def _behind_each_other(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}
