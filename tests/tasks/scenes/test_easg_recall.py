"""Recall of action scene graphs, beside a plain loop over a graph's combinations."""

import itertools
import math

import numpy as np
import pytest

from jaxsign.tasks.scenes import easg_recall

MODES = ("edgecls", "sgcls", "easgcls")


def _made(sizes=(3, 1, 4), edges=13, classes=20, verbs=12):
    rng = np.random.default_rng(0)
    graphs = np.repeat(np.arange(len(sizes)), sizes)
    return easg_recall.Graphs(
        graphs,
        rng.random((len(graphs), edges)),
        rng.random((len(graphs), classes)),
        rng.integers(0, classes, len(graphs)),
        rng.random((len(sizes), verbs)),
        rng.integers(0, verbs, len(sizes)),
    )


def _by_loop(told, graph, mode, constraint):
    """The triplets of one graph."""
    rows = np.flatnonzero(told.graphs == graph)

    def top(scores, count):
        return np.argsort(-scores, kind="stable")[:count].tolist()

    edges = 1 if constraint == "with" else 5
    if mode == "edgecls" and constraint == "no":
        edges = math.ceil(50 / len(rows))
    verbs = top(told.verbs[graph], 5) if mode == "easgcls" else [told.verb_labels[graph]]
    taken = math.ceil(50 / (len(verbs) * edges * len(rows)))
    found = []
    for verb, row in itertools.product(verbs, rows):
        classes = [told.labels[row]] if mode == "edgecls" else top(told.objects[row], taken)
        for label, edge in itertools.product(classes, top(told.edges[row], edges)):
            score = told.edges[row, edge]
            score += told.objects[row, label] if mode != "edgecls" else 0
            score += told.verbs[graph, verb] if mode == "easgcls" else 0
            found.append((score, (int(verb), int(label), edge)))
    return [triplet for _, triplet in sorted(found, key=lambda one: -one[0])]


@pytest.mark.parametrize("constraint", easg_recall.CONSTRAINTS)
@pytest.mark.parametrize("mode", MODES)
def test_triplets_and_their_recall_are_those_of_a_loop(mode, constraint):
    told, rng = _made(), np.random.default_rng(1)
    found = easg_recall.candidates(told, mode, constraint)
    true, wanted = [], []
    for graph in range(3):
        loop = _by_loop(told, graph, mode, constraint)
        assert list(map(tuple, found.triplets[found.graphs == graph].tolist())) == loop
        picked = [loop[i] for i in rng.permutation(len(loop))[:4]] + [(11, 19, 99)]
        true += [(graph, *one) for one in picked]
        wanted.append([sum(t in loop[:k] for t in picked) / len(picked) for k in (2, 10, 50)])
    rows = np.array(true)
    truth = easg_recall.Triplets(rows[:, 0], rows[:, 1:])
    got = easg_recall.recall(found, truth, 4, (2, 10, 50))
    np.testing.assert_allclose(got[:3], wanted)
    assert np.isnan(got[3]).all()  # a graph of which nothing is known


def test_a_graphs_scores_are_means_over_the_boxes_that_show_an_object():
    graphs, labels = np.array([0, 0, 0, 1]), np.array([7, 2, 7, 2])
    edges = np.array([[1.0, 0], [0, 1], [0, 0.5], [1, 1]])
    verbs = np.array([[0.0], [3], [6], [5]])
    got = easg_recall.gather(graphs, labels, edges, edges, verbs, np.array([4, 5]))
    assert got.graphs.tolist() == [0, 0, 1]
    assert got.labels.tolist() == [2, 7, 2]
    assert got.edges.tolist() == [[0, 1], [0.5, 0.25], [1, 1]]
    assert got.verbs.tolist() == [[3], [5]]
    assert got.verb_labels.tolist() == [4, 5]
