"""Recall of the relations of a video's frames, in torch, one frame at a time."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from parity import cases
from parity.reference.fslr import tensors
from parity.settings import vidsgg as settings

OVERLAP, SURE, MOST = 0.5, 0.9, 100
STARTS = (0, 3, 9)  # of the groups among the predicates
REVERSED = 1  # the group that is told as (object, person)


class Triplet(NamedTuple):
    """Boxes are rows of `boxes`."""

    subject: int
    predicate: int
    object: int


def true_triplets(rows: Mapping[str, Tensor], frame: int) -> list[Triplet]:
    """Those of a frame, of rows of boxes, the person first."""
    person, *others = (rows["boxes"][:, 0] == frame).nonzero()[:, 0].tolist()
    return [
        _turned(number, Triplet(person, start + predicate, box))
        for box in others
        for number, (name, start) in enumerate(zip(settings.GROUPS, STARTS, strict=True))
        for predicate in rows[name][box].reshape(-1).tolist()
        if predicate >= 0
    ]


def _turned(group: int, one: Triplet) -> Triplet:
    return Triplet(one.object, one.predicate, one.subject) if group == REVERSED else one


def _told(scores: Tensor, group: int, constraint: str) -> list[int]:
    """The predicates of a row that are told of."""
    if constraint == "no":
        return list(range(len(scores)))
    if constraint == "semi" and group > 0:
        return (scores > SURE).nonzero()[:, 0].tolist()
    return [int(scores.argmax())]


def candidates(entry: Mapping[str, Tensor], frame: int, constraint: str) -> list[Triplet]:
    """What is told of a frame, the best first; of equal ones the later."""
    pairs = (entry["im_idx"] == frame).nonzero()[:, 0].tolist()
    found, sure = [], []
    for number, (name, start) in enumerate(zip(settings.GROUPS, STARTS, strict=True)):
        for pair in pairs:
            person, box = entry["pair_idx"][pair].tolist()
            scores = entry[f"{name}_distribution"][pair]
            for predicate in _told(scores, number, constraint):
                one = _turned(number, Triplet(person, start + predicate, box))
                both = entry["scores"][one.subject] * entry["scores"][one.object]
                found.append(one)
                sure.append(float(both * scores[predicate]))
    order = sorted(range(len(found)), key=lambda i: (-sure[i], -i))
    return [found[i] for i in (order[:MOST] if constraint == "no" else order)]


def overlap(one: Tensor, other: Tensor) -> float:
    """Of two boxes [4], whose last pixels belong to them."""
    one, other = one.double(), other.double()
    inside = torch.minimum(one[2:], other[2:]) - torch.maximum(one[:2], other[:2]) + 1
    common = inside.clamp(min=0).prod()
    sizes = [(box[2:] - box[:2] + 1).prod() for box in (one, other)]
    return float(common / (sizes[0] + sizes[1] - common))


def places(
    entry: Mapping[str, Tensor],
    rows: Mapping[str, Tensor],
    told: list[Triplet],
    true: list[Triplet],
) -> Tensor:
    """int [t]: the place of the first candidate that is a true triplet, `MOST` ** 2 = none is."""

    def same(one: Triplet, other: Triplet) -> bool:
        return one.predicate == other.predicate and all(
            entry["labels"][a] == rows["labels"][b]
            and overlap(entry["boxes"][a, 1:], rows["boxes"][b, 1:]) >= OVERLAP
            for a, b in ((one.subject, other.subject), (one.object, other.object))
        )

    return torch.tensor(
        [next((i for i, one in enumerate(told) if same(one, t)), MOST**2) for t in true]
    )


def evaluated(case: cases.Case) -> dict[str, np.ndarray]:
    """A case of the evaluator: every constraint's recall."""
    case.args.one_of("names", "the Action Genome object and relation names")
    case.args.one_of("iou_threshold", OVERLAP)
    case.args.one_of("semithreshold", SURE)
    entry, rows = _given(case), tensors(case.under("input/gt/"))
    true = [true_triplets(rows, i) for i in range(int(rows["boxes"][:, 0].max()) + 1)]
    found: dict[str, np.ndarray] = {}
    for constraint in case.call.whole("constraints"):
        told = [candidates(entry, i, constraint) for i in range(len(true))]
        first = [places(entry, rows, a, b) for a, b in zip(told, true, strict=True)]
        for cut in case.call.whole("K"):
            values = dict(_of_cut(true, [one < cut for one in first]))
            found |= {
                f"output/recall/{constraint}/{name.format(cut)}": value.numpy()
                for name, value in values.items()
            }
    return found


def _given(case: cases.Case) -> dict[str, Tensor]:
    entry = tensors(case.inputs)
    entry["attention_distribution"] = entry["attention_distribution"].softmax(1)
    if case.args["mode"] != "predcls":
        return entry | {name: entry[f"pred_{name}"] for name in ("labels", "scores")}
    return entry


def _of_cut(true: list[list[Triplet]], hits: list[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """R of every frame, hits and counts of predicates, mR, and STKET's mean over frames."""
    yield "R{}_per_frame", torch.stack([one.double().mean() for one in hits])
    count = STARTS[-1] + settings.PREDICATES[-1]
    each = torch.zeros(2, len(true), count, dtype=torch.int64)
    for frame, (triplets, hit) in enumerate(zip(true, hits, strict=True)):
        for one, right in zip(triplets, hit.tolist(), strict=True):
            each[:, frame, one.predicate] += torch.tensor([right, 1])
    hit, counted = each.sum(1)
    yield "hit{}", hit
    yield "count{}", counted
    yield "mR{}", (hit.double() / (counted + 1e-10)).mean()
    yield "stket_mR{}", (each[0].double() / (each[1] + 1e-10)).mean()
