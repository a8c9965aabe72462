"""TEMPURA: STTran with uncertain heads and a memory of classes, for rare relations.

Source: the public system TEMPURA (CVPR 2023). Classes of boxes may be told along a video, and a
memory (`variables["memory"]`, made between epochs) completes what is known of a pair or a box. The
original's test script leaves the memory out: so does `ignore_memory`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import (
    frame_attention,
    memories,
    relation_net,
    scene_net,
    state_dict,
    sttran,
    tempura_rows,
)
from jaxsign.nets.layers import (
    heads,
    memory,
    mixture_head,
    object_classifier,
    pair_features,
    tracked_classifier,
)

Array = jax.Array
HEADS = ("gmm", "linear")
MEMORIES = ("none", "joint", "seperate")  # as the original spells it
WEIGHTS = ("simple", "both", "al", "ep")
_UNSURE = -30.0  # added to the logits of relations that are too uncertain to be told


class Tempura(sttran.STTran):
    """STTran with mixtures, memories and tracks.

    Attributes:
      kinds: of the groups of predicates: 'one' or 'several' may hold. () in a recipe = the data's.
      relation_head, object_head: 'gmm', a mixture of noisy members, or 'linear' as STTran's.
      num_mixtures: members.
      noise: the mixtures' means are noisy in training.
      relation_memory: 'none', 'joint' or 'seperate', a group's rows for themselves.
      object_memory: boxes have one too.
      pairs_from_memory: pairs are told from the boxes' features behind it; not in predcls.
      relation_weights, object_weights: how examples count in a memory: 'simple' all alike, or by
        their uncertainty: 'al' aleatoric, 'ep' epistemic, 'both'.
      memory_fusion: the relations' memory is asked 'early', before, or 'late', behind the
        attention between frames.
      memory_selection: how much of a feature stays: 'manual' `memory_lambda`, 'automated' is
        learned, 'sum' all, and the memory's answer is added.
      memory_lambda: the share.
      ignore_memory: memories are kept and not asked.
      tracking: boxes are classified along the video.
      track_rows: rows of the table of their places.
      temporal_window: frames that attention between them takes at a time.
      uncertainty_threshold: outside training a relation whose uncertainties (both together) are
        above is not told; 0 = all are.
      detected_classes: of a detector's boxes in answers (sgdet): the 'net' tells them anew, and of
        two boxes of a class that overlap the worse goes, or they are the 'detector''s. The person
        is always the detector's.
    """

    kinds: tuple[str, ...] = ("one", "several", "several")
    relation_head: str = fields.value("gmm", fields.among(*HEADS))
    object_head: str = fields.value("gmm", fields.among(*HEADS))
    num_mixtures: int = fields.value(4, fields.COUNT)
    noise: bool = True
    relation_memory: str = fields.value("none", fields.among(*MEMORIES))
    object_memory: bool = False
    pairs_from_memory: bool = False
    relation_weights: str = fields.value("simple", fields.among(*WEIGHTS))
    object_weights: str = fields.value("simple", fields.among(*WEIGHTS))
    memory_fusion: str = fields.value("late", fields.among("early", "late"))
    memory_selection: str = fields.value("manual", fields.among(*memory.SELECTIONS))
    memory_lambda: float = fields.value(0.5, fields.SHARE)
    ignore_memory: bool = False
    tracking: bool = False
    track_rows: int = fields.value(400, fields.COUNT)
    temporal_window: int = fields.value(2, fields.between(2, 64))
    uncertainty_threshold: float = fields.value(0.0, fields.NOT_NEGATIVE)
    detected_classes: str = fields.value("net", fields.among("net", "detector"))

    def _told(self, given: scene_net.Given, train: bool) -> dict[str, Array]:
        """Also `pair_embeddings` [B, F, Q, D], what the memory is made of; the uncertainties."""
        if self.width % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide the width {self.width}")
        self._check_fields()
        h, real = self._pairs(given, train), given.real
        self.sow("intermediates", "told", h)
        h = self._within(h, real, train)
        self.sow("intermediates", "within", h)
        if self.memory_fusion == "early":
            known, h = h, self._remembered(h)
            h = self._between(h, real, train).astype(jnp.float32)
        else:
            # The original, without a memory, hands out what is told within a frame.
            between = self._between(h, real, train).astype(jnp.float32)
            known = h if self.relation_memory == "none" else between
            h = self._remembered(between)
        self.sow("intermediates", "between", h)
        mean = frame_attention.mean_of_rows(h, real)
        return {**self._heads(h, train), "embedding": mean, "pair_embeddings": known}

    def _remembered(self, h: Array) -> Array:
        if self.relation_memory == "none":
            return h
        remember = memory.Hallucinator(
            self.predicates,
            self.relation_memory == "seperate",
            self.memory_selection,
            self.memory_lambda,
            ignore=self.ignore_memory,
            name="memory",
            **self.types,
        )
        found: Array = remember(h)
        self.sow("intermediates", "remembered", found)
        return found

    def _heads(self, h: Array, train: bool) -> dict[str, Array]:
        """Logits of relations, and of mixtures how uncertain they are."""
        if self.relation_head == "linear":
            return {relation_net.TOLD: heads.logits(h, self.predicates, self.types)}
        mixed = []
        for i, (count, kind) in enumerate(zip(self.predicates, self.kinds, strict=True)):
            options = {"noise": self.noise, "name": f"head_{i}", **self.types}
            head = mixture_head.MixtureHead(count, self.num_mixtures, kind == "one", **options)
            mixed.append(head(h, train=train))
        logits, aleatoric, epistemic = (jnp.concatenate(v, -1) for v in zip(*mixed, strict=True))
        if self.uncertainty_threshold and not train:
            unsure = aleatoric + epistemic > self.uncertainty_threshold
            logits = jnp.where(unsure, logits + _UNSURE, logits)
        return {relation_net.TOLD: logits, "aleatoric": aleatoric, "epistemic": epistemic}

    def _classify(
        self,
        features: Array,
        distribution: Array | None,
        boxes: Array,
        valid: Array,
        train: bool,
    ) -> tuple[dict[str, Array], Array]:
        """Also `object_embeddings` and `object_remembered` [B, F, M, E]; the uncertainties."""
        distribution = self._distribution(distribution, valid)
        classify = tracked_classifier.TrackedClassifier(
            self.num_objects,
            self.word_dim,
            self.classifier_dim,
            self.dropout,
            self.axis_name,
            self.num_mixtures if self.object_head == "gmm" else 0,
            self.noise,
            self.track_rows if self.tracking else 0,
            self._track_heads,
            self.object_memory,
            self.memory_selection,
            self.memory_lambda,
            self.ignore_memory,
            name="object_classifier",
            **self.types,
        )
        told = classify(features, distribution, boxes, valid, train=train)
        found = {"object_logits": told.logits, "object_embeddings": told.features}
        found["object_remembered"] = told.remembered
        if told.uncertainty is not None:
            found["object_aleatoric"], found["object_epistemic"] = told.uncertainty
        return found, told.remembered if self.pairs_from_memory else features

    def _tells_classes(self, train: bool) -> bool:
        detected = self.mode == "sgdet" and self.detected_classes == "net"
        return super()._tells_classes(train) or (detected and not train)

    def _named(self, given: scene_net.Given, logits: Array, real: Array) -> dict[str, Array]:
        if self.mode == "sgcls":
            return super()._named(given, logits, real)
        found, kept = object_classifier.renamed(logits, given.labels, given.boxes, real)
        both = pair_features.of_pairs(kept[..., None], given.pairs)[..., 0].all(-1)
        return {**found, "valid_pairs": given.real & both}

    @property
    def _track_heads(self) -> int:
        """The original's 8, or 1 where that does not divide the width."""
        heads = tracked_classifier.HEADS
        return 1 if self._box_width % heads else heads

    @property
    def _box_width(self) -> int:
        return tempura_rows.box_width(self.sizes)

    def _check_fields(self) -> None:
        if len(self.kinds) != len(self.predicates):
            raise UserError(
                f"net.kinds={self.kinds}: expected 'one' or 'several' of each of the "
                f"{len(self.predicates)} groups of predicates. In a recipe () takes the data's"
            )
        if self.pairs_from_memory and self.mode == "predcls":
            raise UserError(
                "net.pairs_from_memory takes boxes that are classified: net.mode='sgcls' or "
                "'sgdet', not 'predcls'"
            )
        for name, kind in self.memories.items():
            if kind != "simple" and name not in self.uncertain:
                one = name.removesuffix("s")
                raise UserError(
                    f"net.{one}_weights={kind!r}: the net does not tell how uncertain it is of "
                    f"{name}. Set it to 'simple', or net.{one}_head='gmm'."
                )

    @property
    def _window(self) -> int:
        return self.temporal_window

    @property
    def classifies(self) -> bool:
        """In sgdet where a memory of boxes is made or pairs are told behind it."""
        return self.mode == "sgdet" and (self.object_memory or self.pairs_from_memory)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """What has mixtures, boxes only where they are classified."""
        heads = {"relations": self.relation_head}
        if self.mode != "predcls":
            heads["objects"] = self.object_head
        return tuple(name for name, head in heads.items() if head == "gmm")

    @property
    def tells_of_boxes(self) -> bool:
        """Yes."""
        return True

    @property
    def memories(self) -> Mapping[str, str]:
        """The memories that the net has and asks -> how examples count there, of `WEIGHTS`.

        'relations' has a row a predicate, 'objects' a row a class of boxes but the background.
        """
        found = {}
        if self.relation_memory != "none":
            found["relations"] = self.relation_weights
        if self.object_memory and self.mode != "predcls":
            found["objects"] = self.object_weights
        return {} if self.ignore_memory else found

    @property
    def renews(self) -> bool:
        """Its memories."""
        return bool(self.memories)

    def look(self, variables: state_dict.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Sums that `memories.means` takes.

        Classes, persons and pairs are the true ones, as when the net learns; dropout and noise are
        off.
        """
        # It would tell classes and persons itself.
        told = self
        if self.mode != "predcls":
            told = self.clone(mode="sgdet", detected_classes="detector")
        outputs = nets.call(told, variables, batch)
        return memories.look(self.memories, outputs, batch, self.num_objects)

    def renewed(
        self, variables: state_dict.Variables, rows: Iterable[Mapping[str, np.ndarray]]
    ) -> state_dict.Variables:
        """Variables with new memories."""
        return self.with_memory(variables, memories.means(self.memories, rows))

    def with_memory(
        self, variables: state_dict.Variables, rows: Mapping[str, np.ndarray]
    ) -> state_dict.Variables:
        """Variables with the rows float32 [classes, D] of `memories`; other memories stay.

        Raises:
          ValueError: another shape.
        """
        for name, value in rows.items():
            if np.shape(value) != (shape := self.memory_shapes[name]):
                raise ValueError(f"the memory of {name} has shape {np.shape(value)}, not {shape}")
        return memories.placed(variables, rows)

    def without_memory(self, variables: state_dict.Variables) -> state_dict.Variables:
        """Variables whose memories are there, and empty."""
        rows = {name: np.zeros(shape, np.float32) for name, shape in self.memory_shapes.items()}
        return memories.placed(variables, rows, filled=False)

    @property
    def memory_shapes(self) -> dict[str, tuple[int, int]]:
        """Shapes of all memories that the net has."""
        found = {}
        if self.relation_memory != "none":
            found["relations"] = (sum(self.predicates), self.width)
        if self.object_memory:
            width = self._box_width if self.tracking else self.classifier_dim
            found["objects"] = (self.num_objects - 1, width)
        return found

    @property
    def head_params(self) -> tuple[str, ...]:
        return (*super().head_params, "^memory/(rows|filled)$")

    @property
    def object_params(self) -> tuple[str, ...]:
        return (*super().object_params, "^object_classifier/(head|memory)/")

    def key_table(self) -> list[state_dict.KeyEntry]:
        """The original's state_dict keys in its order.

        Raises:
          UserError: other than three groups of predicates.
        """
        return tempura_rows.table(self)

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are TEMPURA's."""
        own = ("vr_fc.weight", "object_classifier.intermediate.0.weight")
        return all(key in weights for key in own)

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; mode, n_heads and the fusion are not stored."""
        found = tempura_rows.told(weights)
        return {**dataclasses.asdict(found.sizes), **found.fields}


NET = Tempura
