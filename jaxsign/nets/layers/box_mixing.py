"""All boxes of a video as one token: what each is and where, mixed among them.

Source: the spatial information aggregator of SceneLLM as the public system m3sgg has it: over a
graph of boxes where DGL is installed, by attention elsewhere.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import box_graph, dense, dropout, temporal_attention, typed

Array = jax.Array
KINDS = ("attention", "graph")
HEADS = 8
_LIMIT = 10.0


class BoxMixing(typed.Layer):
    """Attention and two dense layers, or two convolutions over a graph.

    Attributes:
      kind: of `KINDS`.
      dropout: rate between the two layers.
      parity: the graph takes x2 and y2 for a width and a height, as m3sgg does.
    """

    kind: str = "attention"
    dropout: float = 0.1
    parity: bool = False

    @nn.compact
    def __call__(self, h: Array, boxes: Array, valid: Array, *, train: bool = False) -> Array:
        """A token a video.

        Args:
          h: float [B, N, D]; attention takes D that 8 divides.
          boxes: float [B, N, 4], x1, y1, x2, y2 as shares of the image.
          valid: bool [B, N].
          train: use dropout (rng stream `dropout`).

        Returns:
          float32 [B, D], 0 for a video without boxes.
        """
        width = h.shape[-1]
        boxes = jnp.clip(boxes, -_LIMIT, _LIMIT)
        place = nn.relu(dense.Dense(width, name="place_0", **self.types)(boxes))
        h = h + dense.Dense(width, name="place_1", **self.types)(place)
        drop = dropout.Dropout(self.dropout)
        if self.kind == "graph":
            joined = self._joined(boxes, valid)
            h = drop(nn.relu(GraphConv(name="graph_0", **self.types)(h, joined)), train=train)
            h = GraphConv(name="graph_1", **self.types)(h, joined)
        else:
            make = temporal_attention.PackedAttention
            h = make(HEADS, out_init=None, name="attention", **self.types)(h, valid, train=train)
            h = nn.relu(dense.Dense(width, name="linear1", **self.types)(h))
            h = dense.Dense(width, name="linear2", **self.types)(drop(h, train=train))
        count = jnp.maximum(valid.sum(1, keepdims=True), 1)
        return jnp.where(valid[..., None], h.astype(jnp.float32), 0).sum(1) / count

    def _joined(self, boxes: Array, valid: Array) -> Array:
        """float32 [B, N, N], how much a target takes of every source; loops are there too."""
        low, high = boxes[..., :2], boxes[..., 2:]
        centres = low + high / 2 if self.parity else (low + high) / 2
        owners = jax.vmap(box_graph.clusters)(jax.lax.stop_gradient(centres), valid)
        edges = jax.vmap(box_graph.edges)(owners, valid)
        there = edges | (jnp.eye(edges.shape[-1], dtype=bool) & valid[..., None])
        given, taken = (jnp.maximum(there.sum(axis), 1) for axis in (-1, -2))
        return there / jnp.sqrt(given[..., :, None] * taken[..., None, :])


class GraphConv(typed.Layer):
    """DGL's GraphConv of norm 'both': `kernel` [D, D], `bias` [D]."""

    @nn.compact
    def __call__(self, h: Array, joined: Array) -> Array:
        """h: float [B, N, D], joined: float [B, N, N] of sources and targets -> [B, N, D]."""
        make = temporal_attention.linear
        made = make(h.shape[-1], "dense", self.types, bias=False)(h)
        bias = self.param("bias", nn.initializers.zeros, (h.shape[-1],), self.param_dtype)
        mixed: Array = jnp.einsum("bst,bsd->btd", joined.astype(made.dtype), made)
        return mixed + bias.astype(mixed.dtype)
