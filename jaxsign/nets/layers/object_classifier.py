"""Classes of boxes, and what follows from them: the person of a frame, and the pairs with it.

Source: the public system STTran, whose classifier others took over.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import batch_norm, dense, dropout, pair_features, typed
from jaxsign.nets.layers import boxes as box_layers

Array = jax.Array
PLACE_DIM = 128
PERSON = 1  # the class behind the background
OVERLAP = 0.6  # above it two boxes of a class are one


def center_size(boxes: Array) -> Array:
    """x1, y1, x2, y2 -> x and y of the centre, width, height, as of boxes of whole pixels.

    Args:
      boxes: float [..., 4].

    Returns:
      float [..., 4].
    """
    low, high = boxes[..., :2], boxes[..., 2:]
    size = high - low + 1
    return jnp.concatenate([low + 0.5 * size, size], axis=-1)


class ObjectClassifier(typed.Layer):
    """Logits of boxes from features, a detector's distribution and the place in the image.

    Attributes:
      num_objects: classes, the background among them where there is one.
      word_dim: numbers of a class's word.
      width: of the inner layer.
      dropout: rate on the features of the place.
      axis_name: mapped axis whose devices share running statistics.
      background: whether the first class is the background, which no distribution tells of.
    """

    num_objects: int
    word_dim: int
    width: int = 1024
    dropout: float = 0.1
    axis_name: str | None = None
    background: bool = True

    @nn.compact
    def __call__(
        self,
        features: Array,
        distribution: Array,
        boxes: Array,
        valid: Array,
        *,
        train: bool = False,
    ) -> Array:
        """Logits of every box.

        Args:
          features: float [B, F, M, D].
          distribution: float [B, F, M, num_objects], without the background.
          boxes: float [B, F, M, 4], pixels.
          valid: bool [B, F, M].

        Returns:
          float32 [B, F, M, num_objects].
        """

        def norm(momentum: float, name: str, x: Array) -> Array:
            made = batch_norm.BatchNorm(
                momentum, axis_name=self.axis_name, apart=True, name=name, **self.types
            )
            return made(x, valid, train=train)

        words = pair_features.Words(
            self.num_objects - self.background, self.word_dim, name="words", **self.types
        ).mixed(distribution)
        place = norm(0.001, "place_norm", center_size(boxes.astype(jnp.float32)))
        place = nn.relu(dense.Dense(PLACE_DIM, name="place", **self.types)(place))
        place = dropout.Dropout(self.dropout)(place, train=train)
        h = jnp.concatenate([features.astype(words.dtype), words, place], axis=-1)
        h = norm(0.1, "norm", dense.Dense(self.width, name="linear1", **self.types)(h))
        h = dense.Dense(self.num_objects, name="linear2", **self.types)(nn.relu(h))
        return h.astype(jnp.float32)


class Told(NamedTuple):
    """What a frame's boxes were told to be.

    Attributes:
      labels: int32 [B, F, M].
      scores: float32 [B, F, M].
      distribution: float32 [B, F, M, C - 1], without the background.
      person: int32 [B, F], the box that is the person.
    """

    labels: Array
    scores: Array
    distribution: Array
    person: Array


def tell(logits: Array, valid: Array) -> Told:
    """Classes of boxes: every frame has one person, and its commonest class but one box.

    The person is the box that is likeliest one; the others take their best class that is none. The
    boxes of the commonest class (of several the lowest) give it up but for the likeliest (of
    several the last) and take what then is best, once: no other class that occurs twice is touched.

    Args:
      logits: float32 [B, F, M, C].
      valid: bool [B, F, M].
    """
    found = jax.nn.softmax(logits[..., 1:], axis=-1)
    place = jnp.arange(valid.shape[-1])
    person = jnp.argmax(jnp.where(valid, found[..., 0], -1), axis=-1)
    is_person = place == person[..., None]
    others = found[..., 1:]
    labels = jnp.where(is_person, PERSON, jnp.argmax(others, axis=-1) + PERSON + 1)
    scores = jnp.where(is_person, found[..., 0], others.max(-1))

    classes = jnp.arange(1, logits.shape[-1])
    counts = ((labels[..., None] == classes) & valid[..., None]).sum(-2)
    common = jnp.argmax(counts, axis=-1)[..., None]
    own = jnp.take_along_axis(found, common[..., None], axis=-1)[..., 0]
    same = (labels == common + 1) & valid
    best = place[-1] - jnp.argmax(jnp.where(same, own, -1)[..., ::-1], axis=-1)[..., None]
    loses = same & (place != best)
    taken = loses[..., None] & (classes == common[..., None] + 1)
    found = jnp.where(taken, 0, found)
    labels = jnp.where(loses, jnp.argmax(found, axis=-1) + 1, labels)
    scores = jnp.where(loses, found.max(-1), scores)
    return Told(labels.astype(jnp.int32), scores, found, person.astype(jnp.int32))


def chosen(logits: Array, valid: Array, pairs: Array, valid_pairs: Array) -> dict[str, Array]:
    """What frames are told to hold, by the names of a net's outputs.

    Args:
      logits: float32 [B, F, M, C].
      valid: bool [B, F, M].
      pairs: int [B, F, Q, 2], every two boxes of a frame.
      valid_pairs: bool [B, F, Q].

    Returns:
      `labels`, `scores`, `distribution` as in `Told`, `pairs` and `valid_pairs` of `with_person`.
    """
    told = tell(logits, valid)
    pairs, valid_pairs = with_person(told, pairs, valid_pairs)
    return {
        "labels": told.labels,
        "scores": told.scores,
        "distribution": told.distribution,
        "pairs": pairs,
        "valid_pairs": valid_pairs,
    }


def renamed(
    logits: Array, labels: Array, boxes: Array, valid: Array, threshold: float = OVERLAP
) -> tuple[dict[str, Array], Array]:
    """Detected boxes by the classes that a net tells; who is the person, the detector has found.

    Args:
      logits: float32 [B, F, M, C].
      labels: int [B, F, M], the detector's.
      boxes: float [B, F, M, 4].
      valid: bool [B, F, M].
      threshold: overlap above which the worse of two boxes of a class goes.

    Returns:
      `labels`, `scores`, `distribution` as in `Told`; bool [B, F, M], the boxes that stay.
    """
    found = jax.nn.softmax(logits[..., 1:], axis=-1)
    is_person = labels == PERSON
    told = jnp.where(is_person, PERSON, jnp.argmax(found[..., 1:], axis=-1) + PERSON + 1)
    scores = jnp.where(is_person, found[..., 0], found[..., 1:].max(-1))
    kept = _suppressed(boxes, told, scores, valid, threshold)
    return {"labels": told.astype(jnp.int32), "scores": scores, "distribution": found}, kept


def _suppressed(
    boxes: Array, labels: Array, scores: Array, valid: Array, threshold: float
) -> Array:
    """bool [B, F, M]: boxes that no better one of their class that stays overlaps too much."""
    order = jnp.argsort(jnp.where(valid, -scores, jnp.inf), axis=-1, stable=True)
    boxes = jnp.take_along_axis(boxes, order[..., None], axis=-2)
    labels, valid = (jnp.take_along_axis(a, order, axis=-1) for a in (labels, valid))
    count = order.shape[-1]
    shared = box_layers.overlap(boxes[..., :, None, :], boxes[..., None, :, :])
    same = labels[..., :, None] == labels[..., None, :]
    # [.., i, j]: j is worse than i, and goes if i stays.
    beaten = (shared > threshold) & same & ~jnp.tri(count, dtype=bool)

    def let_go(i: Array, kept: Array) -> Array:
        stays = jax.lax.dynamic_index_in_dim(kept, i, -1)
        return kept & ~(stays & jax.lax.dynamic_index_in_dim(beaten, i, -2, keepdims=False))

    kept = jax.lax.fori_loop(0, count, let_go, valid)
    return jnp.take_along_axis(kept, jnp.argsort(order, axis=-1), axis=-1)


def with_person(told: Told, pairs: Array, valid: Array) -> tuple[Array, Array]:
    """Of candidate pairs those of the person and another box that is none, person first.

    Args:
      told: of the boxes.
      pairs: int [B, F, Q, 2], either way round.
      valid: bool [B, F, Q].

    Returns:
      int32 [B, F, Q, 2], bool [B, F, Q].
    """
    person = told.person[..., None]
    other = jnp.where(pairs[..., 0] == person, pairs[..., 1], pairs[..., 0])
    label = jnp.take_along_axis(told.labels, other, axis=-1)
    chosen = (pairs == person[..., None]).any(-1) & (other != person) & (label != PERSON)
    found = jnp.stack([jnp.broadcast_to(person, other.shape), other], axis=-1)
    return found.astype(jnp.int32), valid & chosen
