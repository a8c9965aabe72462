"""The torch side of a comparison on scenes: the original's net, which takes one video at a time."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from torch import Tensor

from benchmarks.workload import Batch
from jaxsign.errors import UserError
from jaxsign.nets.layers import spatial_masks
from jaxsign.tasks.scenes import padded, recall, scene_tasks
from parity.reference import vidsgg_sttran

Entry = Mapping[str, Tensor]
_SHOWN = recall.CUTS.index(20)
# What the reference has for good.
_FIXED = {
    "name": "sttran",
    "mode": "predcls",
    "n_heads": vidsgg_sttran.HEADS,
    "masks": "fractional",
}


def videos(batch: Batch) -> list[dict[str, Tensor]]:
    """A batch's videos as the original's net takes them.

    Masks, which the original draws on the host, are ready.
    """
    boxes, pairs = batch["boxes"], batch["pairs"]
    count, frames = np.ogrid[: len(boxes), : boxes.shape[1]]
    of_pairs = boxes[count[..., None, None], frames[..., None, None], pairs]
    masks = np.moveaxis(np.asarray(spatial_masks.spatial_masks(of_pairs)), -1, -3)
    parts = {name: value for name, value in batch.items() if value.ndim > 1}
    parts["spatial_masks"] = masks
    return [
        _video({name: value[row] for name, value in parts.items()}) for row in range(len(boxes))
    ]


def _video(row: Batch) -> dict[str, Tensor]:
    """One video's padded arrays, [F, M, ...] and [F, Q, ...], flat."""
    kept = row["valid_pairs"] & row["labelled"]
    frames, _ = np.nonzero(row["valid_boxes"])
    pair_frames, _ = np.nonzero(kept)
    number = row["valid_boxes"].ravel().cumsum().reshape(row["valid_boxes"].shape) - 1
    arrays = {
        "boxes": np.concatenate([frames[:, None], row["boxes"][row["valid_boxes"]]], 1),
        "labels": row["labels"][row["valid_boxes"]].astype(np.int64),
        "features": row["features"][row["valid_boxes"]],
        "union_feat": np.moveaxis(row["union_features"][kept], -1, 1).astype(np.float32),
        "spatial_masks": row["spatial_masks"][kept],
        "pair_idx": number[pair_frames[:, None], row["pairs"][kept]],
        "im_idx": pair_frames,
        "relations": row["relations"][kept],
    }
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}


class Torch:
    """The original's net with a recipe's losses, clipped gradients and AdamW (torch's own).

    Args:
      config: a recipe whose net tells all its sizes.

    Raises:
      UserError: the original has no counterpart of the recipe's net.
    """

    def __init__(self, config: ConfigDict):
        net, self._words = config.net, scene_tasks.words_of(config)
        for key, value in _FIXED.items():
            if net[key] != value:
                raise UserError(f"net.{key}={net[key]!r}: the torch side has {value!r}")
        torch.manual_seed(config.seed)
        self._of_several = config.loss.of_several
        self.model = vidsgg_sttran.STTran(
            net.mode, net.predicates, net.spatial_layers, net.temporal_layers,
            classes=net.num_objects, hidden=net.hidden_dim, words=net.word_dim,
            features=net.feature_dim, channels=net.union_dim, maps=net.map_dim,
            inner=net.classifier_dim, feed_forward=net.ff_dim, rate=net.dropout,
        )  # fmt: skip
        optim = config.optim
        self._clip = float(optim.grad_clip)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=optim.lr, betas=(optim.b1, optim.b2), eps=optim.eps,
            weight_decay=optim.weight_decay,
        )  # fmt: skip

    def prepare(self, batch: Batch) -> list[dict[str, Tensor]]:
        """The videos of a step."""
        return videos(batch)

    def to_score(self, batch: Batch) -> tuple[Batch, list[dict[str, Tensor]]]:
        """What `score` takes of a batch without filler rows."""
        return batch, videos(batch)

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def train(self, groups: Iterable[Sequence[Entry]]) -> None:
        """A step a group: the mean of its videos' losses."""
        self.model.train()
        for group in groups:
            self._optimizer.zero_grad()
            for entry in group:
                (self.loss(entry) / len(group)).backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
            self._optimizer.step()

    def predict(self, entries: Iterable[Entry]) -> list[Tensor]:
        """Of every video, [P, R]: logits of the first group, probabilities of the others."""
        self.model.eval()
        with torch.no_grad():
            return [_relations(self.model(entry)) for entry in entries]

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
        """A video's: the sum over groups of the mean over pairs."""
        found = _relations(self.model(entry))
        total = torch.zeros(())
        for group, part in zip(self._words.groups, self._words.parts, strict=True):
            told, truth = found[:, part], entry["relations"][:, part]
            if group.kind == "one":
                total = total + F.cross_entropy(told, truth.int().argmax(1))
            elif self._of_several == "bce":
                total = total + F.binary_cross_entropy(told, truth.float())
            else:
                total = total + F.multilabel_margin_loss(told, _listed(truth))
        return total


def _relations(outputs: Mapping[str, Tensor]) -> Tensor:
    names = ("attention", "spatial", "contacting")
    return torch.cat([outputs[f"{name}_distribution"] for name in names], 1)


def _listed(truth: Tensor) -> Tensor:
    """bool [P, K] -> int [P, K], the true ones first, then -1."""
    order = torch.argsort((~truth).int(), dim=1, stable=True)
    there = torch.arange(truth.shape[1]) < truth.sum(1, keepdim=True)
    return torch.where(there, order, -1)
