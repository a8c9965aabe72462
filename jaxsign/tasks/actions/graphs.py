"""From padded batches of videos to graphs of actions, and their recall.

Source: EASG's evaluation, which compares with the objects of a graph's first frame.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.nets.action_net import NO_OBJECTS
from jaxsign.tasks.scenes import easg_recall, padded
from jaxsign.tasks.scenes.easg_recall import CONSTRAINTS, CUTS, Constraint, Graphs, Mode, Triplets

Array = np.ndarray
TOLD = ("relations", "objects")  # of a net
TRUE = ("labels", "pairs", "relations", "labelled", "valid_pairs", "verbs", "graphs")  # of a batch


@dataclasses.dataclass(frozen=True)
class PairRows:
    """Objects of the frames of a batch, flat.

    Attributes:
      video, frame, place: int [N], where each stands in the batch.
      graphs: int [N], each one's graph, from 0 over all videos, none left out, not decreasing.
      labels: int [N], its class, without the background and the wearer.
    """

    video: Array
    frame: Array
    place: Array
    graphs: Array
    labels: Array

    @property
    def at(self) -> tuple[Array, Array, Array]:
        """Index of arrays [B, F, Q, ...]."""
        return self.video, self.frame, self.place


def rows_of(batch: Mapping[str, Array], kept: Array) -> PairRows:
    """The objects of a batch for which `kept` bool [B, F, Q] is True."""
    video, frame, place = np.nonzero(kept)
    named = video * kept.shape[1] + batch["graphs"][video, frame]
    _, graphs = np.unique(named, return_inverse=True)
    box = batch["pairs"][video, frame, place, 1]
    return PairRows(
        video, frame, place, graphs.reshape(-1), batch["labels"][video, frame, box] - NO_OBJECTS
    )


def told(rows: PairRows, outputs: Mapping[str, Array], verbs: Array, words: Vocabulary) -> Graphs:
    """What a net told of the objects, a row for each class that a graph shows.

    Args:
      rows: the objects.
      outputs: relations and objects, logits [B, F, Q, ...].
      verbs: int [B, F, Q], the true ones.
      words: of the relations.
    """
    sure = padded.probabilities(outputs["relations"][rows.at], words)
    logits = outputs["objects"][rows.at]
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    done, edges = (sure[:, part] for part in words.parts)
    return easg_recall.gather(
        rows.graphs, rows.labels, edges, shares, done, verbs[rows.at][_first(rows)]
    )


def of_first_frames(found: Graphs, rows: PairRows) -> Graphs:
    """Of objects those that their graph's first frame shows: with them alone is compared.

    Args:
      found: what `told` gave of the rows; scores are means over all frames.
      rows: the objects.
    """
    shown, classes = _in_first_frame(rows), found.objects.shape[1]
    first = rows.graphs[shown] * classes + rows.labels[shown]
    kept = np.isin(found.graphs * classes + found.labels, first)
    return dataclasses.replace(
        found,
        graphs=found.graphs[kept],
        edges=found.edges[kept],
        objects=found.objects[kept],
        labels=found.labels[kept],
    )


def truth(rows: PairRows, batch: Mapping[str, Array], words: Vocabulary) -> Triplets:
    """Each triplet once that holds of an object of its graph's first frame."""
    edges = batch["relations"][rows.at][:, words.parts[1]] & _in_first_frame(rows)[:, None]
    row, edge = np.nonzero(edges)
    verbs = batch["verbs"][rows.at]
    every = np.stack([rows.graphs[row], verbs[row], rows.labels[row], edge], axis=1)
    every = np.unique(every, axis=0)
    return Triplets(every[:, 0], every[:, 1:])


def _in_first_frame(rows: PairRows) -> Array:
    """bool [N]: whether a row is of the first frame of its graph."""
    return np.asarray(rows.frame == rows.frame[_first(rows)][rows.graphs])


def _first(rows: PairRows) -> Array:
    """int [G]: the first row of each graph."""
    return np.unique(rows.graphs, return_index=True)[1]


def count(
    found: Graphs,
    true: Triplets,
    words: Vocabulary,
    mode: Mode,
    constraints: Sequence[Constraint] = CONSTRAINTS,
) -> dict[str, Array]:
    """Sums that add up over parts of a data set, for `recall` and `mean_recall`.

    Returns:
      graphs (with a true triplet) and `recall/CONSTRAINT` [K], the sum of theirs; of edges
      `hits/CONSTRAINT` int [K, E] and `true` int [E].
    """
    edges, number = len(words.groups[1]), len(found.verb_labels)
    sums = {
        "graphs": np.asarray(len(np.unique(true.graphs))),
        "true": np.bincount(true.triplets[:, 2], minlength=edges),
    }
    for constraint in constraints:
        made = easg_recall.candidates(found, mode, constraint)
        which = easg_recall.hits(made, true, CUTS)
        shares = easg_recall.shares(which, true, number)
        sums[f"recall/{constraint}"] = np.nansum(shares, axis=0)
        sums[f"hits/{constraint}"] = np.stack(
            [np.bincount(true.triplets[column, 2], minlength=edges) for column in which.T]
        )
    return sums


def recall(sums: Mapping[str, Array], constraint: Constraint) -> Array:
    """float64 [K]: the mean over graphs; NaN without any."""
    graphs = float(sums["graphs"]) or float("nan")
    return np.asarray(sums[f"recall/{constraint}"] / graphs)


def mean_recall(sums: Mapping[str, Array], constraint: Constraint) -> Array:
    """float64 [K]: the mean over the edges that hold of the share of each that is told."""
    return np.asarray(np.nanmean(per_edge(sums, constraint), axis=1))


def per_edge(sums: Mapping[str, Array], constraint: Constraint) -> Array:
    """float64 [K, E]: the share of each edge's triplets that are told; NaN where it never holds."""
    hits = sums[f"hits/{constraint}"]
    return np.divide(hits, sums["true"], out=np.full(hits.shape, np.nan), where=sums["true"] > 0)


def usual(found: Graphs, paired: Array, together: Array, words: Vocabulary, mode: Mode) -> Graphs:
    """The same graphs as told without pixels: by how often classes, verbs and edges occur.

    Args:
      found: of `told`; what the mode is given of it is looked at, and nothing else.
      paired, together: int [C] and [C, R], counts of training pairs, as an outline's.
      words: of both.
      mode: what is given.
    """
    every = together.sum(0) / max(paired.sum(), 1)
    by_class = together / np.maximum(paired, 1)[:, None]
    table = np.where(paired[:, None] > 0, by_class, every)[NO_OBJECTS:]
    done, edges = (every[part] for part in words.parts)
    count = len(found.graphs)
    shares = paired[NO_OBJECTS:] / max(paired.sum(), 1)
    return dataclasses.replace(
        found,
        edges=table[found.labels][:, words.parts[1]]
        if mode == "edgecls"
        else np.tile(edges, (count, 1)),
        objects=np.tile(shares, (count, 1)),
        verbs=np.tile(done, (len(found.verbs), 1)),
    )
