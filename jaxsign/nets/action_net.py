"""What nets of action scene graphs share: verbs, and classes and edges of the objects taken.

A row is an object that the wearer of the camera does something with: a pair of the wearer and a
box. Source: EASG (CVPR 2024).
"""

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import frame_attention
from jaxsign.nets.layers import pair_features

Array = jax.Array
Mode = Literal["edgecls", "sgcls", "easgcls"]
MODES: tuple[Mode, ...] = get_args(Mode)
GROUPS = ("verb", "edge")
NO_OBJECTS = 2  # the background and the wearer, which come first among the classes of boxes
_SURE = 100.0  # the logit of what is given


class ActionRows(NamedTuple):
    """Of the objects of a batch, 0 where there is none.

    Attributes:
      real: bool [B, F, Q].
      labels, verbs: int [B, F, Q]; labels without the background and the wearer.
      features, verb_features: float [B, F, Q, D] and [B, F, Q, V].
      boxes: float [B, F, Q, 4].
      distribution: float [B, F, Q, num_objects - 1], or None.
    """

    real: Array
    labels: Array
    verbs: Array
    features: Array
    verb_features: Array
    boxes: Array
    distribution: Array | None


class ActionLogits(NamedTuple):
    """Logits of a batch's rows.

    Attributes:
      objects, verbs, edges: float [B, F, Q, ...].
      rows: float [B, F, Q, D], whose mean embeds a video.
    """

    objects: Array
    verbs: Array
    edges: Array
    rows: Array


class ActionNet(nets.Net):
    """The verb of a graph, and classes and edges of its objects.

    Attributes:
      mode: 'edgecls': verbs and classes are given, the net tells edges; 'sgcls': it tells classes
        too; 'easgcls': and verbs. 'predcls' is another name of edgecls.
      num_objects: classes of boxes; the background (0) and the wearer of the camera (1), of which
        the net tells nothing, are counted. In a recipe 0 takes the data's, as in the widths of
        features, and () in `predicates`.
      predicates: how many verbs and edges.
      feature_dim: numbers of a box's features.
      verb_dim: numbers of a verb's features.
    """

    mode: str = fields.value("edgecls", fields.among(*MODES, "predcls"))
    num_objects: int = fields.value(393, fields.NOT_NEGATIVE)
    predicates: tuple[int, ...] = (198, 13)
    feature_dim: int = fields.value(2048, fields.NOT_NEGATIVE)
    verb_dim: int = fields.value(2048, fields.NOT_NEGATIVE)

    inputs = (
        "boxes",
        "labels",
        "distribution",
        "features",
        "verbs",
        "verb_features",
        "pairs",
        "valid_pairs",
    )
    outputs = ("relations", "objects", "embedding")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Raises UserError: there are no frames of one shape here."""
        raise UserError(
            f"net {nets.name_of(type(self))} takes graphs of actions (boxes and verbs of frames), "
            "not clips of signs"
        )

    @property
    def counted(self) -> Mode:
        """The mode, under its own name: what validation counts."""
        return next((mode for mode in MODES if mode == self.mode), MODES[0])

    @property
    def learned(self) -> tuple[str, ...]:
        """What it tells, of 'verb', 'objects' and 'edge'; the rest is given."""
        return {
            "edgecls": ("edge",),
            "sgcls": ("edge", "objects"),
            "easgcls": ("edge", "objects", "verb"),
        }[self.counted]

    @property
    def answers(self) -> tuple[str, ...]:
        """The modes in which its outputs are an answer."""
        return (self.counted,)

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
        """Verbs, classes and edges of a batch of videos.

        Args:
          boxes: float [B, F, M, 4], x1, y1, x2, y2 in pixels of the image.
          labels: int [B, F, M]; looked at where classes are given, and in training.
          distribution: float [B, F, M, num_objects - 1], a detector's softmax over the classes
            without the background; for nets that tell classes from it.
          features: float [B, F, M, feature_dim].
          verbs: int [B, F, Q], of each object's graph; looked at as `labels` are.
          verb_features: float [B, F, Q, verb_dim].
          pairs: int [B, F, Q, 2], indices of the frame's boxes: the wearer, and an object.
          valid_pairs: bool [B, F, Q]; None = all are real.
          train: use dropout (rng stream `dropout`) and each video's batch statistics.

        Returns:
          `relations`: float32 [B, F, Q, verbs + edges] and `objects`: float32 [B, F, Q, num_objects
          - 2], logits; what is given is certain. 0 where there is no pair. `embedding`: float32
          [B, D], the mean of a video's rows.

        Raises:
          UserError: no distribution where one is needed.
        """
        real = jnp.ones(pairs.shape[:-1], bool) if valid_pairs is None else valid_pairs
        there = real[..., None]

        def of_rows(values: Array) -> Array:
            """[B, F, M, D], of boxes -> [B, F, Q, D]."""
            return jnp.where(there, pair_features.of_pairs(values, pairs[..., 1:])[..., 0, :], 0)

        rows = ActionRows(
            real,
            jnp.where(real, of_rows(labels[..., None])[..., 0] - NO_OBJECTS, 0),
            jnp.where(real, verbs, 0),
            of_rows(features),
            jnp.where(there, verb_features, 0),
            of_rows(boxes),
            None if distribution is None else of_rows(distribution),
        )
        told = self._told(rows, train)
        relations = jnp.concatenate([told.verbs, told.edges], axis=-1).astype(jnp.float32)
        return {
            "relations": jnp.where(there, relations, 0),
            "objects": jnp.where(there, told.objects.astype(jnp.float32), 0),
            "embedding": frame_attention.mean_of_rows(told.rows, real).astype(jnp.float32),
        }

    def _told(self, rows: ActionRows, train: bool) -> ActionLogits:
        """What the rows are told to be; rows that are not real are looked at by nobody."""
        raise NotImplementedError


def given(labels: Array, count: int) -> Array:
    """int [...] -> float32 [..., count], logits of what is certain."""
    return _SURE * jax.nn.one_hot(labels, count, dtype=jnp.float32)
