"""Relations told of scenes whose relations are known: recalls, tables, pictures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import tables
from jaxsign.input.examples import Batch, indices
from jaxsign.input.scenes.examples import SceneExamples
from jaxsign.input.scenes.vocabulary import Group, Vocabulary
from jaxsign.tasks import answering, confusion
from jaxsign.tasks.scenes import figures, frequent, padded, recall, summary
from jaxsign.whole import write_json

Array = np.ndarray


class SceneScore(answering.Score):
    """Recall of the relations of all scenes, over all of them at once.

    Args:
      run: that answers.
      words: its classes and groups.
      constraints: that recall is told with.
      compared: branches of its net that recall is told of one by one, by name: outputs like
        `relations`, which answers are made of.
      examples: the scenes.

    Raises:
      UserError: scenes of other classes, or a damaged manifest.
    """

    def __init__(
        self,
        run: answering.Trained,
        words: Vocabulary,
        constraints: Sequence[recall.Constraint],
        compared: Mapping[str, str],
        examples: SceneExamples,
    ):
        examples.check(words)
        examples.facts(run.config)  # refuses features of another width
        self._words, self._examples, self._mode = words, examples, run.config.net.mode
        self._sums: dict[recall.Constraint, dict[str, Array]] = {one: {} for one in constraints}
        self._compared = compared
        self._of_branches: dict[str, dict[recall.Constraint, dict[str, Array]]] = {
            name: {one: {} for one in constraints} for name in compared
        }
        counts = frequent.counts_of(run, words)
        self._usual = None if counts is None else frequent.of_counts(*counts)
        self._usual_sums: dict[str, Array] = {}
        self._videos: dict[int, dict[str, Any]] = {}
        self._taken: list[list[tuple[Array, Array]]] = [[] for _ in words.groups]

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        index = indices(batch)
        batch = {name: batch[name][: len(index)] for name in padded.true_of(batch)}
        rows = {name: values[: len(index)] for name, values in rows.items()}
        told, truth = padded.answers(batch["boxes"], rows, self._words), padded.truth(batch)
        for constraint, sums in self._sums.items():
            found = recall.ranks(told, truth, self._words, constraint)
            _add(sums, recall.count(found, truth, self._words))
            self._add_videos(index, constraint, found, truth)
        for name, output in self._compared.items():
            rows_of = {**rows, "relations": rows[output]}
            told = padded.answers(batch["boxes"], rows_of, self._words)
            for constraint, sums in self._of_branches[name].items():
                found = recall.ranks(told, truth, self._words, constraint)
                _add(sums, recall.count(found, truth, self._words))
        if self._usual is not None:
            found = recall.ranks(frequent.answers(truth, self._usual), truth, self._words, "with")
            _add(self._usual_sums, recall.count(found, truth, self._words))
        self._add_taken(batch, rows)

    def _add_videos(self, index: Array, constraint: str, found: Array, truth: recall.Truth) -> None:
        shape = len(index), -1
        true = np.bincount(truth.frames, truth.relations.sum(1), truth.length).reshape(shape)
        for row, number in enumerate(index.tolist()):
            known = self._videos.setdefault(
                number,
                {
                    "video": self._examples.ids[number],
                    "frames": int((true[row] > 0).sum()),
                    "relations": int(true[row].sum()),
                },
            )
            for cut in recall.CUTS:
                shares = recall.per_frame(found, truth, cut).reshape(shape)[row]
                told = shares[~np.isnan(shares)]
                known[f"R@{cut} {constraint}"] = float(told.mean()) if len(told) else ""

    def _add_taken(self, batch: Batch, rows: answering.Outputs) -> None:
        """Which predicate was told in place of each true one, of pairs that both know."""
        kept = batch["valid_pairs"] & batch["labelled"] & rows["valid_pairs"]
        truth, logits = batch["relations"][kept], rows["relations"][kept]
        groups = zip(self._words.groups, self._words.parts, self._taken, strict=True)
        for group, part, taken in groups:
            taken.append(_taken(group, truth[:, part], logits[:, part]))

    def write(self, folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
        """results.json, per_predicate.csv, per_object.csv, per_video.csv, pictures."""
        videos = [self._videos[number] for number in sorted(self._videos)]
        first = next(iter(self._sums.values()))
        self._complete = {
            **about,
            "mode": self._mode,
            "dataset_info": {
                "videos": len(self._examples),
                "frames": int(first["frames"]),
                "relations": int(first["true"].sum()),
            },
            **_recalls(self._sums),
        }
        if self._of_branches:
            branches = self._of_branches.items()
            self._complete["branches"] = {name: _recalls(sums) for name, sums in branches}
        if self._usual_sums:
            self._complete["most_frequent_relations"] = {
                **_of_cuts("R", recall.recall(self._usual_sums)),
                **_of_cuts("mR", recall.mean_recall(self._usual_sums)),
            }
        write_json(folder / "results.json", self._complete)
        self._predicates = self._table(self._predicate_rows, first["true"], recall.per_predicate)
        tables.write(folder / "per_predicate.csv", self._predicates)
        objects = [{"object": name} for name in self._words.objects]
        tables.write(
            folder / "per_object.csv", self._table(objects, first["object_true"], recall.per_object)
        )
        tables.write(folder / "per_video.csv", videos)
        figures.recalls(folder / "recall.png", self._complete, self._predicates)
        for group, taken in zip(self._words.groups, self._taken, strict=True):
            true, told = (np.concatenate(rows) for rows in zip(*taken, strict=True))
            if len(true):
                confusion.draw(
                    folder / f"confusion_{group.name}.png",
                    true,
                    told,
                    title=group.name.capitalize(),
                    names=group.predicates,
                    things="relations",
                )
        return self._complete

    def show(self) -> None:
        summary.show(self._complete, self._predicates)

    @property
    def _predicate_rows(self) -> list[dict[str, Any]]:
        return [
            {"group": group.name, "predicate": name}
            for group in self._words.groups
            for name in group.predicates
        ]

    def _table(
        self, rows: list[dict[str, Any]], true: Array, of: Callable[[Mapping[str, Array]], Array]
    ) -> list[dict[str, Any]]:
        """The rows with how many relations are true, and the shares that are told of them."""
        made = [{**row, "true": int(n)} for row, n in zip(rows, true, strict=True)]
        for constraint, sums in self._sums.items():
            for cut, shares in zip(recall.CUTS, of(sums), strict=True):
                for row, share in zip(made, shares, strict=True):
                    row[f"R@{cut} {constraint}"] = "" if np.isnan(share) else float(share)
        return made


def _add(sums: dict[str, Array], more: Mapping[str, Array]) -> None:
    for name, value in more.items():
        sums[name] = sums.get(name, 0) + value


def _taken(group: Group, truth: Array, logits: Array) -> tuple[Array, Array]:
    """int [n] and int [n]: every true predicate, and what was told for it.

    Of a pair of which n hold, the n surest are told: a true one among them is itself, any other
    was taken for the surest that does not hold.
    """
    rank = np.argsort(np.argsort(-logits, axis=1, kind="stable"), axis=1)
    told = rank < truth.sum(1, keepdims=True)
    wrong = np.where(truth, -np.inf, logits).argmax(1)
    pair, predicate = np.nonzero(truth)
    right = told[pair, predicate]
    return predicate, np.where(right, predicate, wrong[pair])


def _recalls(
    sums: Mapping[recall.Constraint, Mapping[str, Array]],
) -> dict[str, dict[str, dict[str, float]]]:
    """`recall` and `mean_recall` by constraint and cut."""
    return {
        "recall": {name: _of_cuts("R", recall.recall(s)) for name, s in sums.items()},
        "mean_recall": {name: _of_cuts("mR", recall.mean_recall(s)) for name, s in sums.items()},
    }


def _of_cuts(letter: str, values: Array) -> dict[str, float]:
    return {f"{letter}@{cut}": float(v) for cut, v in zip(recall.CUTS, values, strict=True)}
