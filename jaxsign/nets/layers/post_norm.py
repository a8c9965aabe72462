"""Post-norm transformer encoder: torch's TransformerEncoder of TransformerEncoderLayers.

Systems that have written these layers anew differ little from them, and say so in the fields.
"""

from typing import Any

import jax
from flax import linen as nn

from jaxsign.nets.layers import (
    dense,
    dropout,
    norm,
    primed_attention,
    recomputing,
    temporal_attention,
    typed,
)

Array = jax.Array


class PostNormLayer(typed.Layer):
    """Norm(x + Attention(x)), then Norm(x + FeedForward(x)) with ReLU; starts as torch's.

    Attributes:
      num_heads: divides the width.
      ff_dim: width of the feed-forward part.
      dropout: rate on attention weights, inside the feed-forward part and on both branches.
      last_norm: the second norm is there.
      primed: the attention is `primed_attention.PrimedAttention`.
    """

    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    last_norm: bool = True
    primed: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        positions: Array | None = None,
        prior: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """x: float [B, T, D], valid: bool [B, T] keys or None -> float [B, T, D].

        `positions`, float and broadcastable to `x`, are added to queries and keys alone; `prior`,
        float [B, T, D], is for primed layers.
        """
        drop, rate = dropout.Dropout, self.dropout
        options: dict[str, Any] = {"name": "attention", **self.types}
        if self.primed:
            primed = primed_attention.PrimedAttention(self.num_heads, rate, **options)
            mixed = primed(x, valid, positions, prior, train=train)
        else:
            attend = temporal_attention.PackedAttention
            mixed = attend(self.num_heads, rate, out_init=None, **options)(
                x, valid, positions, train=train
            )
        h = drop(rate)(mixed, train=train)
        x = norm.LayerNorm(name="norm1", **self.types)(x + h)
        h = nn.relu(dense.Dense(self.ff_dim, name="linear1", **self.types)(x))
        h = drop(rate)(h, train=train)
        h = dense.Dense(x.shape[-1], name="linear2", **self.types)(h)
        x = x + drop(rate)(h, train=train)
        return norm.LayerNorm(name="norm2", **self.types)(x) if self.last_norm else x


class PostNormEncoder(typed.Layer):
    """`num_layers` of `PostNormLayer`, which start as copies of the first, as torch's do.

    Attributes:
      num_layers: how many.
      num_heads, ff_dim, dropout, last_norm, primed: of the layers.
      final_norm: a norm after the last one.
      remat: a layer's inner values are made again for its gradient, not kept.
    """

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    final_norm: bool = True
    last_norm: bool = True
    primed: bool = False
    remat: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        positions: Array | None = None,
        prior: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """x: float [B, T, D], valid: bool [B, T] keys or None -> float [B, T, D].

        `positions`, float and broadcastable to `x`, are added to queries and keys of every layer,
        `prior`, float [B, T, D], to what primed ones make them of.
        """
        first: dict[str, Any] = {}
        for i in range(self.num_layers):
            name = f"layer_{i}"
            if self.is_initializing() and i:
                # A parameter that is there is taken, not drawn.
                self.put_variable("params", name, jax.tree.map(lambda leaf: leaf, first))
            kind = {"last_norm": self.last_norm, "primed": self.primed}
            options = {**kind, "name": name, **self.types}
            layer = PostNormLayer(self.num_heads, self.ff_dim, self.dropout, **options)
            x = recomputing.call(layer, x, valid, positions, prior, train=train, remat=self.remat)
            if self.is_initializing() and not i:
                first = self.variables["params"][name]
        return norm.LayerNorm(name="norm", **self.types)(x) if self.final_norm else x
