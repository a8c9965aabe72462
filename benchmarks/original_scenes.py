"""The torch side of a comparison on scenes: the original's loop over videos."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from torch import Tensor

from jaxsign.input.scenes.scene import Scene
from jaxsign.nets.layers import spatial_masks
from parity.reference import vidsgg_sttran

Entry = Mapping[str, Tensor]


def video(scene: Scene) -> dict[str, Tensor]:
    """A scene as the original's net takes it; masks, which it draws on the host, are ready."""
    assert scene.features is not None and scene.union_features is not None
    kept = np.flatnonzero(scene.labelled)
    pairs = scene.pairs[kept]
    masks = np.moveaxis(np.asarray(spatial_masks.spatial_masks(scene.boxes[pairs])), -1, 1)
    arrays = {
        "boxes": np.concatenate([scene.box_frames[:, None], scene.boxes], 1),
        "labels": scene.labels.astype(np.int64),
        "features": scene.features,
        "union_feat": np.moveaxis(scene.union_features[kept], -1, 1).astype(np.float32),
        "spatial_masks": masks,
        "pair_idx": pairs.astype(np.int64),
        "im_idx": scene.pair_frames[kept].astype(np.int64),
        "relations": scene.relations[kept],
    }
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}


class Torch:
    """The original's step: a video, its losses, clipped gradients, AdamW (torch's own)."""

    def __init__(self, config: ConfigDict):
        net = config.net
        torch.manual_seed(0)
        self._ends = np.cumsum(net.predicates)[:-1].tolist()
        self.module = vidsgg_sttran.STTran(
            net.mode, net.predicates, net.spatial_layers, net.temporal_layers,
            classes=net.num_objects, hidden=net.hidden_dim, words=net.word_dim,
            features=net.feature_dim, channels=net.union_dim, rate=net.dropout,
        )  # fmt: skip
        optim = config.optim
        self._clip = float(optim.grad_clip)
        self._optimizer = torch.optim.AdamW(
            self.module.parameters(), lr=optim.lr, weight_decay=optim.weight_decay
        )

    def train(self, videos: Sequence[Entry]) -> None:
        """A step a video, as the original trains."""
        self.module.train()
        for entry in videos:
            self._optimizer.zero_grad()
            self._loss(entry).backward()
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self._clip)
            self._optimizer.step()

    def predict(self, videos: Sequence[Entry]) -> None:
        """An answer a video."""
        self.module.eval()
        with torch.no_grad():
            for entry in videos:
                self.module(entry)

    def _loss(self, entry: Entry) -> Tensor:
        outputs = self.module(entry)
        attention, *several = torch.tensor_split(entry["relations"], self._ends, dim=1)
        total = F.cross_entropy(outputs["attention_distribution"], attention.int().argmax(1))
        for name, truth in zip(("spatial", "contacting"), several, strict=True):
            listed = torch.full(truth.shape, -1)
            for row, one in enumerate(truth):
                true = torch.nonzero(one)[:, 0]
                listed[row, : len(true)] = true
            total = total + F.multilabel_margin_loss(outputs[f"{name}_distribution"], listed)
        return total
