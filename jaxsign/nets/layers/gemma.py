"""A decoder-only language model of Gemma 2's shape, from embeddings to its last hidden state.

Source: Gemma Team, "Gemma 2: Improving Open Language Models at a Practical Size" (2024), with the
names of layers that the public weights have (Hugging Face transformers, `Gemma2Model`). There is no
vocabulary: what comes in are embeddings.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import attention, lora, typed

Array = jax.Array
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
_INIT = nn.initializers.normal(0.02)


@dataclasses.dataclass(frozen=True)
class GemmaSizes:
    """What tells one Gemma 2 from another; the defaults are those of gemma-2-2b.

    Attributes:
      hidden: width of the embeddings and of the last hidden state.
      layers: their number; the first, third, ... see `window` tokens, the others all before them.
      heads, kv_heads: of queries, and of keys and values; the second divides the first.
      head_dim: numbers of a head; even.
      ff: inner width of a feed-forward part.
      query_scalar: scores are divided by its root.
      window: tokens that a local layer sees, its own among them.
      cap: scores stay between -cap and cap.
      theta: base of the wave lengths of rotary positions.
      eps: of the norms.
    """

    hidden: int = 2304
    layers: int = 26
    heads: int = 8
    kv_heads: int = 4
    head_dim: int = 256
    ff: int = 9216
    query_scalar: float = 256.0
    window: int = 4096
    cap: float = 50.0
    theta: float = 10_000.0
    eps: float = 1e-6

    def widths(self) -> dict[str, tuple[int, int]]:
        """Name of a linear layer -> its outputs and inputs."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "q_proj": (query, self.hidden),
            "k_proj": (key, self.hidden),
            "v_proj": (key, self.hidden),
            "o_proj": (self.hidden, query),
            "gate_proj": (self.ff, self.hidden),
            "up_proj": (self.ff, self.hidden),
            "down_proj": (self.hidden, self.ff),
        }


class RmsNorm(typed.Layer):
    """x / root mean square of x, times 1 + weight, in float32; the result in `dtype`."""

    eps: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [..., D] -> float [..., D]."""
        weight = self.param("weight", nn.initializers.zeros, (x.shape[-1],), self.param_dtype)
        wide = x.astype(jnp.float32)
        wide = wide * jax.lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + self.eps)
        return (wide * (1.0 + weight.astype(jnp.float32))).astype(self.dtype or x.dtype)


def rotated(x: Array, theta: float) -> Array:
    """Rotary positions: the halves of every head are turned by the token's place.

    Args:
      x: float [B, H, T, D], D even.
      theta: base of the wave lengths.

    Returns:
      float [B, H, T, D].
    """
    half = x.shape[-1] // 2
    frequency = theta ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(x.shape[2], dtype=jnp.float32)[:, None] * frequency
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = [first * cos - second * sin, second * cos + first * sin]
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)


class _Part(typed.Layer):
    """What the parts of a layer share: the sizes, and linear layers by name."""

    sizes: GemmaSizes
    adapted: lora.Lora

    def linear(self, name: str) -> lora.LoraDense:
        return lora.LoraDense(
            self.sizes.widths()[name][0],
            rank=self.adapted.rank if name in self.adapted.names else 0,
            scale=self.adapted.alpha / self.adapted.rank,
            rate=self.adapted.dropout,
            kernel_init=_INIT,
            name=name,
            **self.types,
        )


class GroupedAttention(_Part):
    """Self-attention in which several heads of queries share one of keys and values."""

    @nn.compact
    def __call__(self, x: Array, seen: Array, *, train: bool) -> Array:
        """x: float [B, T, hidden], seen: bool [B or 1, 1, T, T] -> float [B, T, hidden]."""
        sizes, (batch, length, _) = self.sizes, x.shape

        def heads(name: str, count: int) -> Array:
            y: Array = self.linear(name)(x, train=train)
            return y.reshape(batch, length, count, sizes.head_dim).transpose(0, 2, 1, 3)

        query = rotated(heads("q_proj", sizes.heads), sizes.theta)
        key = rotated(heads("k_proj", sizes.kv_heads), sizes.theta)
        value = heads("v_proj", sizes.kv_heads)
        key, value = (jnp.repeat(a, sizes.heads // sizes.kv_heads, axis=1) for a in (key, value))
        query = query * math.sqrt(sizes.head_dim / sizes.query_scalar)  # attend divides by head_dim
        mixed, _ = attention.attend(query, key, value, seen, cap=sizes.cap)
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, -1)
        found: Array = self.linear("o_proj")(mixed, train=train)
        return found


class GatedFeedForward(_Part):
    """down(gelu(gate(x)) * up(x)), gelu by its approximation with tanh."""

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """x: float [B, T, hidden] -> float [B, T, hidden]."""
        gate = nn.gelu(self.linear("gate_proj")(x, train=train), approximate=True)
        up = self.linear("up_proj")(x, train=train)
        found: Array = self.linear("down_proj")(gate * up, train=train)
        return found


class GemmaLayer(_Part):
    """Attention and feed-forward part, each between two norms."""

    @nn.compact
    def __call__(self, x: Array, seen: Array, *, train: bool) -> Array:
        """x: float [B, T, hidden], seen: bool [B or 1, 1, T, T] -> float [B, T, hidden]."""

        def norm(name: str, y: Array) -> Array:
            found: Array = RmsNorm(self.sizes.eps, name=name, **self.types)(y)
            return found

        fields: dict[str, Any] = {"sizes": self.sizes, "adapted": self.adapted, **self.types}
        mix = GroupedAttention(**fields, name="self_attn")
        mixed = mix(norm("input_layernorm", x), seen, train=train)
        x = x + norm("post_attention_layernorm", mixed)
        feed = GatedFeedForward(**fields, name="mlp")
        fed = feed(norm("pre_feedforward_layernorm", x), train=train)
        return x + norm("post_feedforward_layernorm", fed)


class Gemma(typed.Layer):
    """The language model: embeddings in, last hidden state out.

    Attributes:
      sizes: of it.
      adapted: those of its linear layers, any of `ATTENTION` and `MLP`, that learn by LoRA.
      scaled: embeddings are multiplied by the root of their width, as they are behind the table of
        words; transformers did so with given ones too, before its fifth version.
    """

    sizes: GemmaSizes = GemmaSizes()
    adapted: lora.Lora = lora.Lora()
    scaled: bool = True

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """Every token's last hidden state, told of itself and the tokens before it.

        Args:
          x: float [B, T, hidden], embeddings.
          valid: bool [B, T], tokens that may be attended to; None = all.
          train: use dropout.

        Returns:
          float [B, T, hidden].

        Raises:
          UserError: a name of `lora` that no layer has.
          ValueError: x has another width, or kv_heads does not divide heads.
        """
        sizes, length = self.sizes, x.shape[1]
        self.adapted.check((*ATTENTION, *MLP), "lora")
        if x.shape[-1] != sizes.hidden:
            raise ValueError(f"embeddings have width {x.shape[-1]}, expected {sizes.hidden}")
        if sizes.heads % sizes.kv_heads or sizes.head_dim % 2:
            raise ValueError(f"kv_heads must divide heads, and head_dim be even: {sizes}")
        x = x.astype(self.dtype or x.dtype)
        if self.scaled:
            x = x * jnp.asarray(math.sqrt(sizes.hidden), x.dtype)
        back = jnp.arange(length)[:, None] - jnp.arange(length)  # how far a key lies before
        before = (back >= 0)[None, None]
        if valid is not None:
            before = before & valid[:, None, None, :]
        local = before & (back < sizes.window)
        for i in range(sizes.layers):
            layer = GemmaLayer(sizes=sizes, adapted=self.adapted, name=f"layer_{i}", **self.types)
            x = layer(x, before if i % 2 else local, train=train)
        found: Array = RmsNorm(sizes.eps, name="norm", **self.types)(x)
        return found
