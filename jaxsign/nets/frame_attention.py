"""What rows of a video's frames are told of one another: attention in a frame, then between two.

Source: the public system STTran, whose attention others took over.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import frame_pairs, post_norm
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
KEY = "glocal_transformer."


def mean_of_rows(h: Array, real: Array) -> Array:
    """h: float [B, F, Q, D], real: bool [B, F, Q] -> [B, D], the mean of a video's real rows."""
    count = jnp.maximum(real.sum((1, 2)), 1)[:, None]
    mean: Array = jnp.where(real[..., None], h, 0).sum((1, 2)) / count
    return mean


class FrameAttention(nets.Net):
    """Attention within frames, then between two that follow one another; a net is made of it.

    Attributes:
      n_heads: of attention; divides D.
      ff_dim: of the feed-forward parts.
      spatial_layers, temporal_layers: of attention within a frame, and between two; with 0 of them
        rows stay as they are.
      dropout: rate of all layers.
      parity: as the original: a video with rows in its first frame alone is told nothing but
        the heads' biases. Else such a video is answered from the layers within a frame.
      remat: inner values are made again for the gradient, not kept: more time; whether less
        memory, the machine and the sizes tell.
    """

    n_heads: int = fields.value(8, fields.COUNT)
    ff_dim: int = fields.value(2048, fields.COUNT)
    spatial_layers: int = fields.value(1, fields.NOT_NEGATIVE)
    temporal_layers: int = fields.value(3, fields.NOT_NEGATIVE)
    dropout: float = fields.value(0.1, fields.RATE)
    parity: bool = False
    remat: bool = False

    def _attended(self, h: Array, real: Array, train: bool) -> Array:
        """h: float [B, F, Q, D], real: bool [B, F, Q] -> float32 [B, F, Q, D]."""
        if h.shape[-1] % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide the width {h.shape[-1]}")
        self.sow("intermediates", "told", h)
        h = self._within(h, real, train)
        self.sow("intermediates", "within", h)
        h = self._between(h, real, train).astype(jnp.float32)
        self.sow("intermediates", "between", h)
        return h

    @property
    def unused_params(self) -> tuple[str, ...]:
        """Without attention between frames the places that tell these apart."""
        places = () if self.temporal_layers else ("^temporal/positions$",)
        return (*super().unused_params, *places)

    @property
    def _window(self) -> int:
        """Frames that attention between them takes at a time."""
        return 2

    def _within(self, h: Array, real: Array, train: bool) -> Array:
        """[B, F, Q, D] -> the same: pairs attend to those of their frame."""
        sizes = self.spatial_layers, self.n_heads, self.ff_dim, self.dropout
        layers = post_norm.PostNormEncoder(
            *sizes, final_norm=False, remat=self.remat, name="spatial", **self.types
        )
        rows = -1, h.shape[2]
        found: Array = layers(h.reshape(*rows, h.shape[-1]), real.reshape(rows), train=train)
        return found.reshape(h.shape)

    def _between(self, h: Array, real: Array, train: bool) -> Array:
        """[B, F, Q, D] -> the same: pairs attend to those of their frame and the one before."""
        sizes = self.temporal_layers, self.n_heads, self.ff_dim, self.dropout
        layers = frame_pairs.FramePairs(
            *sizes, window=self._window, remat=self.remat, name="temporal", **self.types
        )
        found: Array = layers(h, real, train=train)
        alone = ~real[:, 1:].any((1, 2))[:, None, None, None]
        return jnp.where(alone, 0 if self.parity else h, found)

    def _attention_rows(self, d: int) -> list[KeyEntry]:
        """Of the original's state_dict, in its order; `d`: numbers of a row."""
        between = ("temporal", "layers")
        rows = torch_rows.post_norm_encoder(
            f"{KEY}local_attention.", ("spatial",), d, self.ff_dim, self.spatial_layers,
            norm=False,
        )  # fmt: skip
        rows += torch_rows.post_norm_encoder(
            f"{KEY}global_attention.", between, d, self.ff_dim, self.temporal_layers,
            norm=False, attention="multihead2", norms=("norm3",),
        )  # fmt: skip
        place = ("params", "temporal", "positions")
        return [*rows, KeyEntry(f"{KEY}position_embedding.weight", place, shape=(2, d))]


def fields_of(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields that the shapes of a state_dict tell; n_heads is not stored in them."""

    def layers(part: str) -> int:
        start = f"{KEY}{part}.layers."
        return len({key.split(".")[3] for key in weights if key.startswith(start)})

    inner = [
        len(weights[key])
        for part in ("local", "global")
        if (key := f"{KEY}{part}_attention.layers.0.linear1.weight") in weights
    ]
    return {
        **({"ff_dim": inner[0]} if inner else {}),
        "spatial_layers": layers("local_attention"),
        "temporal_layers": layers("global_attention"),
    }
