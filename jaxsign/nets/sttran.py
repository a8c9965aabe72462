"""STTran: relations of the pairs of a video's frames, by attention within and between frames.

Source: the public system STTran (ICCV 2021). Pairs of a frame attend to one another, then to those
of the frame before. The original takes one video at a time; here videos, frames, boxes and pairs
are padded. A frame without a pair keeps its place: its neighbours attend to nothing in it, as in
the original.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.nets import rows as torch_rows
from jaxsign.nets import scene_net, scene_rows
from jaxsign.nets.layers import dense, frame_pairs, post_norm
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
# What the original calls the heads of its three groups.
_HEADS = ("a_rel_compress", "s_rel_compress", "c_rel_compress")
_GLOCAL = "glocal_transformer."


class STTran(scene_net.SceneNet):
    """Attention within frames, then between two that follow one another.

    Attributes:
      n_heads: of attention; divides D.
      ff_dim: of the feed-forward parts.
      spatial_layers, temporal_layers: of attention within a frame, and between two.
      parity: as the original: a video with pairs in its first frame alone is told nothing but
        the heads' biases. Else such a video is answered from the layers within a frame.
    """

    n_heads: int = fields.value(8, fields.COUNT)
    ff_dim: int = fields.value(2048, fields.COUNT)
    spatial_layers: int = fields.value(1, fields.COUNT)
    temporal_layers: int = fields.value(3, fields.COUNT)
    parity: bool = False

    def _relate(
        self,
        boxes: Array,
        labels: Array,
        features: Array,
        pairs: Array,
        union_features: Array,
        real: Array,
        train: bool,
    ) -> tuple[Array, Array]:
        """`relations` and `embedding` of pairs, all of them."""
        if self.width % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide the width {self.width}")
        h = self._pairs(boxes, labels, features, pairs, union_features, real, train)
        self.sow("intermediates", "told", h)
        h = self._within(h, real, train)
        self.sow("intermediates", "within", h)
        h = self._between(h, real, train).astype(jnp.float32)
        self.sow("intermediates", "between", h)
        heads = [
            dense.Dense(count, name=f"head_{i}", **self.types)(h)
            for i, count in enumerate(self.predicates)
        ]
        count = jnp.maximum(real.sum((1, 2)), 1)[:, None]
        mean = jnp.where(real[..., None], h, 0).sum((1, 2)) / count
        return jnp.concatenate(heads, axis=-1).astype(jnp.float32), mean

    def _within(self, h: Array, real: Array, train: bool) -> Array:
        """[B, F, Q, D] -> the same: pairs attend to those of their frame."""
        make: Any = post_norm.PostNormEncoder
        sizes = self.spatial_layers, self.n_heads, self.ff_dim, self.dropout
        layers = make(*sizes, final_norm=False, remat=self.remat, name="spatial", **self.types)
        rows = -1, h.shape[2]
        found: Array = layers(h.reshape(*rows, self.width), real.reshape(rows), train=train)
        return found.reshape(h.shape)

    def _between(self, h: Array, real: Array, train: bool) -> Array:
        """[B, F, Q, D] -> the same: pairs attend to those of their frame and the one before."""
        make: Any = frame_pairs.FramePairs
        sizes = self.temporal_layers, self.n_heads, self.ff_dim, self.dropout
        layers = make(*sizes, remat=self.remat, name="temporal", **self.types)
        found: Array = layers(h, real, train=train)
        alone = ~real[:, 1:].any((1, 2))[:, None, None, None]
        return jnp.where(alone, 0 if self.parity else h, found)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (90 as published) in its order.

        Raises:
          UserError: other than three groups of predicates.
        """
        if len(self.predicates) != len(_HEADS):
            raise UserError(
                f"net.predicates={self.predicates}: STTran's files have {len(_HEADS)} groups of "
                "predicates. A net of other groups has no file of the original's form."
            )
        d, between = self.width, ("temporal", "layers")
        rows = scene_rows.classifier(self.sizes) + scene_rows.pair_features(self.sizes)
        rows += torch_rows.post_norm_encoder(
            f"{_GLOCAL}local_attention.", ("spatial",), d, self.ff_dim, self.spatial_layers,
            norm=False,
        )  # fmt: skip
        rows += torch_rows.post_norm_encoder(
            f"{_GLOCAL}global_attention.", between, d, self.ff_dim, self.temporal_layers,
            norm=False, attention="multihead2", norms=("norm3",),
        )  # fmt: skip
        place = ("params", "temporal", "positions")
        rows += [KeyEntry(f"{_GLOCAL}position_embedding.weight", place, shape=(2, d))]
        for i, (head, count) in enumerate(zip(_HEADS, self.predicates, strict=True)):
            rows += torch_rows.linear(head, (f"head_{i}",), count, d)
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, Any]) -> bool:
        """True if the keys are an STTran's; TEMPURA's classifier has one layer more."""
        own = ("vr_fc.weight", *(f"{head}.weight" for head in _HEADS))
        return (
            all(key in weights for key in own)
            and any(key.startswith(_GLOCAL) for key in weights)
            and not any(key.startswith("object_classifier.intermediate") for key in weights)
        )

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; mode and n_heads are not stored in them."""

        def layers(part: str) -> int:
            start = f"{_GLOCAL}{part}.layers."
            return len({key.split(".")[3] for key in weights if key.startswith(start)})

        return {
            **dataclasses.asdict(scene_rows.sizes(weights)),
            "predicates": tuple(len(weights[f"{head}.weight"]) for head in _HEADS),
            "ff_dim": len(weights[f"{_GLOCAL}local_attention.layers.0.linear1.weight"]),
            "spatial_layers": layers("local_attention"),
            "temporal_layers": layers("global_attention"),
        }


NET = STTran
