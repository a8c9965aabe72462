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
import numpy as np

from jaxsign.nets import frame_attention, relation_net, scene_net, scene_rows
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import heads
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array


class STTran(frame_attention.FrameAttention, scene_net.SceneNet):
    """Attention within frames, then between two that follow one another."""

    def _told(self, given: scene_net.Given, train: bool) -> dict[str, Array]:
        h = self._pairs(given, train)
        h = self._attended(h, given.real, train)
        relations = heads.logits(h, self.predicates, self.types)
        mean = frame_attention.mean_of_rows(h, given.real)
        return {relation_net.TOLD: relations, "embedding": mean}

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (90 as published) in its order.

        Raises:
          UserError: other than three groups of predicates.
        """
        told = scene_rows.heads(self.predicates, "STTran")
        rows = scene_rows.classifier(self.sizes) + scene_rows.pair_features(self.sizes)
        rows += self._attention_rows(self.width)
        for i, (head, count) in enumerate(told):
            rows += torch_rows.linear(head, (f"head_{i}",), count, self.width)
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are an STTran's; TEMPURA's classifier has one layer more."""
        own = ("vr_fc.weight", *(f"{head}.weight" for head in scene_rows.HEADS))
        return (
            all(key in weights for key in own)
            and any(key.startswith(frame_attention.KEY) for key in weights)
            and not any(key.startswith("object_classifier.intermediate") for key in weights)
        )

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; mode and n_heads are not stored in them."""
        return {
            **dataclasses.asdict(scene_rows.sizes(weights)),
            "predicates": tuple(len(weights[f"{head}.weight"]) for head in scene_rows.HEADS),
            **frame_attention.fields_of(weights),
        }


NET = STTran
