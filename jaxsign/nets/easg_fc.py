"""EASG's baseline: a plain layer each for verbs, objects and edges; every row is told by itself.

Source: EASG (CVPR 2024), whose layers are called fc_verb, fc_objs and fc_rels. It learns all three
in every mode; the mode says what validation counts.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets import action_net, frame_attention
from jaxsign.nets.layers import dense

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

    @nn.compact
    def __call__(
        self,
        boxes: Array,
        labels: Array,
        distribution: Array | None,
        features: Array,
        verbs: Array,
        verb_features: Array,
        pairs: Array,
        valid_pairs: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """As in `ActionNet`; neither places nor classes are looked at."""
        rows = self._rows(labels, features, verbs, verb_features, pairs, valid_pairs)

        def layer(name: str, count: int, *parts: Array) -> Array:
            h = jnp.concatenate(parts, axis=-1)
            return dense.Dense(count, name=name, **self.types)(h)

        doing, seen = rows.verb_features, rows.features
        verb_count, edge_count = self.predicates
        return action_net.outputs(
            rows,
            layer("objects", self.num_objects - action_net.NO_OBJECTS, seen),
            layer("verbs", verb_count, doing),
            layer("edges", edge_count, doing, seen),
            frame_attention.mean_of_rows(jnp.concatenate([doing, seen], axis=-1), rows.real),
        )

    @property
    def head_params(self) -> tuple[str, ...]:
        """All of it belongs to the classes."""
        return ("^(objects|verbs|edges)/",)


NET = EASGLayers
