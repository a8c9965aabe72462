"""STKET: relations of the pairs of a video's frames, with what is known of them beforehand.

Source: the public system STKET (TIP 2024), on STTran's front end. Each class has the shares of the
relations that it has in training, and of those that follow each contact: they are parameters, and
are added to what attention matches pairs by. The original takes one video at a time, pair by pair;
here videos, frames and pairs are padded.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.nets import relation_net, scene_net, state_dict, stket_rows
from jaxsign.nets.layers import frame_pairs, heads, histories, post_norm, priors, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
_THRESHOLD = fields.Rule(
    lambda v: 0 < v < 1,
    "above 0 and below 1 (1, the original's sign for the true contacts, is net.true_contacts=True: "
    "they are known in training alone)",
)


class STKET(scene_net.SceneNet):
    """Attention within frames, between two, and over what was told of an object's class before.

    Outputs `relations` (between two frames), `spatial` (within one), `ensemble`: branches. Contacts
    are the predicates of the last group.

    Attributes:
      n_heads: of attention; divides D.
      ff_dim: of the feed-forward parts.
      spatial_layers, temporal_layers: of attention within a frame, and between two. One of them may
        be 0: `relations` are told without it, and there is no other branch.
      rounds: how often the layers within a frame are gone through.
      window: frames of a class's history, the present one among them.
      contact_threshold: from which probability a contact is taken to be there.
      true_contacts: in training the true contacts are taken.
      no_contact: which predicate of the last group, from 1, says that there is no contact; -1: none
        does. In a recipe 0 takes the data's.
      spatial_prior, temporal_prior: use what is known beforehand.
      spatial_prior_loss, temporal_prior_loss: learn to tell relations from that alone, too.
      prior_dims: inner widths of the layers that it goes through.
      parity: as the original: a video with pairs in its first frame alone is told nothing but
        the heads' biases; and `true_contacts` are looked at in answers, where they are given.
    """

    n_heads: int = fields.value(8, fields.COUNT)
    ff_dim: int = fields.value(2048, fields.COUNT)
    spatial_layers: int = fields.value(1, fields.NOT_NEGATIVE)
    temporal_layers: int = fields.value(3, fields.NOT_NEGATIVE)
    rounds: int = fields.value(1, fields.COUNT)
    window: int = fields.value(3, fields.COUNT)
    contact_threshold: float = fields.value(0.5, _THRESHOLD)
    true_contacts: bool = False
    no_contact: int = fields.value(9, fields.Rule(lambda v: v >= -1, "-1 or more"))
    spatial_prior: bool = True
    temporal_prior: bool = True
    spatial_prior_loss: bool = False
    temporal_prior_loss: bool = False
    prior_dims: tuple[int, ...] = (128, 256, 512)
    parity: bool = False

    inputs = (*scene_net.SceneNet.inputs, "relations")
    outputs = (*scene_net.SceneNet.outputs, "spatial", "ensemble")

    @property
    def branches(self) -> tuple[str, ...]:
        """`relations`, `spatial`, `ensemble`, and what is told from priors alone, where learned."""
        found = [relation_net.TOLD]
        found += ["spatial", "ensemble"] if self._is_whole else []
        if self.spatial_layers and self.spatial_prior and self.spatial_prior_loss:
            found += ["spatial_prior"]
        if self.temporal_layers and self.temporal_prior and self.temporal_prior_loss:
            found += ["temporal_prior"]
        return tuple(found)

    @property
    def _is_whole(self) -> bool:
        """Whether it has both kinds of attention: only then there are histories."""
        return bool(self.spatial_layers and self.temporal_layers)

    @property
    def compared(self) -> Mapping[str, str]:
        """The three branches by the original's names."""
        if not self._is_whole:
            return super().compared
        return {"temporal": relation_net.TOLD, "spatial": "spatial", "ensemble": "ensemble"}

    @property
    def takes_priors(self) -> bool:
        """Where one of them is used."""
        spatial = self.spatial_layers and self.spatial_prior
        return bool(spatial or (self.temporal_layers and self.temporal_prior))

    @property
    def head_params(self) -> tuple[str, ...]:
        return (*super().head_params, "^(base|spatial|temporal|ensemble)_heads/")

    @property
    def object_params(self) -> tuple[str, ...]:
        return (*super().object_params, "^(spatial|temporal)_priors/(initial|specific)$")

    @property
    def unused_params(self) -> tuple[str, ...]:
        """As every net of relations; what is told of pairs at first is never learned."""
        found = [*super().unused_params, "^base_heads/"]
        found += [f"^{name}_heads/" for name in self._idle_heads]
        found += ["^spatial_priors/"] if self.spatial_layers and not self.spatial_prior else []
        found += ["^temporal_priors/"] if self.temporal_layers and not self.temporal_prior else []
        return tuple(found)

    @property
    def _idle_heads(self) -> list[str]:
        """Heads that tell nothing: the original's files have them all the same."""
        there = {
            "spatial": self.spatial_layers,
            "temporal": self.temporal_layers,
            "ensemble": self._is_whole,
        }
        return [name for name, layers in there.items() if not layers]

    def _told(self, given: scene_net.Given, train: bool) -> dict[str, Array]:
        if self.width % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide the width {self.width}")
        if not (self.spatial_layers or self.temporal_layers):
            raise UserError(
                "net.spatial_layers=0 and net.temporal_layers=0: STKET is attention within frames "
                "or between them. Set one of them to 1 or more"
            )
        h = self._pairs(given, train)
        if self.is_initializing():
            _ = [self._heads(name)(h) for name in self._idle_heads]
        base = self._heads("base")(h)
        self.sow("intermediates", "base", base)
        labels = jnp.where(given.real, _of_objects(given.labels, given.pairs), 0)
        told: dict[str, Array] = {}
        if self.spatial_layers:
            h, told = self._within(h, labels, given.real, train)
            self.sow("intermediates", "within", h)
        if not self.temporal_layers:
            return self._kept({relation_net.TOLD: told["spatial"], **told}, h, given.real)
        told_later = train or self.mode == "predcls"
        surest = None if told_later else _of_objects(given.scores, given.pairs)
        known = histories.history(labels, given.real, self.num_objects, max(self.window, 2), surest)
        contacts = self._contacts(told.get("spatial", base), given.relations, train)
        between, more = self._between(h, labels, contacts, known, given.real, train)
        self.sow("intermediates", "between", between)
        told |= more
        if self._is_whole:
            ensemble = self._ensemble((h + between) / 2, known, train)
            self.sow("intermediates", "over", ensemble)
            told["ensemble"] = self._heads("ensemble")(ensemble)
        return self._kept(told, between, given.real)

    def _kept(self, told: Mapping[str, Array], h: Array, real: Array) -> dict[str, Array]:
        """The branches alone, and the mean [B, D] of the real pairs of h [B, F, Q, D]."""
        count = jnp.maximum(real.sum((1, 2)), 1)[:, None]
        mean = jnp.where(real[..., None], h.astype(jnp.float32), 0).sum((1, 2)) / count
        return {**{name: told[name] for name in self.branches}, "embedding": mean}

    def _heads(self, name: str) -> "Heads":
        return Heads(self.predicates, name=f"{name}_heads", **self.types)

    def _priors(self, name: str, contacts: int) -> priors.Priors:
        sizes = self.num_objects, sum(self.predicates), contacts
        widths = *self.prior_dims, self.width
        return priors.Priors(*sizes, widths, name=f"{name}_priors", **self.types)

    def _within(
        self, h: Array, labels: Array, real: Array, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """[B, F, Q, D] -> the same, of pairs and those of their frame; and what is told by it."""
        heads, known = self._heads("spatial"), self._priors("spatial", 0)
        prior = jnp.zeros_like(h)
        if self.spatial_prior or self.is_initializing():
            prior = known(labels)
        sizes = self.spatial_layers, self.n_heads, self.ff_dim, self.dropout
        options = {"final_norm": False, "primed": True, "remat": self.remat, **self.types}
        layers = post_norm.PostNormEncoder(*sizes, name="spatial", **options)
        rows, valid = (-1, h.shape[2], self.width), real.reshape(-1, h.shape[2])
        flat = h.reshape(rows)
        for _ in range(self.rounds):
            flat = layers(flat, valid, None, prior.reshape(rows), train=train)
        found: Array = flat.reshape(h.shape)
        return found, {"spatial": heads(found), "spatial_prior": heads(prior)}

    def _contacts(self, logits: Array, truth: Array | None, train: bool) -> Array:
        """bool [B, F, Q, K]: the contacts of each pair, those that are told or the true ones.

        Raises:
          UserError: the true ones are asked for, and training has none.
        """
        count = self.predicates[-1]
        if self.true_contacts and (train or self.parity):
            if truth is None:
                raise UserError(
                    "net.true_contacts=True takes the true contacts, and these scenes come without "
                    "relations. Set net.true_contacts=False to take those that the net tells."
                )
            return truth[..., -count:]
        logits = jax.lax.stop_gradient(logits[..., -count:])
        sure = jax.nn.sigmoid(logits) >= self.contact_threshold
        if self.no_contact < 1:
            return sure
        alone = jnp.arange(count) == self.no_contact - 1
        nothing = logits.argmax(-1, keepdims=True) == self.no_contact - 1
        return jnp.where(nothing, alone, sure & ~alone)

    def _between(
        self,
        h: Array,
        labels: Array,
        contacts: Array,
        known: histories.History,
        real: Array,
        train: bool,
    ) -> tuple[Array, dict[str, Array]]:
        """[B, F, Q, D] -> the same, of pairs of two frames; and what is told by it."""
        heads, told = self._heads("temporal"), self._priors("temporal", self.predicates[-1])
        first = second = before = jnp.zeros_like(h)
        if self.temporal_prior or self.is_initializing():
            at = known.places
            second = told(labels)
            first = told.after(labels, histories.gathered(contacts, at[..., 0]))
            first = first.at[:, 0].set(second[:, 0])
            earlier = jnp.where(known.there[..., 1], at[..., 1], at[..., 0])
            before = told.after(labels, histories.gathered(contacts, earlier))
        sizes = self.temporal_layers, self.n_heads, self.ff_dim, self.dropout
        layers = frame_pairs.FramePairs(*sizes, remat=self.remat, name="temporal", **self.types)
        found = layers(h, real, (first, second), train=train)
        alone = ~real[:, 1:].any((1, 2))[:, None, None, None]
        found = jnp.where(alone, 0 if self.parity else h, found)
        return found, {relation_net.TOLD: heads(found), "temporal_prior": heads(before)}

    def _ensemble(self, h: Array, known: histories.History, train: bool) -> Array:
        """[B, F, Q, D] -> the same, of the histories of objects' classes."""
        init, shape = nn.initializers.uniform(1.0), (self.window, self.width)
        table = jnp.asarray(self.param("ensemble_positions", init, shape, self.param_dtype))
        there = known.there[..., : self.window]
        # The present frame stands first here, and last of those that are there in the original.
        age = jnp.cumsum(there, axis=-1) - 1
        positions = table[age[..., -1:] - age]
        rows = histories.gathered(h, known.places[..., : self.window])
        sizes = stket_rows.ENSEMBLE_LAYERS, self.n_heads, self.ff_dim, self.dropout
        layers = post_norm.PostNormEncoder(
            *sizes,
            final_norm=False,
            last_norm=False,
            primed=True,
            remat=self.remat,
            name="ensemble",
            **self.types,
        )
        flat = -1, self.window, self.width
        found = layers(
            rows.reshape(flat), there.reshape(-1, self.window), positions.reshape(flat), train=train
        )
        return found[:, 0].reshape(h.shape)

    def with_priors(
        self, variables: state_dict.Variables, initial: np.ndarray, specific: np.ndarray
    ) -> state_dict.Variables:
        shapes = stket_rows.prior_shapes(self)
        found = {"initial": initial, "specific": specific}
        if wrong := [name for name, shape in shapes.items() if found[name].shape != shape]:
            raise ValueError(f"priors {wrong} are not of the shapes {shapes}")
        made = {name: jnp.asarray(value, self.param_dtype) for name, value in found.items()}
        params = dict(variables["params"])
        if self.spatial_layers:
            params["spatial_priors"] = {**params["spatial_priors"], "initial": made["initial"]}
        if self.temporal_layers:
            params["temporal_priors"] = {**params["temporal_priors"], **made}
        return {**variables, "params": params}

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (182 as published) in its order.

        Raises:
          UserError: other than three groups of predicates.
        """
        return stket_rows.table(self)

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are an STKET's."""
        return "obj_embed2.weight" in weights and any(
            f"{part}.initialPrior" in weights for part in ("spatial_encoder", "temporal_decoder")
        )

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; not mode, n_heads, rounds, contact_threshold."""
        return stket_rows.told(weights)


class Heads(typed.Layer):
    """Logits of all groups' predicates, one dense layer a group."""

    predicates: tuple[int, ...]

    @nn.compact
    def __call__(self, h: Array) -> Array:
        """h: float [..., D] -> float32 [..., predicates of all groups]."""
        return heads.logits(h, self.predicates, self.types)


def _of_objects(values: Array, pairs: Array) -> Array:
    """values: [B, F, M], pairs: int [B, F, Q, 2] -> [B, F, Q], of the second of every pair."""
    return jnp.take_along_axis(values, pairs[..., 1], axis=2)


NET = STKET
