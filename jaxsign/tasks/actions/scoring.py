"""Graphs told of videos whose graphs are known: recalls, tables, a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.input import tables
from jaxsign.input.examples import Batch, indices
from jaxsign.input.scenes.examples import SceneExamples
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks import answering, measures
from jaxsign.tasks.actions import graphs
from jaxsign.tasks.scenes import figures, frequent, summary
from jaxsign.tasks.scenes.easg_recall import Triplets
from jaxsign.whole import write_json

Array = np.ndarray


class GraphScore(answering.Score):
    """EASG's recall of the graphs of all videos, and that of the most frequent answers.

    Args:
      run: that answers.
      words: its classes, verbs and edges.
      mode: what is given.
      constraints: that recall is told with.
      examples: the videos.

    Raises:
      UserError: videos of other classes, or a damaged manifest.
    """

    def __init__(
        self,
        run: answering.Trained,
        words: Vocabulary,
        mode: graphs.Mode,
        constraints: Sequence[graphs.Constraint],
        examples: SceneExamples,
    ):
        examples.check(words)
        examples.facts(run.config)  # refuses features of another width
        self._words, self._mode, self._constraints = words, mode, tuple(constraints)
        self._examples, self._counts = examples, frequent.counts_of(run, words)
        self._sums: dict[str, Array] = {}
        self._usual: dict[str, Array] = {}
        self._videos: dict[int, measures.Row] = {}

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        index = indices(batch)
        batch = {name: batch[name][: len(index)] for name in graphs.TRUE}
        rows = {name: values[: len(index)] for name, values in rows.items()}
        at = graphs.rows_of(batch, batch["valid_pairs"] & batch["labelled"])
        every = graphs.told(at, rows, batch["verbs"], self._words)
        found = graphs.of_first_frames(every, at)
        true = graphs.truth(at, batch, self._words)
        self._add(self._sums, found, true)
        if self._counts is not None:
            usual = graphs.usual(found, *self._counts, self._words, self._mode)
            self._add(self._usual, usual, true)
        video = at.video[np.unique(at.graphs, return_index=True)[1]]  # of each graph
        for row, number in enumerate(index.tolist()):
            own = np.flatnonzero(video == row)
            kept = np.isin(true.graphs, own)
            self._videos[number] = {
                "video": self._examples.ids[number],
                "graphs": len(own),
                "triplets": int(kept.sum()),
                **self._of_video(found, Triplets(true.graphs[kept], true.triplets[kept])),
            }

    def _of_video(self, found: graphs.Graphs, true: Triplets) -> measures.Row:
        sums = self._count(found, true)
        return {
            f"R@{cut} {constraint}": float(value) if len(true.graphs) else ""
            for constraint in self._constraints
            for cut, value in zip(graphs.CUTS, graphs.recall(sums, constraint), strict=True)
        }

    def _count(self, found: graphs.Graphs, true: Triplets) -> dict[str, Array]:
        return graphs.count(found, true, self._words, self._mode, self._constraints)

    def _add(self, sums: dict[str, Array], found: graphs.Graphs, true: Triplets) -> None:
        for name, value in self._count(found, true).items():
            sums[name] = sums.get(name, 0) + value

    def write(self, folder: Path, about: Mapping[str, object]) -> dict[str, object]:
        """results.json, per_predicate.csv (of edges), per_video.csv, recall.png."""
        sums, frames = self._sums, int(self._examples.sizes[:, 0].sum())
        self._complete = {
            **about,
            "mode": self._mode,
            "dataset_info": {
                "videos": len(self._examples),
                "frames": frames,
                "graphs": int(sums["graphs"]),
                "relations": int(sums["true"].sum()),
            },
            **self._recalls(sums),
        }
        if self._usual:
            self._complete["most_frequent"] = self._recalls(self._usual)
        write_json(folder / "results.json", self._complete)
        self._edges = self._table()
        tables.write(folder / "per_predicate.csv", self._edges)
        tables.write(folder / "per_video.csv", [self._videos[n] for n in sorted(self._videos)])
        figures.recalls(
            folder / "recall.png", self._complete, self._edges, of="K, candidates of a graph"
        )
        return self._complete

    def _recalls(self, sums: Mapping[str, Array]) -> dict[str, dict[str, dict[str, float]]]:
        return {
            what: {
                one: {
                    f"{letter}@{cut}": float(value)
                    for cut, value in zip(graphs.CUTS, of(sums, one), strict=True)
                }
                for one in self._constraints
            }
            for what, letter, of in (
                ("recall", "R", graphs.recall),
                ("mean_recall", "mR", graphs.mean_recall),
            )
        }

    def _table(self) -> list[dict[str, measures.Cell]]:
        """A row an edge: how many triplets have it, and the shares that are told of them."""
        group, true = self._words.groups[1], self._sums["true"]
        rows: list[dict[str, measures.Cell]] = [
            {"group": group.name, "predicate": name, "true": int(n)}
            for name, n in zip(group.predicates, true, strict=True)
        ]
        for constraint in self._constraints:
            shares = graphs.per_edge(self._sums, constraint)
            for cut, values in zip(graphs.CUTS, shares, strict=True):
                for row, value in zip(rows, values, strict=True):
                    row[f"R@{cut} {constraint}"] = "" if np.isnan(value) else float(value)
        return rows

    def show(self) -> None:
        summary.show(self._complete, self._edges)
