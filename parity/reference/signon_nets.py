"""SignON's PoseFormer and PTN in torch, with their state_dict keys.

Quirks of the originals that are kept: distances of 0 give NaN and infinity; PoseFormer takes frames
whose features sum to 0 for padding, and lets what flows into padding between two convolutions flow
back; its dropout stands before the activation; PTN's layers start as copies of one another.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def features(points: Tensor) -> Tensor:
    """[T, B, 75, 3] -> [T, B, 134]: normalised x and y of body and hands."""
    neck = (points[:, :, 11] + points[:, :, 12]) / 2
    width = (points[:, :, 11] - points[:, :, 12]).norm(dim=-1)
    made = (points - neck[:, :, None]) / width[..., None, None]
    left, right = (_hand(made[:, :, start : start + 21]) for start in (33, 54))
    return torch.cat([made[:, :, :25], left, right], dim=2)[..., :2].flatten(2)


def _hand(hand: Tensor) -> Tensor:
    hand = hand - hand[:, :, :1]
    return hand / hand[:, :, 9].norm(dim=-1)[..., None, None]


def table(width: int, rows: int = 1000) -> Tensor:
    """Sines and cosines [rows, width]."""
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = torch.arange(rows)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class Positions(nn.Module):
    """Adds the table along the first axis, or the second of batch-first arrays, and drops some."""

    def __init__(self, width: int, batch_first: bool = False):
        super().__init__()
        pe = table(width)
        self.register_buffer("pe", pe[None] if batch_first else pe[:, None])
        self.batch_first, self.dropout = batch_first, nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        pe = self.get_buffer("pe")
        return self.dropout(x + (pe[:, : x.shape[1]] if self.batch_first else pe[: len(x)]))


def dense_layers(width: int, d: int, activation: type[nn.Module], rate: float) -> nn.Sequential:
    """The embedding of a frame."""
    layers: list[nn.Module] = []
    for out in (4 * width, 4 * d, 2 * d):
        layers += [nn.Linear(width, out), nn.LayerNorm(out), activation(), nn.Dropout(rate)]
        width = out
    return nn.Sequential(*layers, nn.Linear(width, d), nn.LayerNorm(d))


class TanhGELU(nn.GELU):
    """GELU in its tanh form."""

    def __init__(self) -> None:
        super().__init__(approximate="tanh")


class FrameEmbed(nn.Module):
    """Dense layers beside one product."""

    def __init__(self, width: int, d: int, rate: float):
        super().__init__()
        self.proj = dense_layers(width, d, TanhGELU, rate)
        self.upsample = nn.Linear(width, d)

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x) + self.proj(x)


class Attention(nn.Module):
    """One product for query, key and value."""

    def __init__(self, d: int, heads: int, rate: float):
        super().__init__()
        self.heads, self.rate = heads, rate
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = scores.masked_fill(mask[:, None, None], -torch.inf).softmax(-1)
        mixed = F.dropout(weights, self.rate, self.training) @ v
        return F.dropout(self.proj(mixed.transpose(1, 2).flatten(2)), self.rate, self.training)


class Mlp(nn.Module):
    """Feed-forward part."""

    def __init__(self, d: int, inner: int, rate: float):
        super().__init__()
        self.fc1, self.fc2, self.drop = nn.Linear(d, inner), nn.Linear(inner, d), nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.drop(self.fc1(x)), approximate="tanh")
        return self.drop(self.fc2(h))


class Block(nn.Module):
    """Pre-norm block whose branches are dropped whole."""

    def __init__(self, d: int, heads: int, inner: int, rate: float, drop_path: float = 0.1):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(d), Attention(d, heads, rate)
        self.norm2, self.mlp = nn.LayerNorm(d), Mlp(d, inner, rate)
        self.drop_path = drop_path

    def _kept(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        keep = torch.rand(len(x), 1, 1) >= self.drop_path
        return x * keep / (1 - self.drop_path)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self._kept(self.attn(self.norm1(x), mask))
        return x + self._kept(self.mlp(self.norm2(x)))


class PoseFormer(nn.Module):
    """Points [T, B, 75, 3] -> outputs by name, batch first."""

    def __init__(
        self,
        num_classes: list[int],
        feature_size: int = 134,
        embed_dim: int = 192,
        n_layers: int = 4,
        n_heads: int = 8,
        dropout: float = 0.2,
        l1_label_norm: bool = False,
        lang_embedding_size: int = 4,
        multilingual_conditioned: bool = False,
    ):
        super().__init__()
        e, sizes = embed_dim, (3, 5, 7, 9)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, e))
        self.frame_embed = FrameEmbed(feature_size, e, dropout)
        self.pos_embed = Positions(e, batch_first=True)
        told = lang_embedding_size if multilingual_conditioned else 0
        if told:
            self.language_embedding = nn.Embedding(len(num_classes), told)
        self.input_convs = nn.ModuleList(_depthwise(feature_size, size) for size in sizes)
        self.filters = nn.ModuleList(
            nn.Sequential(_depthwise(e, size), TanhGELU(), _depthwise(e, size)) for size in sizes
        )
        self.blocks = nn.ModuleList(Block(e, n_heads, 2 * e, dropout) for _ in range(n_layers))
        self.norm, self.head = nn.LayerNorm(e), nn.Linear(e + told, sum(num_classes))
        self.logit_norm = nn.LayerNorm(sum(num_classes), eps=0.03) if l1_label_norm else None
        self.told = bool(told)
        self.apply(_initialise)

    def forward(self, x: Tensor, languages: Tensor) -> dict[str, Tensor]:
        found = features(x)
        x = found.nan_to_num().transpose(0, 1)
        mask = x.sum(-1) == 0
        keep = ~mask[..., None]
        for conv in self.input_convs:
            x = (x + _over_time(conv, x)) * keep
        spatial = self.frame_embed(x)
        x = spatial * keep
        for conv in self.filters:
            x = (x + _over_time(conv, x)) * keep
        x = self.pos_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        seen = F.pad(mask, (1, 0))
        for block in self.blocks:
            x = block(x, seen)
        h = self.norm(x)[:, 0]
        if self.told:
            h = torch.cat([h, self.language_embedding(languages)], dim=-1)
        logits = self.head(h)
        return {
            "inter/features": found,
            "inter/padding_mask": mask,
            "embedding_spatial": spatial,
            "embedding_temporal": x[:, 1:],
            "embedding_cls": x[:, 0],
            "logits": logits if self.logit_norm is None else self.logit_norm(logits),
        }


def _depthwise(width: int, size: int) -> nn.Conv1d:
    return nn.Conv1d(width, width, size, padding=size // 2, groups=width)


def _over_time(conv: nn.Module, x: Tensor) -> Tensor:
    return conv(x.transpose(1, 2)).transpose(1, 2)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear | nn.Conv1d) and module.bias is not None:
        nn.init.zeros_(module.bias)


def encoder(d: int, heads: int, inner: int, layers: int, rate: float, norm: bool) -> nn.Module:
    """torch's own encoder, time first."""
    layer = nn.TransformerEncoderLayer(d, heads, inner, rate)
    last = nn.LayerNorm(d) if norm else None
    return nn.TransformerEncoder(layer, layers, last, enable_nested_tensor=False)


class DenseEmbedding(nn.Module):
    """Dense layers, a shortcut if wanted, tanh."""

    def __init__(self, width: int, d: int, residual: bool):
        super().__init__()
        self.embedding = dense_layers(width, d, nn.ReLU, 0.125)
        self.resid = nn.Linear(width, d) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x)
        return torch.tanh(h if self.resid is None else h + self.resid(x))


class PointEmbedding(nn.Module):
    """Attention over the points of a frame."""

    def __init__(self, width: int, d: int):
        super().__init__()
        self.embedding = nn.Linear(3, 8)
        self.attention = encoder(8, 2, 16, 12, 0.1, norm=False)
        self.output_layer = nn.Linear(8 * (width // 3), d)

    def forward(self, x: Tensor) -> Tensor:
        points = x.flatten(0, 1).unflatten(-1, (-1, 3)).transpose(0, 1)
        mixed = self.attention(self.embedding(points)).transpose(0, 1).flatten(1)
        return torch.tanh(self.output_layer(mixed)).unflatten(0, x.shape[:2])


class ClipEncoder(nn.Module):
    """Embedded frames [T, B, D] -> outputs by name: what PTN and VTN share, built last."""

    def build(self, sizes: Any, rate: float) -> None:
        """Submodules in the originals' order."""
        d, counts = sizes["d_hidden"], sizes["num_classes"]
        counts = [counts] if isinstance(counts, int) else counts
        self.pos_enc = Positions(d)
        self.self_attention = encoder(
            d, sizes["num_attention_heads"], 2 * d, sizes["num_attention_layers"], rate, norm=True
        )
        told = sizes["lang_embedding_size"] if len(counts) > 1 else 0
        if told:
            self.language_embedding = nn.Embedding(len(counts), told)
        self.classifier = nn.Linear(d + told, sum(counts))
        self.cls_emb = nn.Embedding(1, d)
        self.told = bool(told)

    def encoded(self, spatial: Tensor, mask: Tensor | None, languages: Tensor) -> dict[str, Tensor]:
        """`mask`: bool [B, T], True = padding."""
        x = self.pos_enc(spatial)
        token = self.cls_emb.weight[None].expand(1, x.shape[1], -1)
        seen = None if mask is None else F.pad(mask, (1, 0))
        x = self.self_attention(torch.cat([token, x]), src_key_padding_mask=seen)
        h = torch.cat([x[0], self.language_embedding(languages)], -1) if self.told else x[0]
        return {
            "embedding_spatial": spatial.transpose(0, 1),
            "embedding_temporal": x[1:].transpose(0, 1),
            "embedding_cls": x[0],
            "logits": self.classifier(h),
        }


class PTN(ClipEncoder):
    """Generation B: points [T, B, 75, 3]; A: vectors [T, B, F], with `mask` from their lengths."""

    def __init__(self, **sizes: Any):
        super().__init__()
        d, width = sizes["d_hidden"], sizes["d_pose"]
        if sizes["no_pose_embedding"]:
            self.pose_embedding: nn.Module = nn.Linear(width, d, bias=False)
        elif sizes["pose_embedding_kind"] == "attn":
            self.pose_embedding = PointEmbedding(width, d)
        else:
            self.pose_embedding = DenseEmbedding(width, d, sizes["residual_pose_embedding"])
        self.build(sizes, 0.2)

    def forward(
        self, x: Tensor, languages: Tensor, mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        more: dict[str, Tensor] = {}
        if x.ndim == 4:
            x = features(x)
            mask = x.isnan().all(-1).transpose(0, 1)
            more = {"inter/features": x, "inter/padding_mask": mask}
        spatial = self.pose_embedding(torch.where(x.isnan(), 0.0, x))
        return self.encoded(spatial, mask, languages) | more
