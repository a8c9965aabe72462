"""EASG's baseline: a plain layer each for verbs, objects and edges; every row is told by itself.

Source: EASG (CVPR 2024), whose layers are called fc_verb, fc_objs and fc_rels. It learns all three
in every mode; the mode says what validation counts.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import action_net
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array


class EASGLayers(action_net.ActionNet):
    """Linear maps of a verb's features, of an object's, and of both."""

    @property
    def learned(self) -> tuple[str, ...]:
        """All of it."""
        return "edge", "objects", "verb"

    @property
    def answers(self) -> tuple[str, ...]:
        """Every mode."""
        return action_net.MODES

    def _told(self, rows: action_net.ActionRows, train: bool) -> action_net.ActionLogits:
        """Neither places nor classes are looked at."""

        def layer(name: str, count: int, *parts: Array) -> Array:
            h = jnp.concatenate(parts, axis=-1)
            return dense.Dense(count, name=name, **self.types)(h)

        doing, seen = rows.verb_features, rows.features
        verb_count, edge_count = self.predicates
        return action_net.ActionLogits(
            layer("objects", self.num_objects - action_net.NO_OBJECTS, seen),
            layer("verbs", verb_count, doing),
            layer("edges", edge_count, doing, seen),
            jnp.concatenate([doing, seen], axis=-1),
        )

    @property
    def head_params(self) -> tuple[str, ...]:
        """All of it belongs to the classes."""
        return ("^(objects|verbs|edges)/",)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys in its order."""
        verbs, edges = self.predicates
        objects = self.num_objects - action_net.NO_OBJECTS
        return [
            *torch_rows.linear("fc_verb", ("verbs",), verbs, self.verb_dim),
            *torch_rows.linear("fc_objs", ("objects",), objects, self.feature_dim),
            *torch_rows.linear("fc_rels", ("edges",), edges, self.verb_dim + self.feature_dim),
        ]

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are the baseline's."""
        return {"fc_verb.weight", "fc_objs.weight", "fc_rels.weight"} <= weights.keys()

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; mode is not stored in them."""
        verbs, verb_dim = weights["fc_verb.weight"].shape
        objects, feature_dim = weights["fc_objs.weight"].shape
        return {
            "num_objects": objects + action_net.NO_OBJECTS,
            "predicates": (verbs, len(weights["fc_rels.weight"])),
            "feature_dim": feature_dim,
            "verb_dim": verb_dim,
        }


NET = EASGLayers
