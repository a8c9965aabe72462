"""SceneLLM's shorter codebooks and graphs of boxes, in torch and with scipy's clusters."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.cluster import hierarchy
from torch import Tensor

from parity import cases

REGULAR, ROUNDS, TRIES, LESS, TINY = 0.01, 100, 10, 0.01, 1e-8


def plan(share: Tensor, size: int) -> Tensor:
    """float64 [n, size]: Sinkhorn's plan of the mass [n] onto rows of like numbers."""
    count = len(share)
    cost = (torch.arange(count)[:, None] / count - torch.arange(size) / size).abs()
    kernel = (-cost.double() / REGULAR).exp()
    left = torch.full((count,), 1 / count, dtype=torch.float64)
    for _ in range(ROUNDS):
        right = 1 / size / (kernel.T @ left)
        left = share / (kernel @ right)
    return left[:, None] * kernel * right


def moved(codebook: Tensor, moving: Tensor) -> Tensor:
    """The means of the rows [n, D] whose mass a plan [n, m] moves to a place -> [m, D]."""
    return (moving / (moving.sum(0) + TINY)).T @ codebook.double()


def updated(codebook: Tensor, share: Tensor, step: int) -> Tensor:
    """The first shorter codebook whose use has clearly less entropy; else as it is."""
    for i in range(1, TRIES + 1):
        size = max(len(codebook) - i * step, step)
        if size < len(codebook):
            moving = plan(share, size)
            if _entropy(share) - _entropy((moving.sum(0) + TINY).softmax(0)) > LESS:
                return moved(codebook, moving)
    return codebook


def _entropy(share: Tensor) -> Tensor:
    return -(share * (share + TINY).log()).sum()


def edges(boxes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of boxes [n, 4], as x, y, width and height: within clusters, then between."""
    count = len(boxes)
    if count == 1:
        yield 0, 0
        return
    tree = hierarchy.linkage(boxes[:, :2] + boxes[:, 2:] / 2, "ward")
    owners = hierarchy.fcluster(tree, min(count, max(2, count // 2)), "maxclust")
    for owner in np.unique(owners):
        members = np.flatnonzero(owners == owner).tolist()
        yield from ((i, j) for i in members for j in members if i != j)
    for i in range(count):
        yield from ((i, j) for j in np.flatnonzero(owners != owners[i])[:1].tolist())


def operations(case: cases.Case) -> dict[str, np.ndarray]:
    """Plans, codebooks and graphs."""
    case.call.one_of("POT", "0.9.7.post1")
    table = torch.from_numpy(case.inputs["codebook"])
    case.args.one_of("codebook", list(table.shape))
    share = (torch.from_numpy(case.inputs["usage_count"]).double() + TINY).softmax(0)
    found: dict[str, np.ndarray] = {}
    for size in sorted({int(name.rpartition("_")[2]) for name in case.under("output/plan_")}):
        moving = plan(share, size)
        found[f"output/plan_{size}"] = moving.numpy()
        found[f"output/new_codebook_{size}"] = moved(table, moving).numpy()
    found["output/updated_codebook"] = updated(table, share, case.args["ot_step"]).numpy()
    for name, boxes in case.under("input/graph_boxes_").items():
        found[f"output/graph_edges_{name}"] = np.array(list(edges(boxes))).T
    return {name: np.asarray(value, case.expected[name].dtype) for name, value in found.items()}
