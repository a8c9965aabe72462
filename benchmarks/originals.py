"""The torch side of a comparison: a net's original, with the loss and optimizer of a recipe.

It starts from torch's own random weights. Another net is another row of `ORIGINALS`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from ml_collections import ConfigDict
from torch import Tensor, nn

from benchmarks.torch_side import TorchSide, known
from benchmarks.workload import Batch
from jaxsign.errors import UserError
from parity.reference import (
    fslr_iv3_gru,
    fslr_loss,
    fslr_train,
    fslr_transformer,
    signon_nets,
    signon_vtn,
)

Tensors = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Original:
    """What a net of jaxsign is called in torch, and how it is called there.

    Attributes:
      build: the module that a recipe's section `net` describes.
      inputs: of a batch of jaxsign's, in the original's own layout.
      forward: the module and those inputs -> logits [B, C] of every head.
    """

    build: Callable[[ConfigDict], nn.Module]
    inputs: Callable[[Batch], dict[str, np.ndarray]]
    forward: Callable[[nn.Module, Tensors], dict[str, Tensor]]


def _sign_transformer(net: ConfigDict) -> nn.Module:
    sizes = {k: v for k, v in net.items() if k not in ("name", "pooling")}
    return fslr_transformer.SignTransformer(**sizes, pooling_method=net.pooling)


def _iv3_gru(net: ConfigDict) -> nn.Module:
    return fslr_iv3_gru.InceptionV3GRU(**{k: v for k, v in net.items() if k != "name"})


def _clips_first(batch: Batch) -> dict[str, np.ndarray]:
    return {"x": batch["x"], "lengths": batch["valid"].sum(1)}


def _two_heads(
    forward: fslr_train.Forward,
) -> Callable[[nn.Module, Tensors], dict[str, Tensor]]:
    return lambda model, batch: dict(zip(("gloss", "cat"), forward(model, batch), strict=True))


def _poseformer(net: ConfigDict) -> nn.Module:
    return signon_nets.PoseFormer(
        _classes(net),
        embed_dim=net.emb_dim,
        n_layers=net.n_layers,
        n_heads=net.n_heads,
        dropout=net.dropout,
        l1_label_norm=net.label_norm,
        multilingual_conditioned=net.languages > 0,
    )


def _ptn(net: ConfigDict) -> nn.Module:
    if net.generation != "B":
        raise UserError(f"net.generation={net.generation!r}: expected 'B', whose input is points")
    return signon_nets.PTN(
        **_sizes(net, 0.2),
        d_pose=134,
        no_pose_embedding=net.embedding == "none",
        pose_embedding_kind=net.embedding,
        residual_pose_embedding=net.residual,
    )


def _vtn(net: ConfigDict) -> nn.Module:
    return signon_vtn.VTN(**_sizes(net, 0.1), backbone_name=net.backbone_name)


def _sizes(net: ConfigDict, dropout: float) -> dict[str, Any]:
    if net.dropout != dropout:
        raise UserError(f"net.dropout={net.dropout}: the original of {net.name} has {dropout}")
    return {
        "num_classes": _classes(net),
        "d_hidden": net.emb_dim,
        "num_attention_heads": net.n_heads,
        "num_attention_layers": net.n_layers,
        "lang_embedding_size": 4,
    }


def _classes(net: ConfigDict) -> list[int]:
    """One number a language; the originals use their count and their sum alone."""
    return [net.num_gloss, *[0] * (net.languages - 1)]


def _time_first(batch: Batch) -> dict[str, np.ndarray]:
    x = batch["x"].swapaxes(0, 1)
    if x.dtype == np.uint8:
        x = np.moveaxis(x.astype(np.float32) / 127.5 - 1, -1, 2)
    languages = batch.get("language", np.zeros(x.shape[1], np.int64))
    return {"x": np.ascontiguousarray(x), "languages": languages.astype(np.int64)}


def _one_head(model: nn.Module, batch: Tensors) -> dict[str, Tensor]:
    return {"gloss": model(batch["x"], batch["languages"])["logits"]}


ORIGINALS = {
    "sign_transformer": Original(
        _sign_transformer, _clips_first, _two_heads(fslr_train.transformer_forward)
    ),
    "iv3_gru": Original(_iv3_gru, _clips_first, _two_heads(fslr_train.gru_forward)),
    "poseformer": Original(_poseformer, _time_first, _one_head),
    "ptn": Original(_ptn, _time_first, _one_head),
    "vtn": Original(_vtn, _time_first, _one_head),
}


def criterion(loss: ConfigDict) -> nn.Module:
    """A recipe's loss of one head."""
    options: dict[str, dict[str, float]] = {
        "ce": {},
        "focal": {"gamma": loss.focal_gamma, "alpha": loss.focal_alpha},
        "label_smoothing": {"smoothing": loss.label_smoothing},
    }
    return fslr_loss.build(loss.name, **options[loss.name])


class Torch(TorchSide[nn.Module, Tensors, Tensors]):
    """A net of signs.

    Args:
      config: a recipe whose net tells all its sizes.
      threads: of torch.
    """

    def __init__(self, config: ConfigDict, threads: int):
        torch.set_num_threads(threads)
        self.original = known("net.name", config.net.name, ORIGINALS)
        super().__init__(config, lambda: self.original.build(config.net))
        self.criterion = criterion(config.loss)
        self.heads = dict(zip(config.task.heads, config.loss.weights, strict=True))

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        arrays = self.original.inputs(batch)
        arrays |= {head: batch[head].astype(np.int64) for head in self.heads}
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    def backward(self, given: Tensors) -> None:
        self.loss(given).backward()

    def loss(self, batch: Tensors) -> Tensor:
        """The weighted sum of the heads' losses."""
        logits = self.original.forward(self.model, batch)
        parts = [w * self.criterion(logits[head], batch[head]) for head, w in self.heads.items()]
        return torch.stack(parts).sum()

    def to_score(self, batch: Batch) -> dict[str, Tensor]:
        return self.prepare(batch)

    def score(self, batches: Iterable[Tensors]) -> float:
        """The share of clips whose gloss is told."""
        hits = [self.predict(batch)["gloss"].argmax(-1) == batch["gloss"] for batch in batches]
        return torch.cat(hits).float().mean().item()

    def predict(self, batch: Tensors) -> dict[str, Tensor]:
        self.model.eval()
        with torch.inference_mode():
            return self.original.forward(self.model, batch)
