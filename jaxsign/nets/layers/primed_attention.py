"""Self-attention whose queries and keys are made with what is known beforehand.

Source: the public system STKET.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dense, temporal_attention, typed

Array = jax.Array


class PrimedAttention(typed.Layer):
    """torch's multi-head self-attention behind a dense layer each for query, key and value.

    Parameters: `query`, `key`, `value`, then as of `temporal_attention.PackedAttention`.

    Attributes:
      num_heads: divides E.
      dropout: rate on the attention weights in training.
    """

    num_heads: int
    dropout: float = 0.0

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
        """x: float [B, T, E], valid: bool [B, T] or None -> float [B, T, E].

        `prior`, float [B, T, E], is added to what queries and keys are made of; `positions`, float
        and broadcastable to `x`, between their two layers.
        """
        width = x.shape[-1]
        x, weight, bias = temporal_attention.packed(self, x)
        primed = x if prior is None else x + prior.astype(x.dtype)
        parts = []
        for i, (name, given) in enumerate({"query": primed, "key": primed, "value": x}.items()):
            made = dense.Dense(width, name=name, **self.types)(given)
            if positions is not None and name != "value":
                made = made + positions.astype(made.dtype)
            rows = slice(i * width, (i + 1) * width)
            parts.append(dense.dense_rows(made, weight[rows], bias[rows]))
        mixed = temporal_attention.mix(
            self, jnp.concatenate(parts, axis=-1), self.num_heads, self.dropout, valid, train=train
        )
        out = dense.Dense(width, bias_init=nn.initializers.zeros, name="out", **self.types)
        return out(mixed)
