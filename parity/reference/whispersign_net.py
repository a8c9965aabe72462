"""WhisperSign in torch: skeleton frontend, spatio-temporal encoder, CTC and attention decoders.

Quirks of the original that are kept: the "spatial" attention runs over time and takes no mask;
convolution and BatchNorm see padding; greedy decoding runs over padding frames unless it is given
lengths. Masks are bool, True = valid.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_RELATIVE = 2000
MAX_TARGET = 200


class PatchEmbedding(nn.Module):
    """[B, T, J, F] -> [B, ceil(T / P), d]: P frames at a time, the end filled with zeros."""

    def __init__(self, width: int, patch_size: int, d_model: int):
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Sequential(
            nn.Linear(width * patch_size, d_model), nn.GELU(), nn.Linear(d_model, d_model)
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = F.pad(x.flatten(2), (0, 0, 0, -x.shape[1] % self.patch_size))
        return self.projection(flat.unflatten(1, (-1, self.patch_size)).flatten(2))


class ConvSPE(nn.Module):
    """Depthwise and pointwise convolution over time with a residual, in place of positions."""

    def __init__(self, d_model: int, kernel_size: int = 31):
        super().__init__()
        self.depthwise = nn.Conv1d(
            d_model, d_model, kernel_size, padding=kernel_size // 2, groups=d_model, bias=False
        )
        self.pointwise = nn.Conv1d(d_model, d_model, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pointwise(F.gelu(self.depthwise(x.transpose(1, 2)))).transpose(1, 2)


class SignLanguageFrontend(nn.Module):
    """Joints [B, T, J, F] -> embeddings [B, T', d] and their lengths [B] (None without lengths)."""

    def __init__(
        self,
        num_joints: int = 42,
        num_features: int = 7,
        patch_size: int = 4,
        d_model: int = 512,
        dropout: float = 0.1,
        spatial_dropout: float = 0.15,
    ):
        super().__init__()
        self.patch_size = patch_size
        self.patch_embedding = PatchEmbedding(num_joints * num_features, patch_size, d_model)
        self.conv_spe = ConvSPE(d_model)
        self.batch_norm = nn.BatchNorm1d(d_model)
        self.spatial_dropout = nn.Dropout1d(spatial_dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        h = self.conv_spe(self.patch_embedding(x)).transpose(1, 2)
        h = self.dropout(self.spatial_dropout(self.batch_norm(h)).transpose(1, 2))
        return h, None if lengths is None else -(-lengths // self.patch_size)


class RelativePositionalEncoding(nn.Module):
    """A learned row for every distance: [n, n, d], row i = query, column j = key."""

    def __init__(self, d_model: int, max_len: int = MAX_RELATIVE):
        super().__init__()
        self.max_len = max_len
        self.rel_pos_bias = nn.Embedding(2 * max_len - 1, d_model)

    def forward(self, length: int) -> Tensor:
        place = torch.arange(length, device=self.rel_pos_bias.weight.device)
        index = place[None] - place[:, None] + self.max_len - 1
        return self.rel_pos_bias(index.clamp(0, 2 * self.max_len - 2))


class SelfAttention(nn.Module):
    """Multi-head attention with one product for queries, keys and values."""

    def __init__(self, d_model: int, num_heads: int, dropout: float = 0.1):
        super().__init__()
        self.num_heads, self.scale = num_heads, (d_model // num_heads) ** -0.5
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def bias(self, length: int) -> Tensor | float:
        """What is added to the scores [B, H, length, length]."""
        del length
        return 0.0

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * self.scale + self.bias(x.shape[1])
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
        weights = self.dropout(scores.softmax(-1))
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class TemporalAttention(SelfAttention):
    """The same with a bias of the distance, one for all heads."""

    def __init__(self, d_model: int, num_heads: int, dropout: float = 0.1):
        super().__init__(d_model, num_heads, dropout)
        head = d_model // num_heads
        self.rpe = RelativePositionalEncoding(head)
        self.rpe_proj = nn.Linear(head, 1, bias=False)

    def bias(self, length: int) -> Tensor:
        return self.rpe_proj(self.rpe(length)).squeeze(-1)


class FeedForward(nn.Module):
    """Two layers with GELU; `net.0` and `net.3` have the weights."""

    def __init__(self, d_model: int, d_ff: int, dropout: float):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d_model, d_ff),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(d_ff, d_model),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class SpatioTemporalBlock(nn.Module):
    """Pre-norm block of both attentions and a feed-forward part."""

    def __init__(
        self, d_model: int = 512, num_heads: int = 8, d_ff: int = 2048, dropout: float = 0.1
    ):
        super().__init__()
        self.norm_s = nn.LayerNorm(d_model)
        self.spatial_attn = SelfAttention(d_model, num_heads, dropout)
        self.norm_t = nn.LayerNorm(d_model)
        self.temporal_attn = TemporalAttention(d_model, num_heads, dropout)
        self.norm_ff = nn.LayerNorm(d_model)
        self.ffn = FeedForward(d_model, d_ff, dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.steps(x, mask)["y"]

    def steps(self, x: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """What each sublayer adds, by its name, and the result `y`."""
        spatial = self.spatial_attn(self.norm_s(x))
        x = x + spatial
        temporal = self.temporal_attn(self.norm_t(x), mask)
        x = x + temporal
        ffn = self.ffn(self.norm_ff(x))
        return {"spatial_attn": spatial, "temporal_attn": temporal, "ffn": ffn, "y": x + ffn}


class SpatioTemporalEncoder(nn.Module):
    """The blocks and a norm."""

    def __init__(
        self,
        num_layers: int = 6,
        d_model: int = 512,
        num_heads: int = 8,
        d_ff: int = 2048,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.layers = nn.ModuleList(
            SpatioTemporalBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)
        )
        self.final_norm = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask)
        return self.final_norm(x)


class CTCDecoder(nn.Module):
    """Log-probabilities [B, T', V] of every frame."""

    def __init__(self, d_model: int, vocab_size: int):
        super().__init__()
        self.projection = nn.Linear(d_model, vocab_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.projection(x).log_softmax(-1)

    @staticmethod
    def greedy_decode(log_probs: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
        """Best id a frame, repeats joined, blanks dropped; over all frames without `lengths`."""
        ends = [log_probs.shape[1]] * len(log_probs) if lengths is None else lengths.tolist()
        rows = zip(log_probs.argmax(-1), ends, strict=True)
        joined = (torch.unique_consecutive(ids[:end]) for ids, end in rows)
        return [ids[ids != 0].tolist() for ids in joined]


class AttentionDecoder(nn.Module):
    """Transformer decoder: tokens [B, S] and encoder output -> logits [B, S, V]."""

    def __init__(
        self,
        vocab_size: int,
        d_model: int = 512,
        num_heads: int = 8,
        num_layers: int = 6,
        d_ff: int = 2048,
        dropout: float = 0.1,
        max_target_len: int = MAX_TARGET,
    ):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, d_model)
        self.pos_embedding = nn.Embedding(max_target_len, d_model)
        layer = nn.TransformerDecoderLayer(
            d_model, num_heads, d_ff, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, num_layers)
        self.final_norm = nn.LayerNorm(d_model)
        self.output_proj = nn.Linear(d_model, vocab_size)

    def blocks(self, h: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embedded tokens [B, S, d] through the layers and the last norm."""
        length = h.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=h.device).triu(1)
        padding = None if mask is None else ~mask
        return self.final_norm(
            self.decoder(h, memory, tgt_mask=future, memory_key_padding_mask=padding)
        )

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        h = self.token_embedding(tokens) + self.pos_embedding.weight[: tokens.shape[1]]
        return self.output_proj(self.blocks(h, memory, mask))


class TwoPassDecoder(nn.Module):
    """Both decoders, under the original's names."""

    def __init__(self, vocab_size: int, d_model: int, **sizes: Any):
        super().__init__()
        self.ctc_decoder = CTCDecoder(d_model, vocab_size)
        self.attention_decoder = AttentionDecoder(vocab_size, d_model, **sizes)


class WhisperSignModel(nn.Module):
    """The whole net, from the original's three config sections."""

    def __init__(
        self, frontend: Mapping[str, Any], encoder: Mapping[str, Any], decoder: Mapping[str, Any]
    ):
        super().__init__()
        self.frontend = SignLanguageFrontend(**frontend)
        d_model = frontend.get("d_model", 512)
        # The width of the `encoder` section is not read.
        sizes = {name: value for name, value in encoder.items() if name != "d_model"}
        self.encoder = SpatioTemporalEncoder(d_model=d_model, **sizes)
        self.decoder = TwoPassDecoder(decoder.get("vocab_size", 1296), d_model, **sizes)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, tokens: Tensor | None = None
    ) -> dict[str, Tensor | None]:
        """Joints [B, T, J, F], their lengths [B] and decoder inputs [B, S] -> named outputs."""
        h, output_lengths = self.frontend(x, lengths)
        mask = None
        if output_lengths is not None:
            mask = torch.arange(h.shape[1], device=h.device) < output_lengths[:, None]
        encoded = self.encoder(h, mask)
        attention = None
        if tokens is not None:
            attention = self.decoder.attention_decoder(tokens, encoded, mask)
        return {
            "ctc_log_probs": self.decoder.ctc_decoder(encoded),
            "att_logits": attention,
            "encoder_output": encoded,
            "output_lengths": output_lengths,
        }

    @torch.inference_mode()
    def decode(self, x: Tensor, lengths: Tensor) -> list[list[int]]:
        """Greedy ids of the real frames; the original's own runs on over the padding."""
        found = self(x, lengths)
        return CTCDecoder.greedy_decode(found["ctc_log_probs"], found["output_lengths"])
