"""EASG-STTran: what the wearer of a camera does, with which objects, and how these take part.

Source: EASG (CVPR 2024), whose net is STTran with features of a verb in place of those of a person
and of the box around a pair.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.nets import action_net, frame_attention, scene_rows, state_dict
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import (
    batch_norm,
    dense,
    object_classifier,
    pair_features,
    spatial_masks,
    typed,
)
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
_MASKS = ("mask_features",)


class VerbClassifier(typed.Layer):
    """Logits of verbs from their features.

    Attributes:
      verbs: how many.
      width: of the inner layer.
      axis_name: mapped axis whose devices share running statistics.
    """

    verbs: int
    width: int
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features: Array, valid: Array, *, train: bool = False) -> Array:
        """features: float [B, F, Q, V], valid: bool [B, F, Q] -> float32 [B, F, Q, verbs]."""
        norm = batch_norm.BatchNorm(
            0.1, axis_name=self.axis_name, apart=True, name="norm", **self.types
        )
        h = dense.Dense(self.width, name="linear1", **self.types)(features)
        h = nn.relu(norm(h, valid, train=train))
        return dense.Dense(self.verbs, name="linear2", **self.types)(h).astype(jnp.float32)


class EASG(frame_attention.FrameAttention, action_net.ActionNet):
    """STTran's attention over the objects of the frames of graphs.

    Attributes:
      hidden_dim: numbers of a box and of a verb in a row, each.
      word_dim: numbers of the word of a class or of a verb; the net's width D is 2 hidden_dim + 2
        word_dim.
      classifier_dim: inner width of the classifiers of boxes and of verbs.
      map_dim: channels of convolutions that the original holds and never uses.
    """

    hidden_dim: int = fields.value(512, fields.COUNT)
    word_dim: int = fields.value(200, fields.COUNT)
    classifier_dim: int = fields.value(1024, fields.COUNT)
    map_dim: int = fields.value(256, fields.COUNT)

    @property
    def width(self) -> int:
        """D, numbers of a row."""
        return 2 * (self.hidden_dim + self.word_dim)

    @property
    def told_objects(self) -> int:
        """Classes that are told: without the background and the wearer."""
        return self.num_objects - action_net.NO_OBJECTS

    def _told(self, rows: action_net.ActionRows, train: bool) -> action_net.ActionLogits:
        verb_count, edge_count = self.predicates
        objects = action_net.given(rows.labels, self.told_objects)
        told, doing = rows.labels, rows.verbs
        done = action_net.given(rows.verbs, verb_count)
        if "objects" in self.learned or self.is_initializing():
            objects = self._classify(rows, train)
            told = told if train or "objects" not in self.learned else objects.argmax(-1)
        if "verb" in self.learned or self.is_initializing():
            done = VerbClassifier(
                verb_count,
                self.classifier_dim,
                axis_name=self.axis_name,
                name="verb_classifier",
                **self.types,
            )(rows.verb_features, rows.real, train=train)
            doing = doing if train or "verb" not in self.learned else done.argmax(-1)
        if self.is_initializing():
            self._unused_masks()
        h = self._attended(self._embedded(rows, told, doing), rows.real, train)
        edges = dense.Dense(edge_count, name="edges", **self.types)(h)
        return action_net.ActionLogits(objects, done, edges, h)

    def _embedded(self, rows: action_net.ActionRows, labels: Array, verbs: Array) -> Array:
        """float [B, F, Q, D], of objects of these classes [B, F, Q] and verbs."""

        def words(name: str, count: int) -> pair_features.Words:
            return pair_features.Words(count, self.word_dim, name=name, **self.types)

        parts = [
            dense.Dense(self.hidden_dim, name="object", **self.types)(rows.features),
            dense.Dense(self.hidden_dim, name="verb", **self.types)(rows.verb_features),
            words("object_words", self.told_objects)(labels),
            words("verb_words", self.predicates[0])(verbs),
        ]
        return jnp.where(rows.real[..., None], jnp.concatenate(parts, axis=-1), 0)

    def _classify(self, rows: action_net.ActionRows, train: bool) -> Array:
        """float32 [B, F, Q, C], logits of the classes of objects."""
        distribution = rows.distribution
        if distribution is None and self.is_initializing():
            distribution = jnp.zeros((*rows.real.shape, self.num_objects - 1))
        if distribution is None:
            raise UserError(
                f"net.mode={self.mode!r} takes a detector's distribution over the classes of every "
                "box, and these graphs come without it. Add `distribution` to the features, or set "
                "net.mode='edgecls'."
            )
        classify = object_classifier.ObjectClassifier(
            self.told_objects,
            self.word_dim,
            self.classifier_dim,
            self.dropout,
            axis_name=self.axis_name,
            background=False,
            name="object_classifier",
            **self.types,
        )
        # Of classes from 1 on, without the wearer.
        return classify(rows.features, distribution[..., 1:], rows.boxes, rows.real, train=train)

    def _unused_masks(self) -> None:
        """The parameters of the original's unused convolutions, so that they come back out."""
        size = spatial_masks.SIZE
        masks = spatial_masks.MaskFeatures(self.map_dim, name=_MASKS[0], **self.types)
        masks(jnp.zeros((1, 1, size, size, 2)), jnp.ones((1, 1), bool))

    @property
    def head_params(self) -> tuple[str, ...]:
        """Patterns of parameters that belong to the classes, verbs and edges."""
        verbs = "^verb_classifier/(words|linear2)/", "^verb_words/"
        return ("^edges/", *verbs, *self.object_params)

    @property
    def object_params(self) -> tuple[str, ...]:
        return "^object_classifier/(words|linear2)/", "^object_words/"

    @property
    def unused_params(self) -> tuple[str, ...]:
        """Patterns of parameters that never get a gradient: of what the mode gives."""
        parts = {"objects": "object_classifier", "verb": "verb_classifier"}
        given = [f"^{part}/" for what, part in parts.items() if what not in self.learned]
        return (*super().unused_params, f"^{_MASKS[0]}/", *given)

    @property
    def named_classes(self) -> tuple[str, int]:
        """Those of boxes."""
        return "objects", self.word_dim

    def with_words(
        self, variables: state_dict.Variables, words: np.ndarray
    ) -> state_dict.Variables:
        """As in `Net`; `words`: float [num_objects, word_dim], of all classes of boxes."""
        if words.shape != (self.num_objects, self.word_dim):
            shape = (self.num_objects, self.word_dim)
            raise ValueError(f"words have shape {words.shape}, expected {shape}")
        table = {"table": jnp.asarray(words[action_net.NO_OBJECTS :], self.param_dtype)}
        params = dict(variables["params"])
        params["object_classifier"] = {**params["object_classifier"], "words": table}
        return {**variables, "params": {**params, "object_words": table}}

    @property
    def _sizes(self) -> scene_rows.Sizes:
        return scene_rows.Sizes(
            self.told_objects,
            self.word_dim,
            self.hidden_dim,
            self.feature_dim,
            0,
            self.map_dim,
            self.classifier_dim,
        )

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys in its order."""
        verbs, edges = self.predicates
        key, path, inner = "action_classifier.decoder_lin.", ("verb_classifier",), self._sizes
        width = inner.classifier_dim
        return [
            *scene_rows.classifier(inner, background=False),
            *torch_rows.linear(f"{key}0", (*path, "linear1"), width, self.verb_dim),
            *torch_rows.norm(f"{key}1", (*path, "norm"), width),
            *torch_rows.linear(f"{key}3", (*path, "linear2"), verbs, width),
            *scene_rows.mask_features(_MASKS, self.map_dim),
            *torch_rows.linear("obj_fc", ("object",), self.hidden_dim, self.feature_dim),
            *torch_rows.linear("verb_fc", ("verb",), self.hidden_dim, self.verb_dim),
            scene_rows.words("obj_embed", ("object_words",), self.told_objects, self.word_dim),
            scene_rows.words("verb_embed", ("verb_words",), verbs, self.word_dim),
            *self._attention_rows(self.width),
            *torch_rows.linear("rel_compress", ("edges",), edges, self.width),
        ]

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are an EASG-STTran's."""
        return "verb_embed.weight" in weights and "rel_compress.weight" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; mode and n_heads are not stored in them."""
        objects, word_dim = weights["obj_embed.weight"].shape
        hidden, feature_dim = weights["obj_fc.weight"].shape
        return {
            "num_objects": objects + action_net.NO_OBJECTS,
            "predicates": (len(weights["verb_embed.weight"]), len(weights["rel_compress.weight"])),
            "feature_dim": feature_dim,
            "verb_dim": weights["verb_fc.weight"].shape[1],
            "hidden_dim": hidden,
            "word_dim": word_dim,
            "classifier_dim": len(weights["object_classifier.decoder_lin.0.weight"]),
            "map_dim": len(weights["conv.4.weight"]),
            **frame_attention.fields_of(weights),
        }


NET = EASG
