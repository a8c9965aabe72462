"""Gemma 2 in torch from embeddings to its last hidden state, with Hugging Face's and PEFT's names.

Written from the published description: values are compared with it where no weights are at hand.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jaxsign.nets.layers.gemma import GemmaSizes
from jaxsign.nets.layers.lora import Lora


class Norm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.zeros(width)), eps

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * (1 + self.weight)


class LoraLinear(nn.Module):
    """A linear layer and PEFT's two matrices beside it; dropout is off."""

    def __init__(self, base: nn.Linear, lora: Lora):
        super().__init__()
        self.base_layer, self.scale = base, lora.alpha / lora.rank
        down = nn.Linear(base.in_features, lora.rank, bias=False)
        up = nn.Linear(lora.rank, base.out_features, bias=False)
        nn.init.zeros_(up.weight)
        self.lora_A = nn.ModuleDict({"default": down})
        self.lora_B = nn.ModuleDict({"default": up})

    def forward(self, x: Tensor) -> Tensor:
        low: Tensor = self.lora_A["default"](x)
        found: Tensor = self.base_layer(x) + self.scale * self.lora_B["default"](low)
        return found


def _add_linear(module: nn.Module, names: tuple[str, ...], sizes: GemmaSizes, lora: Lora) -> None:
    for name in names:
        out, width = sizes.widths()[name]
        layer = nn.Linear(width, out, bias=False)
        module.add_module(name, LoraLinear(layer, lora) if name in lora.names else layer)


class Attention(nn.Module):
    def __init__(self, sizes: GemmaSizes, lora: Lora, local: bool):
        super().__init__()
        self.sizes, self.local = sizes, local
        _add_linear(self, ("q_proj", "k_proj", "v_proj", "o_proj"), sizes, lora)

    def forward(self, x: Tensor) -> Tensor:
        """Every head and every token in turn: slow, and plain."""
        sizes, (batch, length, _) = self.sizes, x.shape
        query, key, value = (
            self.get_submodule(name)(x).reshape(batch, length, -1, sizes.head_dim)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        rows = []
        for at in range(length):
            first = max(0, at - sizes.window + 1) if self.local else 0
            for head in range(sizes.heads):
                shared = head // (sizes.heads // sizes.kv_heads)
                asked = self._turned(query[:, at, head], at)
                keys = [self._turned(key[:, s, shared], s) for s in range(first, at + 1)]
                scores = torch.stack([(asked * k).sum(-1) for k in keys], -1)
                scores = torch.tanh(scores / sizes.query_scalar**0.5 / sizes.cap) * sizes.cap
                weights = scores.softmax(-1)
                rows.append(torch.einsum("bs,bsd->bd", weights, value[:, first : at + 1, shared]))
        mixed = torch.stack(rows, 1).reshape(batch, length, -1)
        found: Tensor = self.get_submodule("o_proj")(mixed)
        return found

    def _turned(self, x: Tensor, at: int) -> Tensor:
        """Numbers d and d + half are a point in the plane, turned by at / theta ** (d / half)."""
        half = self.sizes.head_dim // 2
        angle = at / self.sizes.theta ** (torch.arange(half) / half)
        point = torch.complex(x[:, :half], x[:, half:]) * torch.exp(1j * angle)
        return torch.cat([point.real, point.imag], -1)


class FeedForward(nn.Module):
    def __init__(self, sizes: GemmaSizes, lora: Lora):
        super().__init__()
        _add_linear(self, ("gate_proj", "up_proj", "down_proj"), sizes, lora)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = (self.get_submodule(name)(x) for name in ("gate_proj", "up_proj"))
        found: Tensor = self.get_submodule("down_proj")(F.gelu(gate, approximate="tanh") * up)
        return found


class Layer(nn.Module):
    def __init__(self, sizes: GemmaSizes, lora: Lora, local: bool):
        super().__init__()
        self.self_attn = Attention(sizes, lora, local)
        self.mlp = FeedForward(sizes, lora)
        self.input_layernorm = Norm(sizes.hidden, sizes.eps)
        self.post_attention_layernorm = Norm(sizes.hidden, sizes.eps)
        self.pre_feedforward_layernorm = Norm(sizes.hidden, sizes.eps)
        self.post_feedforward_layernorm = Norm(sizes.hidden, sizes.eps)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x)))
        inner: Tensor = self.mlp(self.pre_feedforward_layernorm(x))
        return x + self.post_feedforward_layernorm(inner)


class GemmaModel(nn.Module):
    """Embeddings [B, T, hidden], each times the root of the width, -> last hidden state."""

    def __init__(self, sizes: GemmaSizes, lora: Lora):
        super().__init__()
        layers = [Layer(sizes, lora, local=i % 2 == 0) for i in range(sizes.layers)]
        self.layers = nn.ModuleList(layers)
        self.norm = Norm(sizes.hidden, sizes.eps)
        self.hidden = sizes.hidden

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.hidden**0.5
        for layer in self.layers:
            x = layer(x)
        found: Tensor = self.norm(x)
        return found
