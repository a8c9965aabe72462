"""Pre-norm encoder whose layers attend twice: by content, and by content and distance.

Source: the public system Whisper_modification (`SpatioTemporalEncoder`). What it calls spatial
attention works over time too: its patches hold all joints of a frame.
"""

import jax
from flax import linen as nn

from jaxsign.nets.layers import activation, dense, dropout, norm, relative_attention, typed

Array = jax.Array


class TwoAttentionLayer(typed.Layer):
    """x += Spatial(Norm(x)); x += Temporal(Norm(x)); x += FeedForward(Norm(x)), with GELU.

    Attributes:
      num_heads: divides the width D.
      ff_dim: width of the feed-forward part.
      dropout: rate on attention weights and in the feed-forward part.
      reach: of the relative positions.
      mask_padding: False = the spatial attention sees padding, as in the original.
    """

    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    reach: int = 2000
    mask_padding: bool = True

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, D], valid: bool [B, T] or None -> float [B, T, D]."""
        attend = relative_attention.FusedSelfAttention
        spatial = attend(self.num_heads, self.dropout, name="spatial", **self.types)
        temporal = attend(self.num_heads, self.dropout, self.reach, name="temporal", **self.types)
        seen = valid if self.mask_padding else None
        h = spatial(norm.LayerNorm(name="norm_s", **self.types)(x), seen, train=train)
        self.sow("intermediates", "after_spatial", h)
        x = x + h
        h = temporal(norm.LayerNorm(name="norm_t", **self.types)(x), valid, train=train)
        self.sow("intermediates", "after_temporal", h)
        x = x + h
        h = norm.LayerNorm(name="norm_ff", **self.types)(x)
        h = activation.gelu(dense.Dense(self.ff_dim, name="linear1", **self.types)(h))
        h = dropout.Dropout(self.dropout)(h, train=train)
        h = dense.Dense(x.shape[-1], name="linear2", **self.types)(h)
        h = dropout.Dropout(self.dropout)(h, train=train)
        self.sow("intermediates", "after_feed_forward", h)
        return x + h


class TwoAttentionEncoder(typed.Layer):
    """`num_layers` of `TwoAttentionLayer` and a norm; attributes as there."""

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout: float = 0.1
    reach: int = 2000
    mask_padding: bool = True

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, D], valid: bool [B, T] or None -> float [B, T, D]."""
        for i in range(self.num_layers):
            layer = TwoAttentionLayer(
                self.num_heads,
                self.ff_dim,
                self.dropout,
                self.reach,
                self.mask_padding,
                name=f"layer_{i}",
                **self.types,
            )
            x = layer(x, valid, train=train)
            self.sow("intermediates", f"after_layer_{i}", x)
        return norm.LayerNorm(name="final_norm", **self.types)(x)
