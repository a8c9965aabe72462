"""ASLModel of google_asl_recognition in torch: TCN, BiLSTM, attention, Conv1D and a transformer.

Quirks of the original that are kept: no padding mask anywhere, BatchNorm momentum 0.95, a "nose"
point that is the lower lip, an acceleration that is a difference over two frames, a cosine that
needs more than three frames, and a dropout ramp whose counter is in no checkpoint.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FACE = (33, 133, 362, 263, 61, 291, 199, 419, 17, 84, 17, 314, 405, 320, 307, 375, 321, 308, 324)
POINTS = (*FACE, 318, *range(501, 522), *range(522, 543))
CENTRE = 17
MOMENTUM = 0.95


class AdaptiveDropout(nn.Module):
    """Dropout whose rate grows from `initial` to `final` over `warmup` epochs."""

    def __init__(self, initial: float = 0.1, final: float = 0.6, warmup: int = 30):
        super().__init__()
        self.initial, self.final, self.warmup, self.counter = initial, final, warmup, 0

    def start_epoch(self) -> None:
        """To be called at the start of every training epoch, the first one too."""
        self.counter += 1

    @property
    def rate(self) -> float:
        share = min(self.counter / self.warmup, 1.0)
        return self.initial + (self.final - self.initial) * share

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate, self.training)


class LateDropout(nn.Module):
    """Dropout from step `start_step` on; the original counts steps by hand."""

    def __init__(self, p: float = 0.8, start_step: int = 0):
        super().__init__()
        self.p, self.start_step, self.counter = p, start_step, 0

    @property
    def rate(self) -> float:
        return self.p if self.counter >= self.start_step else 0.0

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate, self.training)


def drop_path(x: Tensor, uniform: Tensor, p: float) -> Tensor:
    """x * floor(keep + u) / keep with one given u a sample."""
    keep = 1 - p
    return x * torch.floor(keep + uniform).reshape(-1, *[1] * (x.ndim - 1)) / keep


class PreprocessingLayer(nn.Module):
    """Landmarks [B, T, 543, 3] (or [T, 543, 3]) -> motion features [B, min(T, max_len), 12 P]."""

    def __init__(self, max_len: int | None = 384, point_landmarks: list[int] | None = None):
        super().__init__()
        self.max_len = max_len
        self.points = list(POINTS if point_landmarks is None else point_landmarks)

    def forward(self, x: Tensor) -> Tensor:
        x = x if x.ndim == 4 else x[None]
        centre = x[:, :, CENTRE, :2].nan_to_num(0.5).mean(1)[:, None, None]
        picked = x[:, :, self.points, :2]
        zeroed = picked.nan_to_num(0.0)
        spread = zeroed.flatten(1, 2).std(1)[:, None, None]
        q = ((picked - centre) / (spread + 1e-8))[:, : self.max_len]
        return torch.cat(self._features(q), dim=-1).nan_to_num(0.0)

    def _features(self, q: Tensor) -> list[Tensor]:
        frames = q.shape[1]
        velocity, second, relative, cosine = (torch.zeros_like(q) for _ in range(4))
        if frames > 1:
            velocity[:, :-1] = q[:, 1:] - q[:, :-1]
            relative[:, :-1, :-1] = q[:, 1:, :-1] - q[:, :-1, 1:]
        if frames > 2:
            second[:, :-2] = q[:, 2:] - q[:, :-2]
        if frames > 3:
            both = F.cosine_similarity(velocity[:, :-2], velocity[:, 1:-1], dim=-1, eps=1e-8)
            cosine[:, :-2] = both[..., None]
        length = velocity.square().sum(-1).sqrt()
        angle = torch.atan2(velocity[..., 1], velocity[..., 0])
        wide = [part.flatten(2) for part in (q, velocity, second, relative, cosine)]
        return [*wide, length, angle]


def norm(x: Tensor, layer: nn.BatchNorm1d) -> Tensor:
    """BatchNorm over the last axis of [B, T, C]."""
    return layer(x.transpose(1, 2)).transpose(1, 2)


class TemporalConvBlock(nn.Module):
    """Gated pair of depthwise separable causal convolutions with a residual."""

    def __init__(self, dim: int, kernel_size: int = 17, dilation: int = 1, drop_rate: float = 0.2):
        super().__init__()
        self.cut = (kernel_size - 1) * dilation
        how: Any = {"padding": self.cut, "dilation": dilation, "groups": dim}
        self.conv1 = nn.Conv1d(dim, dim, kernel_size, **how)
        self.conv2 = nn.Conv1d(dim, dim, 1)
        self.gate_conv = nn.Conv1d(dim, dim, kernel_size, **how)
        self.gate_conv2 = nn.Conv1d(dim, dim, 1)
        self.bn = nn.BatchNorm1d(dim, momentum=MOMENTUM)
        self.dropout = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        length, turned = x.shape[1], x.transpose(1, 2)
        main = self.conv2(self.conv1(turned)[..., :length])
        gate = torch.sigmoid(self.gate_conv2(self.gate_conv(turned)[..., :length]))
        return self.dropout(self.bn(main * gate)).transpose(1, 2) + x


class Conv1DBlock(nn.Module):
    """Depthwise separable causal convolution, BatchNorm, SiLU, with a residual."""

    def __init__(self, dim: int, kernel_size: int = 17, drop_rate: float = 0.2):
        super().__init__()
        cut = kernel_size - 1
        self.depthwise = nn.Conv1d(dim, dim, kernel_size, padding=cut, groups=dim)
        self.pointwise = nn.Conv1d(dim, dim, 1)
        self.bn = nn.BatchNorm1d(dim, momentum=MOMENTUM)
        self.dropout = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        turned = x.transpose(1, 2)
        h = self.pointwise(self.depthwise(turned)[..., : x.shape[1]])
        return self.dropout(F.silu(self.bn(h))).transpose(1, 2) + x


class BidirectionalLSTM(nn.Module):
    """LSTM in both directions, projected back to the width; no residual."""

    def __init__(
        self, dim: int, hidden_dim: int | None = None, num_layers: int = 2, drop_rate: float = 0.2
    ):
        super().__init__()
        hidden = dim if hidden_dim is None else hidden_dim
        between = drop_rate if num_layers > 1 else 0.0
        self.lstm = nn.LSTM(
            dim, hidden, num_layers, batch_first=True, dropout=between, bidirectional=True
        )
        self.projection = nn.Linear(2 * hidden, dim)
        self.dropout = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.projection(self.lstm(x)[0]))


class TemporalAttention(nn.Module):
    """Self-attention with learned positions (up to 1000 frames); no residual, no norm."""

    def __init__(self, dim: int, num_heads: int = 8, drop_rate: float = 0.2):
        super().__init__()
        self.num_heads = num_heads
        self.temporal_pos_enc = nn.Parameter(torch.randn(1, 1000, dim))
        self.temporal_q = nn.Linear(dim, dim)
        self.temporal_k = nn.Linear(dim, dim)
        self.temporal_v = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] <= self.temporal_pos_enc.shape[1]:
            x = x + self.temporal_pos_enc[:, : x.shape[1]]
        q, k, v = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer in (self.temporal_q, self.temporal_k, self.temporal_v)
        )
        weights = self.dropout(torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1))
        return self.dropout(self.output_proj((weights @ v).transpose(1, 2).flatten(2)))


class TransformerBlock(nn.Module):
    """Post-norm block whose norms are BatchNorms."""

    def __init__(self, dim: int, num_heads: int = 8, expand: int = 2, drop_rate: float = 0.2):
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, num_heads, dropout=drop_rate, batch_first=True)
        self.attention_norm = nn.BatchNorm1d(dim, momentum=MOMENTUM)
        self.ffn = nn.Sequential(
            nn.Linear(dim, expand * dim),
            nn.SiLU(),
            nn.Dropout(drop_rate),
            nn.Linear(expand * dim, dim),
            nn.Dropout(drop_rate),
        )
        self.ffn_norm = nn.BatchNorm1d(dim, momentum=MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        x = norm(x + self.attention(x, x, x)[0], self.attention_norm)
        return norm(x + self.ffn(x), self.ffn_norm)


class ASLModel(nn.Module):
    """Landmarks [B, T, 543, 3] -> logits [B, num_classes]."""

    def __init__(
        self,
        input_dim: int = 744,
        num_classes: int = 25,
        max_len: int = 384,
        dim: int = 192,
        dropout_step: int = 0,
    ):
        super().__init__()
        del dropout_step  # accepted and unused in the original
        self.preprocessing = PreprocessingLayer(max_len)
        self.stem_conv = nn.Linear(input_dim, dim, bias=False)
        self.stem_bn = nn.BatchNorm1d(dim, momentum=MOMENTUM)
        self.stem_dropout = AdaptiveDropout(0.1, 0.3, 20)
        self.tcn1 = TemporalConvBlock(dim, 17, 1, 0.15)
        self.tcn2 = TemporalConvBlock(dim, 17, 2, 0.2)
        self.tcn3 = TemporalConvBlock(dim, 17, 4, 0.25)
        self.attention_projection = nn.Linear(dim, dim)
        self.lstm = BidirectionalLSTM(dim, dim // 2, 2, 0.15)
        self.temporal_attention = TemporalAttention(dim, 8, 0.15)
        self.conv1 = Conv1DBlock(dim, 17, 0.15)
        self.conv2 = Conv1DBlock(dim, 17, 0.2)
        self.conv3 = Conv1DBlock(dim, 17, 0.25)
        self.transformer1 = TransformerBlock(dim, 8, 2, 0.15)
        self.top_conv = nn.Linear(dim, dim)
        self.top_bn = nn.BatchNorm1d(dim, momentum=MOMENTUM)
        self.adaptive_dropout = AdaptiveDropout(0.2, 0.5, 25)
        self.attention_pool = nn.MultiheadAttention(dim, 4, dropout=0.1, batch_first=True)
        self.classifier = nn.Sequential(
            nn.Linear(3 * dim, dim),
            nn.BatchNorm1d(dim),
            nn.SiLU(),
            nn.Dropout(0.3),
            nn.Linear(dim, num_classes),
        )
        self.apply(_initialise)

    def trunk(self, x: Tensor) -> dict[str, Tensor]:
        """Every submodule's result in order, the last one `pooled` [B, 3 dim]."""
        found = {"preprocessing": self.preprocessing(x)}
        h = found["stem_bn"] = norm(self.stem_conv(found["preprocessing"]), self.stem_bn)
        h = self.stem_dropout(h)
        for name in (
            *("tcn1", "tcn2", "tcn3", "lstm", "temporal_attention"),
            *("conv1", "conv2", "conv3", "transformer1"),
        ):
            h = found[name] = self.get_submodule(name)(h)
        h = found["top_bn"] = norm(self.top_conv(h), self.top_bn)
        h = self.adaptive_dropout(h)
        y = self.attention_projection(h)
        attended = found["attention_pool"] = self.attention_pool(y, y, y)[0]
        found["pooled"] = torch.cat([h.mean(1), h.amax(1), attended.mean(1)], dim=-1)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.trunk(x)["pooled"])


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv1d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM):
        for name, parameter in module.named_parameters():
            (nn.init.orthogonal_ if "weight" in name else nn.init.zeros_)(parameter)
