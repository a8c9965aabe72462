"""Recall of action scene graphs: triplets (verb, object, edge) among the best K of every graph.

Source: EASG's evaluation.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from jaxsign.input.scenes import pairs
from jaxsign.nets.action_net import Mode

Array = np.ndarray
Constraint = Literal["with", "no"]
CONSTRAINTS: tuple[Constraint, ...] = ("with", "no")
CUTS = (10, 20, 50)
LISTED = 50  # candidates that a graph shall have at least
VERBS = 5  # that easgcls tells of
EDGES = {"with": 1, "no": 5}  # that an object has where its class is told too


@dataclasses.dataclass(frozen=True)
class Graphs:
    """What a net told of the objects of G graphs, flat.

    Attributes:
      graphs: int [N], each object's graph, from 0; not decreasing.
      edges: float [N, E], scores.
      objects: float [N, C], scores of its classes.
      labels: int [N], its class where that is given.
      verbs: float [G, V], scores.
      verb_labels: int [G], the verb where that is given.
    """

    graphs: Array
    edges: Array
    objects: Array
    labels: Array
    verbs: Array
    verb_labels: Array


@dataclasses.dataclass(frozen=True)
class Triplets:
    """Triplets of many graphs, flat.

    Attributes:
      graphs: int [T], not decreasing.
      triplets: int [T, 3], verb, object, edge; the best first where a net told them.
    """

    graphs: Array
    triplets: Array


def gather(
    graphs: Array, labels: Array, edges: Array, objects: Array, verbs: Array, verb_labels: Array
) -> Graphs:
    """Means over the boxes that show an object, and over all of a graph for its verb.

    Args:
      graphs: int [N], each box's graph, from 0, none left out.
      labels: int [N], its true class, which tells the objects of a graph apart.
      edges, objects, verbs: float [N, E], [N, C], [N, V], scores.
      verb_labels: int [G].
    """
    both, rows = np.unique(np.stack([graphs, labels], axis=1), axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    shown = _means(edges, rows), _means(objects, rows)
    return Graphs(both[:, 0], *shown, both[:, 1], _means(verbs, graphs), verb_labels)


def _means(values: Array, rows: Array) -> Array:
    order = np.argsort(rows, kind="stable")
    _, starts, counts = np.unique(rows[order], return_index=True, return_counts=True)
    return np.add.reduceat(values[order], starts) / counts[:, None].astype(values.dtype)


def candidates(told: Graphs, mode: Mode, constraint: Constraint) -> Triplets:
    """The triplets of every graph, the best first.

    edgecls tells edges of given objects; sgcls also the objects; easgcls also the verb. `with`
    constraint an object has one edge. So many classes are taken of each that a graph has 50
    candidates or more; a candidate's score is the sum of those that were told.
    """
    if not len(told.graphs):
        return Triplets(told.graphs, np.zeros((0, 3), int))
    edges, classes, verbs = _counts(told, mode, constraint)
    row, v, o, e = _choices(verbs, classes, edges)
    parts = [_best(told.edges, e, row)]
    label, verb = told.labels[row], told.verb_labels[told.graphs[row]]
    if mode != "edgecls":
        label, sure = _best(told.objects, o, row)
        parts.insert(0, (label, sure))
    if mode == "easgcls":
        verb, sure = _best(told.verbs, v, told.graphs[row])
        parts.insert(0, (verb, sure))
    scores = sum((sure for _, sure in parts[1:]), parts[0][1])
    order = np.lexsort((-scores, told.graphs[row]))
    triplets = np.stack([verb, label, parts[-1][0]], axis=1)
    return Triplets(told.graphs[row[order]], triplets[order])


def _counts(told: Graphs, mode: Mode, constraint: Constraint) -> tuple[Array, Array, Array]:
    """int [N] each: how many edges, classes and verbs are taken of every object."""
    objects = np.bincount(told.graphs)[told.graphs]
    one = np.ones_like(objects)
    verbs = one * min(VERBS, told.verbs.shape[1]) if mode == "easgcls" else one
    if mode == "edgecls":
        edges = one if constraint == "with" else -(-LISTED // objects)
        return np.minimum(edges, told.edges.shape[1]), one, verbs
    edges = one * EDGES[constraint]
    taken = VERBS if mode == "easgcls" else 1
    classes = -(-LISTED // (taken * EDGES[constraint] * objects))
    fewest = np.minimum(classes, told.objects.shape[1])
    return np.minimum(edges, told.edges.shape[1]), fewest, verbs


def _choices(*counts: Array) -> tuple[Array, ...]:
    """Rows, and one of each count's choices: all combinations of every row."""
    grid = np.ones((len(counts[0]), *(int(c.max()) for c in counts)), bool)
    for axis, limit in enumerate(counts, start=1):
        shape = [1] * grid.ndim
        shape[axis] = -1
        grid &= np.arange(grid.shape[axis]).reshape(shape) < limit.reshape(-1, *[1] * len(counts))
    return np.nonzero(grid)


def _best(scores: Array, place: Array, row: Array) -> tuple[Array, Array]:
    """The class that is the place-th best of a row, and its score."""
    order = np.argsort(-scores, axis=1, kind="stable")
    label = order[row, place]
    return label, scores[row, label]


def hits(found: Triplets, truth: Triplets, cuts: Sequence[int] = CUTS) -> Array:
    """bool [T, K]: which true triplets are among the first candidates of their graph.

    Args:
      found: of `candidates`.
      truth: what is true.
      cuts: how many candidates count: K of them.
    """
    every = np.concatenate([_keys(truth), _keys(found)])
    _, numbers = np.unique(every, axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    wanted, told = numbers[: len(truth.graphs)], numbers[len(truth.graphs) :]
    place = np.full(len(every), np.iinfo(np.int64).max)
    np.minimum.at(place, told, pairs.places(found.graphs))
    return np.asarray(place[wanted, None] < np.asarray(cuts))


def recall(found: Triplets, truth: Triplets, graphs: int, cuts: Sequence[int] = CUTS) -> Array:
    """float64 [G, K]: the share of a graph's true triplets among its first candidates.

    Args:
      found, truth, cuts: as of `hits`.
      graphs: how many there are: G.

    Returns:
      NaN of a graph without a true triplet.
    """
    return shares(hits(found, truth, cuts), truth, graphs)


def shares(which: Array, truth: Triplets, graphs: int) -> Array:
    """float64 [G, K]: as `recall`, of what `hits` gave."""
    true = np.bincount(truth.graphs, minlength=graphs)
    told = [np.bincount(truth.graphs, column, graphs) for column in which.T]
    shape = np.full((graphs, which.shape[1]), np.nan)
    return np.divide(np.stack(told, 1), true[:, None], out=shape, where=true[:, None] > 0)


def _keys(rows: Triplets) -> Array:
    return np.concatenate([rows.graphs[:, None], rows.triplets], axis=1)
