"""EASG's triplets of a graph and their recall, in torch, one graph at a time."""

from collections.abc import Mapping
from math import ceil

import numpy as np
import torch
from torch import Tensor

from parity import cases
from parity.reference.fslr import tensors

VERBS, LISTED, EDGES = 5, 50, {"with": 1, "no": 5}


def candidates(graph: Mapping[str, Tensor], mode: str, constraint: str) -> Tensor:
    """int [n, 3], verb, object and edge, the best first."""
    objects, edges = len(graph["obj_indices"]), EDGES[constraint]
    if mode == "edgecls" and constraint == "no":
        edges = ceil(LISTED / objects)
    taken = VERBS if mode == "easgcls" else 1
    classes = ceil(LISTED / (taken * edges * objects))
    verbs = [(graph["verb_idx"].reshape(()), torch.zeros(()))]
    if mode == "easgcls":
        verbs = _best(graph["scores_verb"], VERBS)
    rows, sure = [], []
    for verb, of_verb in verbs:
        for i in range(objects):
            named = [(graph["obj_indices"][i], torch.zeros(()))]
            if mode != "edgecls":
                named = _best(graph["scores_objs"][i], classes)
            for name, of_name in named:
                for edge, of_edge in _best(graph["scores_rels"][i], edges):
                    rows.append(torch.stack([verb, name, edge]))
                    sure.append(of_verb + of_name + of_edge)
    return torch.stack(rows)[torch.stack(sure).argsort(descending=True, stable=True)]


def _best(scores: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    order = scores.argsort(descending=True, stable=True)[:count]
    return list(zip(order, scores[order], strict=True))


def recall(found: Tensor, true: Tensor, cut: int) -> Tensor:
    """The share of the true triplets [t, 3] among the first candidates [n, 3]."""
    return (true[:, None] == found[:cut]).all(2).any(1).double().mean()


def graphs(case: cases.Case) -> dict[str, np.ndarray]:
    """All graphs of a case."""
    call, inputs = case.call, tensors(case.inputs)
    call.one_of("num_top_verb", VERBS)
    for constraint, edges in EDGES.items():
        call.one_of(f"num_top_rel_{constraint}", edges)
    produced: dict[str, np.ndarray] = {}
    for i in sorted({name.partition("/")[0] for name in inputs}):
        graph = {k.partition("/")[2]: v for k, v in inputs.items() if k.startswith(f"{i}/")}
        for mode in call.whole("modes"):
            shares = []
            for constraint in EDGES:
                found = candidates(graph, mode, constraint)
                produced[f"output/{i}/{mode}/{constraint}_triplets"] = found.numpy()
                shares.append([recall(found, graph["gt_triplets"], k) for k in call.whole("K")])
            produced[f"output/recall/{i}/{mode}"] = np.array(shares)
    return produced
