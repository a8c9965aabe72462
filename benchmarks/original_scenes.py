"""The torch side of a comparison on scenes: the original's net, which takes one video at a time."""

from collections.abc import Iterable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from torch import Tensor, nn

from benchmarks import original_nets
from benchmarks.torch_side import TorchSide
from benchmarks.workload import Batch
from jaxsign.nets.layers import spatial_masks
from jaxsign.tasks.scenes import padded, recall, scene_tasks

Entry = Mapping[str, Tensor]
_SHOWN = recall.CUTS.index(20)


def videos(batch: Batch) -> list[dict[str, Tensor]]:
    """A batch's videos as the original's net takes them; what is padded has no row.

    Masks, which the original draws on the host, are ready.
    """
    parts = {name: value for name, value in batch.items() if value.ndim > 1}
    make = _actions if "verbs" in batch else _video
    if "verbs" not in batch:
        boxes, pairs = batch["boxes"], batch["pairs"]
        count, frames = np.ogrid[: len(boxes), : boxes.shape[1]]
        of_pairs = boxes[count[..., None, None], frames[..., None, None], pairs]
        masks = np.moveaxis(np.asarray(spatial_masks.spatial_masks(jnp.asarray(of_pairs))), -1, -3)
        parts["spatial_masks"] = masks
    rows = [
        {name: value[row] for name, value in parts.items()} for row in range(len(parts["boxes"]))
    ]
    return [
        {k: torch.from_numpy(np.ascontiguousarray(a)) for k, a in make(row).items()} for row in rows
    ]


def _video(row: Batch) -> Batch:
    """One video's padded arrays, [F, M, ...] and [F, Q, ...], flat."""
    kept = row["valid_pairs"] & row["labelled"]
    frames, _ = np.nonzero(row["valid_boxes"])
    pair_frames, _ = np.nonzero(kept)
    number = row["valid_boxes"].ravel().cumsum().reshape(row["valid_boxes"].shape) - 1
    return {
        "boxes": _numbered(frames, row["boxes"][row["valid_boxes"]]),
        "labels": row["labels"][row["valid_boxes"]].astype(np.int64),
        "features": row["features"][row["valid_boxes"]],
        "union_feat": np.moveaxis(row["union_features"][kept], -1, 1).astype(np.float32),
        "spatial_masks": row["spatial_masks"][kept],
        "pair_idx": number[pair_frames[:, None], row["pairs"][kept]],
        "im_idx": pair_frames,
        "relations": row["relations"][kept],
    }


def _actions(row: Batch) -> Batch:
    """The same of a video of graphs: a row an object, of which the wearer is none."""
    kept = row["valid_pairs"] & row["labelled"]
    frames, _ = np.nonzero(kept)
    places = frames, row["pairs"][kept][:, 1]
    return {
        "boxes": _numbered(frames, row["boxes"][places]),
        "labels": row["labels"][places].astype(np.int64) - 2,
        "labels_verb": row["verbs"][kept].astype(np.int64),
        "features": row["features"][places],
        "features_verb": row["verb_features"][kept],
        "im_idx": frames,
        "relations": row["relations"][kept],
    }


def _numbered(frames: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([frames[:, None], boxes], 1).astype(np.float32)


class Torch(TorchSide[nn.Module, Sequence[Entry], tuple[Batch, Sequence[Entry]]]):
    """The original's net with a recipe's losses; a step takes the mean of its videos' losses.

    Args:
      config: a recipe whose net tells all its sizes.

    Raises:
      UserError: torch's side has no counterpart of the recipe's net or optimizer.
    """

    def __init__(self, config: ConfigDict):
        super().__init__(config, lambda: original_nets.build(config.net))
        self._words = scene_tasks.words_of(config)
        self._of_several = config.loss.of_several
        self._verbs_given = config.net.name == "easg"

    def prepare(self, batch: Batch) -> list[dict[str, Tensor]]:
        return videos(batch)

    def to_score(self, batch: Batch) -> tuple[Batch, list[dict[str, Tensor]]]:
        return batch, videos(batch)

    def backward(self, given: Sequence[Entry]) -> None:
        for entry in given:
            (self.loss(entry) / len(given)).backward()

    def predict(self, entries: Iterable[Entry]) -> list[Tensor]:
        """Of every video, [P, R]: logits of the first group, probabilities of the others."""
        self.model.eval()
        with torch.no_grad():
            return [original_nets.told(self.model, entry)[0] for entry in entries]

    def score(self, batches: Iterable[tuple[Batch, Sequence[Entry]]]) -> float:
        """R@20 with constraint over all videos."""
        sums: dict[str, np.ndarray] = {}
        for batch, entries in batches:
            told = np.zeros(batch["relations"].shape, np.float32)
            kept = batch["valid_pairs"] & batch["labelled"]
            told[kept] = torch.cat(self.predict(entries)).numpy()
            # As logits, which the evaluator takes.
            several = told[..., self._words.parts[0].stop :]
            several[:] = np.log(several.clip(1e-7)) - np.log((1 - several).clip(1e-7))
            outputs = {**batch, "relations": told, "valid_pairs": kept}
            truth = padded.truth(batch)
            answers = padded.answers(batch["boxes"], outputs, self._words)
            found = recall.ranks(answers, truth, self._words, "with")
            counted = recall.count(found, truth, self._words)
            sums = {name: sums.get(name, 0) + value for name, value in counted.items()}
        return float(recall.recall(sums)[_SHOWN])

    def loss(self, entry: Entry) -> Tensor:
        """A video's: the sum over branches and groups of the mean over pairs."""
        groups = list(zip(self._words.groups, self._words.parts, strict=True))
        if self._verbs_given:  # only edges are told
            edges = groups[1]
            groups = [(edges[0], slice(0, len(edges[0])))]
            entry = {**entry, "relations": entry["relations"][:, edges[1]]}
        total = torch.zeros(())
        for found in original_nets.told(self.model, entry):
            for group, part in groups:
                total = total + self._of_group(group.kind, found[:, part], entry, part)
        return total

    def _of_group(self, kind: str, told: Tensor, entry: Entry, part: slice) -> Tensor:
        truth = entry["relations"][:, part]
        if kind == "one":
            return F.cross_entropy(told, truth.int().argmax(1))
        if self._of_several == "bce":
            return F.binary_cross_entropy(told, truth.float())
        return F.multilabel_margin_loss(told, _listed(truth))


def _listed(truth: Tensor) -> Tensor:
    """bool [P, K] -> int [P, K], the true ones first, then -1."""
    order = torch.argsort((~truth).int(), dim=1, stable=True)
    there = torch.arange(truth.shape[1]) < truth.sum(1, keepdim=True)
    return torch.where(there, order, -1)
