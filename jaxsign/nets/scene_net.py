"""What nets of relations share: videos of boxes and pairs in, relations of the pairs out.

Source: the public system STTran, whose front end others took over.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.errors import UserError
from jaxsign.nets import relation_net, state_dict
from jaxsign.nets.layers import object_classifier, pair_features, recomputing

Array = jax.Array
_OF_VIDEOS = ("embedding",)  # outputs that are not of pairs


class Given(NamedTuple):
    """What relations are told of; all as `SceneNet.__call__` takes it, and `real` is `valid_pairs`.

    `relations` are the true ones, None where they are not known.
    """

    boxes: Array
    labels: Array
    scores: Array
    features: Array
    pairs: Array
    union_features: Array
    real: Array
    relations: Array | None

    def named(self, found: Mapping[str, Array]) -> "Given":
        """The same by the labels, scores and pairs of a net's outputs."""
        labels, scores, real = (found[name] for name in ("labels", "scores", "valid_pairs"))
        return self._replace(labels=labels, scores=scores, real=real)


class SceneNet(relation_net.RelationNet):
    """A net of relations that a subclass makes of pairs; what stands before them is alike."""

    @nn.compact
    def __call__(
        self,
        boxes: Array,
        labels: Array,
        scores: Array,
        distribution: Array | None,
        features: Array,
        pairs: Array,
        union_features: Array,
        valid_frames: Array | None = None,
        valid_boxes: Array | None = None,
        valid_pairs: Array | None = None,
        relations: Array | None = None,
        image_sizes: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """Relations of a batch of videos.

        Args:
          boxes: float [B, F, M, 4], x1, y1, x2, y2 in pixels of the image.
          labels, scores: int and float [B, F, M]; not looked at where the net tells classes.
          distribution: float [B, F, M, num_objects - 1], a detector's softmax over the classes
            without the background; only for the modes that learn or tell classes.
          features: float [B, F, M, feature_dim].
          pairs: int [B, F, Q, 2], indices of the frame's boxes, person first. Where the net tells
            classes, every two boxes of a frame: it takes those of the person.
          union_features: float [B, F, Q, 7, 7, union_dim], of the box around a pair.
          valid_frames: bool [B, F]; not looked at: a frame counts by its boxes and pairs.
          valid_boxes, valid_pairs: bool [B, F, M] and [B, F, Q]; None = all are real.
          relations: bool [B, F, Q, predicates of all groups], the true ones, for nets that take
            them; answers are made without.
          image_sizes: float [B, F, 2], width and height in pixels, for nets that take them.
          train: use dropout (rng stream `dropout`) and each video's batch statistics.

        Returns:
          `relations`: float32 [B, F, Q, predicates of all groups], logits, 0 where there is no
          pair; `labels` int32 and `scores` float32 [B, F, M], `pairs` int32 [B, F, Q, 2] and
          `valid_pairs` bool [B, F, Q], which they were told of; `embedding` float32 [B, D], the
          mean of a video's pairs. Where classes are learned or told, `object_logits` float32 [B, F,
          M, num_objects]; where they are told, what is left of `distribution`, float32.

        Raises:
          UserError: no distribution where one is needed.
          ValueError: n_heads does not divide D.
        """
        boxes_real = jnp.ones(labels.shape, bool) if valid_boxes is None else valid_boxes
        real = jnp.ones(pairs.shape[:-1], bool) if valid_pairs is None else valid_pairs
        # What stands in padding, be it infinite, does not count.
        boxes, features = (jnp.where(boxes_real[..., None], a, 0) for a in (boxes, features))
        features, seen = self._seen(boxes, features, boxes_real, image_sizes, train)
        of_boxes, features = self._of_boxes(features, distribution, boxes, boxes_real, train)
        found = {"labels": labels, "scores": scores, "pairs": pairs, "valid_pairs": real}
        found |= seen | of_boxes
        given = Given(boxes, labels, scores, features, pairs, union_features, real, relations)
        if self._tells_classes(train):
            found |= self._named(given, found["object_logits"], boxes_real)
        if self.mode == "sgcls" and not train:
            told = self._told_of_chosen(given, found)
        else:
            told = self._told(given.named(found), train)
        kept = found["valid_pairs"][..., None]
        names = dict.fromkeys((relation_net.TOLD, *self.branches))
        of_pairs = {name: jnp.where(kept, told[name], 0) for name in names}
        return {**found, **told, **of_pairs}

    def _tells_classes(self, train: bool) -> bool:
        return self.mode == "sgcls" and not train

    def _named(self, given: Given, logits: Array, real: Array) -> dict[str, Array]:
        """Labels, scores, distribution and pairs, of what boxes are told to be.

        Args:
          given: with the detector's labels and scores.
          logits: float32 [B, F, M, num_objects].
          real: bool [B, F, M], boxes.
        """
        return object_classifier.chosen(logits, real, given.pairs, given.real)

    def _of_boxes(
        self,
        features: Array,
        distribution: Array | None,
        boxes: Array,
        real: Array,
        train: bool,
    ) -> tuple[dict[str, Array], Array]:
        """As `_classify`, if classes are asked for; the features as they are, if not."""
        asked = self._tells_classes(train) or (train and self.learns_classes)
        asked = asked or self.is_initializing()
        if not (asked or self.classifies):
            return {}, features
        found, features = self._classify(features, distribution, boxes, real, train)
        if not asked:
            found.pop("object_logits")  # it must not count
        elif train:
            found["object_logits"] = self._learned(found["object_logits"])
        return found, features

    def _learned(self, logits: Array) -> Array:
        """Logits of boxes [B, F, M, num_objects] as training compares them; default: unchanged."""
        return logits

    @property
    def classifies(self) -> bool:
        """Boxes are classified also where their classes are neither learned nor told."""
        return False

    def _seen(
        self, boxes: Array, features: Array, real: Array, image_sizes: Array | None, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """The features that classes and relations are told from; further outputs of boxes.

        Default: those that are given. All is as `__call__` takes it, `real` is `valid_boxes`.
        """
        return features, {}

    def _told_of_chosen(self, given: Given, found: Mapping[str, Array]) -> dict[str, Array]:
        """As `_told`; most of the candidates are none of the person's, and stay out of it."""
        pairs, real = found["pairs"], found["valid_pairs"]
        count = min(pairs.shape[2], max(given.boxes.shape[2] - 1, 1))
        order = jnp.argsort(~real, axis=-1, stable=True)[..., :count]
        rank = jnp.clip(jnp.cumsum(real, axis=-1) - 1, 0, count - 1)
        taken = (_take(values, order) for values in (pairs, given.union_features, real))
        pairs, around, real = taken
        labels, scores = found["labels"], found["scores"]
        chosen = Given(
            given.boxes, labels, scores, given.features, pairs, around, real, relations=None
        )
        told = self._told(chosen, False)
        return {k: v if k in _OF_VIDEOS else _take(v, rank) for k, v in told.items()}

    def _told(self, given: Given, train: bool) -> dict[str, Array]:
        """Every branch, float32 [B, F, Q, R], and `embedding` float32 [B, D], the pairs' mean.

        A net's further outputs are [B, F, Q, ...].
        """
        raise NotImplementedError

    def _classify(
        self,
        features: Array,
        distribution: Array | None,
        boxes: Array,
        valid: Array,
        train: bool,
    ) -> tuple[dict[str, Array], Array]:
        """`object_logits` and further outputs of boxes; the features that pairs are told from."""
        distribution = self._distribution(distribution, valid)
        classify = object_classifier.ObjectClassifier(
            self.num_objects,
            self.word_dim,
            self.classifier_dim,
            self.dropout,
            axis_name=self.axis_name,
            name="object_classifier",
            **self.types,
        )
        logits = classify(features, distribution, boxes, valid, train=train)
        return {"object_logits": logits}, features

    def _distribution(self, distribution: Array | None, valid: Array) -> Array:
        """A detector's, 0 where there is no box."""
        if distribution is None and self.is_initializing():
            distribution = jnp.zeros((*valid.shape, self.num_objects - 1))
        if distribution is None:
            raise UserError(
                f"net.mode={self.mode!r} takes a detector's distribution over the classes of every "
                "box, and these scenes come without it. Add `distribution` to them, or set "
                "net.mode='predcls'."
            )
        return jnp.where(valid[..., None], distribution, 0)

    def _pairs(self, given: Given, train: bool) -> Array:
        """What is told of -> float [B, F, Q, D]."""
        around = jnp.where(given.real[..., None, None, None], given.union_features, 0)
        arrays = given.boxes, given.labels, given.features, given.pairs, around, given.real
        front = pair_features.PairFeatures(
            self.num_objects,
            self.hidden_dim,
            self.word_dim,
            self.map_dim,
            self.masks,
            axis_name=self.axis_name,
            name="pair_features",
            **self.types,
        )
        found: Array = recomputing.call(front, *arrays, train=train, remat=self.remat)
        return found

    @property
    def head_params(self) -> tuple[str, ...]:
        """Patterns of parameters that belong to the classes."""
        return (r"^head_\d+/", *self.object_params)

    @property
    def object_params(self) -> tuple[str, ...]:
        """Of these, those that belong to classes of boxes."""
        return (
            "^object_classifier/(words|linear2)/",
            "^pair_features/(subject|object)_words/",
        )

    @property
    def unused_params(self) -> tuple[str, ...]:
        """Patterns of parameters that never get a gradient: predcls tells no classes."""
        return ("^object_classifier/",) if self.mode == "predcls" else ()

    @property
    def named_classes(self) -> tuple[str, int]:
        """Those of boxes."""
        return "objects", self.word_dim

    def with_words(
        self, variables: state_dict.Variables, words: np.ndarray
    ) -> state_dict.Variables:
        """Variables whose classes start from vectors of their names.

        Args:
          variables: of this net; they are not changed.
          words: float [num_objects, word_dim]; that of the background, which comes first, is not
            in the classifier of boxes.

        Raises:
          ValueError: another shape.
        """
        if words.shape != (self.num_objects, self.word_dim):
            shape = (self.num_objects, self.word_dim)
            raise ValueError(f"words have shape {words.shape}, expected {shape}")
        table = jnp.asarray(words, self.param_dtype)
        params = dict(variables["params"])
        params["object_classifier"] = {
            **params["object_classifier"],
            "words": {"table": table[1:]},
        }
        params["pair_features"] = {
            **params["pair_features"],
            "subject_words": {"table": table},
            "object_words": {"table": table},
        }
        return {**variables, "params": params}


def _take(values: Array, index: Array) -> Array:
    """values: [B, F, Q, ...], index: int [B, F, N] -> [B, F, N, ...]."""
    more = values.ndim - index.ndim
    return jnp.take_along_axis(values, index.reshape(*index.shape, *[1] * more), axis=2)
