"""TEMPURA's memories, weights of losses, and losses of the features of boxes, in torch."""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from parity import cases
from parity.settings import vidsgg_memory as settings

MARGIN, TEMPERATURE, TINY = 1.0, 0.1, 1e-12


def memory(kind: str, videos: Iterable[tuple[Tensor, ...]]) -> Tensor:
    """float32 [C, D], the mean of what holds a class; 0 where nothing does.

    Args:
      kind: 'simple', 'al', 'ep' or 'both'.
      videos: features [n, D], classes bool [n, C], aleatoric and epistemic uncertainties [n, C].
    """
    above = below = torch.zeros(())
    for features, truth, first, second in videos:
        shown = {"simple": 0 * first, "al": first, "ep": second, "both": first + second}[kind]
        # Of 'both' the original divides by twice the sum of the first.
        counted = 2 * first.exp() if kind == "both" else shown.exp()
        above = above + torch.where(truth, shown.exp(), 0).T @ features
        below = below + torch.where(truth, counted, 0).sum(0)
    return above / (below[:, None] + TINY)


def weights(unsure: Tensor) -> Tensor:
    """[n, C] -> [n], 1 and the share of each among all."""
    return 1 + unsure.sum(1).softmax(0)


def info_nce(features: Tensor, labels: Tensor) -> Tensor:
    """Of features [n, D] and labels [n]: how little of a box's likeness is to its own class."""
    features = F.normalize(features)
    same, itself = labels[:, None] == labels, torch.eye(len(labels), dtype=torch.bool)
    likeness = (features @ features.T / TEMPERATURE).masked_fill(itself, -torch.inf)
    others = (likeness.softmax(1) + TINY).log().masked_fill(~same | itself, 0)
    return -(others.sum(1) / same.sum(1)).mean()


def euc_con(features: Tensor, labels: Tensor) -> Tensor:
    """Of features [n, D] and labels [n]: distances of one class, and what others lack of 1."""
    features = F.normalize(features)
    apart = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    same, itself = labels[:, None] == labels, torch.eye(len(labels), dtype=torch.bool)
    parts = apart[same & ~itself], (MARGIN - apart[~same]).clamp(min=0)
    return sum((part[part > 0].mean() for part in parts if (part > 0).any()), torch.zeros(()))


def computed(case: cases.Case) -> dict[str, np.ndarray]:
    """Memories of three videos, weights by uncertainty, contrastive losses."""
    videos, found = settings.videos(case), dict[str, Tensor]()
    for group in videos[0]:
        rows = [
            (*map(torch.from_numpy, video[group]), *_unsure(case, i, group).values())
            for i, video in enumerate(videos)
        ]
        for variant in filter(lambda name: settings.has_memory(name, group), case.call["variants"]):
            shown = [(f, t, *(u[:, -t.shape[1] :] for u in more)) for f, t, *more in rows]
            found[f"{variant}/{group}"] = memory(settings.kind_of(variant), shown)
        for i in range(len(videos)):
            unsure = _unsure(case, i, group)
            for short, name in settings.KINDS.items():
                found[f"loss_weights/{i}/{group}_{short}"] = weights(unsure[name])
    features, labels = (torch.from_numpy(case.inputs[f"con_{k}"]) for k in ("features", "labels"))
    for loss in (info_nce, euc_con):
        found[loss.__name__] = loss(features, labels)
    return {f"output/{name}": value.numpy() for name, value in found.items()}


def _unsure(case: cases.Case, video: int, group: str) -> dict[str, Tensor]:
    return {k: torch.from_numpy(v) for k, v in settings.unsure(case, video, group).items()}
