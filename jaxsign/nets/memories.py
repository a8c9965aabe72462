"""What a net remembers of all training examples: a mean of features for every class.

Source: the public system TEMPURA (CVPR 2023).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxsign.nets import relation_net, state_dict
from jaxsign.nets.layers import memory

Array = jax.Array
PARTS = ("features", "weights")  # of `sums`
# Where a net's variables of the collection hold a memory.
PLACES = {"relations": ("memory",), "objects": ("object_classifier", "memory")}
_TINY = 1e-12
_Of = tuple[Array, Array, Mapping[str, Array]]  # features, their classes, uncertainties


def weights(
    kind: str, truth: Array, unsure: Mapping[str, Array], *, original: bool = False
) -> tuple[Array, Array]:
    """How much things count in the mean of each of their classes, and what it is divided by.

    Args:
      kind: 'simple', all alike; or the more, the more uncertain the net is of them: 'al', 'ep' or
        'both'.
      truth: bool [..., C], the classes of each.
      unsure: `aleatoric` and `epistemic`, float32 [..., C]; not looked at for 'simple'.
      original: of 'both' the original divides by twice the sum of the first alone.

    Returns:
      float32 [..., C] twice, 0 in what a thing is not; the second is to be summed.
    """
    if kind == "simple":
        counts = truth.astype(jnp.float32)
        return counts, counts
    first, second = unsure["aleatoric"], unsure["epistemic"]
    shown = {"al": first, "ep": second, "both": first + second}[kind]
    above = jnp.where(truth, jnp.exp(shown), 0)
    if kind == "both" and original:
        return above, 2 * jnp.where(truth, jnp.exp(first), 0)
    return above, above


def sums(features: Array, above: Array, below: Array) -> dict[str, Array]:
    """Of every video what the means of `mean` are made of.

    Args:
      features: float [B, ..., D].
      above, below: of `weights`, float32 [B, ..., C].

    Returns:
      `features` float32 [B, C, D] and `weights` float32 [B, C].
    """
    batch, classes = len(features), above.shape[-1]
    flat = features.astype(jnp.float32).reshape(batch, -1, features.shape[-1])
    shares = above.reshape(batch, -1, classes)
    # What stands in padding, be it infinite, does not count.
    flat = jnp.where(shares.any(-1, keepdims=True), flat, 0)
    exact = jax.lax.Precision.HIGHEST
    found = jnp.einsum("bnc,bnd->bcd", shares, flat, precision=exact)
    return dict(zip(PARTS, (found, below.reshape(batch, -1, classes).sum(1)), strict=True))


class Mean:
    """The mean of features of each class, over videos that come batch by batch."""

    def __init__(self) -> None:
        self._features: Any = 0.0
        self._weights: Any = 0.0

    def add(self, found: Mapping[str, np.ndarray]) -> None:
        """Adds what `sums` gave of a batch."""
        self._features = self._features + found["features"].sum(0, dtype=np.float64)
        self._weights = self._weights + found["weights"].sum(0, dtype=np.float64)

    def rows(self) -> np.ndarray:
        """float32 [C, D]; 0 of a class that was never seen.

        Raises:
          ValueError: nothing was added.
        """
        if np.ndim(self._weights) == 0:
            raise ValueError("no training example was looked at: there is nothing to remember")
        found: np.ndarray = self._features / (self._weights[:, None] + _TINY)
        return found.astype(np.float32)


def look(
    kinds: Mapping[str, str],
    outputs: Mapping[str, Array],
    batch: Mapping[str, Array],
    classes: int,
) -> dict[str, Array]:
    """Of every video of a batch what memories are made of.

    Args:
      kinds: 'relations' or 'objects' -> the kind of `weights`.
      outputs: of a net, of the true classes, persons and pairs.
      batch: which it was told of.
      classes: of boxes, with the background, which has no row in a memory.

    Returns:
      `KIND/features` [B, C, D] and `KIND/weights` [B, C] of every kind of memory.
    """
    found: dict[str, Array] = {}
    for name, kind in kinds.items():
        if name == "relations":
            features, truth, unsure = _relations(outputs, batch)
        else:
            features, truth, unsure = _objects(outputs, batch, classes)
        made = sums(features, *weights(kind, truth, unsure))
        found |= {f"{name}/{part}": value for part, value in made.items()}
    return found


def _relations(outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> _Of:
    told = batch["valid_pairs"] & batch["labelled"]
    truth = batch["relations"] & told[..., None]
    return outputs["pair_embeddings"], truth, relation_net.uncertainties(outputs)


def _objects(outputs: Mapping[str, Array], batch: Mapping[str, Array], classes: int) -> _Of:
    features, labels = outputs["object_embeddings"], batch["labels"]
    unsure = relation_net.uncertainties(outputs, "object_")
    truth = jax.nn.one_hot(labels, classes, dtype=bool)[..., 1:]
    truth &= batch["valid_boxes"][..., None]
    return features, truth, {name: value[..., 1:] for name, value in unsure.items()}


def means(names: Iterable[str], rows: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Rows float32 [C, D] of every memory, of batches of what `look` gave."""
    found = {name: Mean() for name in names}
    for row in rows:
        for name, mean in found.items():
            mean.add({part: row[f"{name}/{part}"] for part in PARTS})
    return {name: mean.rows() for name, mean in found.items()}


def placed(
    variables: state_dict.Variables, rows: Mapping[str, np.ndarray], *, filled: bool = True
) -> state_dict.Variables:
    """Variables with the rows float32 [C, D] of memories; those that are not named stay."""
    if not rows:
        return dict(variables)
    kept = traverse_util.flatten_dict(dict(variables.get(memory.COLLECTION, {})))
    for name, value in rows.items():
        place = PLACES[name]
        kept[*place, "rows"] = np.asarray(value, np.float32)
        kept[*place, "filled"] = np.int32(filled)
    return {**variables, memory.COLLECTION: traverse_util.unflatten_dict(kept)}


def read(variables: state_dict.Variables) -> dict[str, np.ndarray]:
    """Rows float32 [C, D] of the memories that are filled, as of `placed`."""
    kept = traverse_util.flatten_dict(dict(variables.get(memory.COLLECTION, {})))
    return {
        name: np.asarray(kept[*place, "rows"])
        for name, place in PLACES.items()
        if kept.get((*place, "filled"), 0)
    }
