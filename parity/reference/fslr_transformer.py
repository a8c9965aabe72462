"""SignTransformer of fslr-transformer-vs-iv3gru, in torch.

A pre-norm encoder over frames with two heads. Quirks of the original that are kept: the input
norm stands after the positional encoding, there is no final norm, `cls_token` is a parameter in
every pooling mode, and a row without a valid frame has NaN attention.
"""

import math

import torch
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    """Adds the sinusoidal table `pe` [1, max_len, E], then dropout."""

    def __init__(self, emb_dim: int, max_len: int, dropout: float):
        super().__init__()
        position = torch.arange(max_len, dtype=torch.float32).unsqueeze(1)
        rate = torch.exp(torch.arange(0, emb_dim, 2).float() * (-math.log(10000.0) / emb_dim))
        pe = torch.zeros(max_len, emb_dim)
        pe[:, 0::2] = torch.sin(position * rate)
        pe[:, 1::2] = torch.cos(position * rate)
        self.pe: Tensor
        self.register_buffer("pe", pe.unsqueeze(0))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > self.pe.shape[1]:
            raise ValueError(f"{x.shape[1]} frames are more than max_len {self.pe.shape[1]}")
        return self.dropout(x + self.pe[:, : x.shape[1]])


class LayerNorm(nn.Module):
    """Norm over the last axis: biased variance, eps 1e-6 inside the root."""

    def __init__(self, emb_dim: int, eps: float = 1e-6):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(emb_dim))
        self.beta = nn.Parameter(torch.zeros(emb_dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=-1, keepdim=True)
        variance = x.var(dim=-1, keepdim=True, unbiased=False)
        return self.gamma * (x - mean) / torch.sqrt(variance + self.eps) + self.beta


class MultiHeadAttention(nn.Module):
    """Self-attention [B, T, E] -> [B, T, E] and its weights [B, H, T, T]; masks keys only."""

    def __init__(self, emb_dim: int, n_heads: int, dropout: float):
        super().__init__()
        if emb_dim % n_heads:
            raise ValueError(f"emb_dim {emb_dim} is not divisible by n_heads {n_heads}")
        self.n_heads = n_heads
        self.W_q = nn.Linear(emb_dim, emb_dim)
        self.W_k = nn.Linear(emb_dim, emb_dim)
        self.W_v = nn.Linear(emb_dim, emb_dim)
        self.W_o = nn.Linear(emb_dim, emb_dim)
        self.dropout = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        q, k, v = self._split(self.W_q(x)), self._split(self.W_k(x)), self._split(self.W_v(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        merged = (self.dropout(weights) @ v).transpose(1, 2).flatten(2)
        return self.W_o(merged), weights


class FeedForward(nn.Module):
    def __init__(self, emb_dim: int, ff_dim: int, dropout: float):
        super().__init__()
        self.linear1 = nn.Linear(emb_dim, ff_dim)
        self.linear2 = nn.Linear(ff_dim, emb_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(torch.relu(self.linear1(x))))


class Residual(nn.Module):
    """The norm before a sub-layer and the dropout after it."""

    def __init__(self, emb_dim: int, dropout: float):
        super().__init__()
        self.norm = LayerNorm(emb_dim)
        self.dropout = nn.Dropout(dropout)


class EncoderLayer(nn.Module):
    def __init__(self, emb_dim: int, n_heads: int, ff_dim: int, dropout: float):
        super().__init__()
        self.attention = MultiHeadAttention(emb_dim, n_heads, dropout)
        self.feed_forward = FeedForward(emb_dim, ff_dim, dropout)
        self.residual1 = Residual(emb_dim, dropout)
        self.residual2 = Residual(emb_dim, dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        attended, weights = self.attention(self.residual1.norm(x), mask)
        x = x + self.residual1.dropout(attended)
        x = x + self.residual2.dropout(self.feed_forward(self.residual2.norm(x)))
        return x, weights


def _head(emb_dim: int, classes: int, dropout: float) -> nn.Sequential:
    half = emb_dim // 2
    return nn.Sequential(
        nn.Linear(emb_dim, half), nn.ReLU(), nn.Dropout(dropout), nn.Linear(half, classes)
    )


def pool(h: Tensor, mask: Tensor | None, method: str) -> Tensor:
    """[B, T, E] -> [B, E]; rows without a valid frame become zeros ('mean', 'max')."""
    if method == "cls":
        return h[:, 0]
    if mask is None:
        return h.mean(dim=1) if method == "mean" else h.amax(dim=1)
    seen = mask.sum(dim=1, keepdim=True)
    if method == "mean":
        weight = mask.unsqueeze(-1).to(h.dtype)
        pooled = (h * weight).sum(dim=1) / seen.clamp(min=1)
    else:
        pooled = h.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)
    return torch.where(seen == 0, torch.zeros_like(pooled), pooled)


class SignTransformer(nn.Module):
    """Clips [B, T, input_dim] -> gloss logits [B, G] and category logits [B, C]."""

    def __init__(
        self,
        input_dim: int = 156,
        emb_dim: int = 256,
        n_heads: int = 8,
        n_layers: int = 4,
        num_gloss: int = 105,
        num_cat: int = 10,
        dropout: float = 0.1,
        max_len: int = 300,
        ff_dim: int | None = None,
        pooling_method: str = "mean",
    ):
        super().__init__()
        if pooling_method not in ("mean", "max", "cls"):
            raise ValueError(f"pooling_method is {pooling_method!r}, expected mean, max or cls")
        self.input_dim, self.pooling_method = input_dim, pooling_method
        self.cls_token = nn.Parameter(torch.randn(1, 1, emb_dim))
        self.embedding = nn.Linear(input_dim, emb_dim)
        self.pos_encoder = PositionalEncoding(emb_dim, max_len, dropout)
        self.input_norm = LayerNorm(emb_dim)
        self.encoder_layers = nn.ModuleList(
            EncoderLayer(emb_dim, n_heads, ff_dim or 4 * emb_dim, dropout) for _ in range(n_layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.gloss_head = _head(emb_dim, num_gloss, dropout)
        self.category_head = _head(emb_dim, num_cat, dropout)

    def encode(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Encoder output, the mask with the CLS column, and every layer's attention weights."""
        if x.ndim != 3 or x.shape[-1] != self.input_dim:
            raise ValueError(f"x has shape {list(x.shape)}, expected [B, T, {self.input_dim}]")
        if mask is not None and mask.shape != x.shape[:2]:
            raise ValueError(f"mask {list(mask.shape)} does not fit x {list(x.shape)}")
        h = self.embedding(x)
        if self.pooling_method == "cls":
            h = torch.cat([self.cls_token.expand(len(x), -1, -1), h], dim=1)
            mask = None if mask is None else torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        h = self.input_norm(self.pos_encoder(h))
        attention = []
        for layer in self.encoder_layers:
            h, weights = layer(h, mask)
            attention.append(weights)
        return h, mask, attention

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h, mask, _ = self.encode(x, mask)
        pooled = self.dropout(pool(h, mask, self.pooling_method))
        return self.gloss_head(pooled), self.category_head(pooled)

    def get_attention_weights(self, x: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """[B, H, T, T] a layer, after the softmax (T + 1 with CLS pooling)."""
        return self.encode(x, mask)[2]
