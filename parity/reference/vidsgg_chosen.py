"""Which boxes and pairs relations are told of outside training, by loops as in the originals."""

from collections.abc import Mapping

import torch
from torch import Tensor

from parity.reference import vidsgg_detector, vidsgg_masks

PERSON = 1
DOUBLED, OVERLAP = (5, 8, 17), 0.6
Entry = dict[str, Tensor]


def given(entry: Mapping[str, Tensor], distribution: Tensor) -> Entry:
    """Boxes that are given and told to be of a distribution [N, C - 1] of classes: with pairs."""
    distribution = distribution.clone()
    frames, boxes = entry["boxes"][:, 0], entry["boxes"]
    scores, labels, persons = _told(frames, distribution)
    for frame in frames.unique():
        rows = torch.nonzero(frames == frame)[:, 0]
        most = int(torch.bincount(labels[rows]).argmax())
        same = rows[labels[rows] == most]
        order = same[distribution[same, most - 1].argsort(stable=True)]
        for row in order[:-1].tolist():
            distribution[row, most - 1] = 0
            scores[row], best = distribution[row].max(0)
            labels[row] = best + 1
    found = {"boxes": boxes, "labels": labels, "pred_scores": scores}
    return {**entry, **found, "distribution": distribution} | _paired(entry, found, persons)


def detected(entry: Mapping[str, Tensor], distribution: Tensor) -> Entry:
    """A detector's boxes of a distribution [N, C - 1]: some twice, of near ones the surest.

    The detector's own classes, `pred_labels`, decide which are doubled.
    """
    frames, source = entry["boxes"][:, 0], torch.arange(len(distribution))
    labels = entry["pred_labels"]
    for label in DOUBLED:
        kept = []
        for frame in frames.unique():
            rows = torch.nonzero(frames == frame)[:, 0]
            doubled = rows[labels[rows] == label]
            less = distribution[doubled].clone()
            less[:, label - 1] = 0
            parts = (
                (distribution[rows], less),
                (source[rows], source[doubled]),
                (labels[rows], less.argmax(1) + 1),
            )
            kept.append(tuple(map(torch.cat, parts)))
        distribution, source, labels = (torch.cat(parts) for parts in zip(*kept, strict=True))
        frames = entry["boxes"][source, 0]
    best, order = distribution.argmax(1), []
    for frame in frames.unique():
        for label in range(distribution.shape[1]):
            rows = torch.nonzero((frames == frame) & (best == label))[:, 0]
            rows = rows[distribution[rows, label].argsort(descending=True, stable=True)]
            stay = vidsgg_detector.suppress(entry["boxes"][source[rows], 1:], OVERLAP)
            order.append(rows[stay])
    rows = torch.cat(order)
    source, distribution = source[rows], distribution[rows]
    boxes, features = entry["boxes"][source], entry["features"][source]
    scores, labels, persons = _told(boxes[:, 0], distribution)
    found = {"boxes": boxes, "labels": labels, "pred_scores": scores, "features": features}
    found |= {"distribution": distribution, "source": source}
    return {**entry, **found} | _paired(entry, found, persons)


def _told(frames: Tensor, distribution: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores and labels [N], and every frame's person [F]: the surest of its boxes."""
    scores, best = distribution[:, 1:].max(1)
    labels, persons = best + 2, []
    for frame in frames.unique():
        rows = torch.nonzero(frames == frame)[:, 0]
        persons.append(rows[distribution[rows, 0].argmax()])
    person = torch.stack(persons)
    labels[person], scores[person] = PERSON, distribution[person, 0]
    return scores, labels, person


def _paired(entry: Mapping[str, Tensor], found: Mapping[str, Tensor], persons: Tensor) -> Entry:
    """Every person with the frame's objects, and what is seen of both."""
    frames, labels, pairs = found["boxes"][:, 0], found["labels"], []
    for person in persons.tolist():
        others = torch.nonzero((frames == frames[person]) & (labels != PERSON))[:, 0]
        pairs += [(person, other) for other in others.tolist() if other != person]
    pair_idx = torch.tensor(pairs)
    both, number = found["boxes"][:, 1:][pair_idx], frames[pair_idx[:, 0]]
    scaled = both * entry["im_info"]
    around = torch.cat([scaled[..., :2].amin(1), scaled[..., 2:].amax(1)], 1)
    union = torch.cat([number[:, None], around], 1)
    return {
        "human_idx": persons[:, None],
        "pair_idx": pair_idx,
        "im_idx": number,
        "union_box": union,
        "union_feat": vidsgg_detector.roi_align(entry["fmaps"], union),
        "spatial_masks": vidsgg_masks.fractional(both) - 0.5,
    }
