"""Macro F1, precision and recall: of every class alike, of all clips and of each language's.

They are made of counts by class, which add up over batches, so that they are those of the epoch.
SignON averages the F1 of its batches instead, where few classes occur; that is `f1_batchmean`.
"""

from collections.abc import Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.tasks import measures

Array = jax.Array
_Array = TypeVar("_Array", jax.Array, np.ndarray)
NAMES = ("f1", "f1_batchmean", "precision", "recall")
OF_LANGUAGES = ("acc", "f1", "f1_batchmean")


def sums(
    predicted: Array,
    truth: Array,
    real: Array,
    language: Array | None,
    classes: int,
    languages: int,
    axis: str | None = None,
) -> dict[str, Array]:
    """What adds up over batches, and over the devices that share one.

    Args:
      predicted, truth: int [B], classes.
      real: float32 [B], 1 = a row that counts.
      language: int [B]; None = all rows are of the first.
      classes, languages: how many there are.
      axis: name of the mapped axis of devices that share the batch; None = this is all of it.

    Returns:
      `right`, `predicted`, `true` float32 [languages, classes]: rows by what they are, and
      `batches` float32 [1 + languages]: F1 of the batch times the rows given, of all and of each
      language.
    """
    group = jnp.zeros_like(truth) if language is None else language
    size = languages * classes

    def count(ids: Array, weights: Array) -> Array:
        found = jax.ops.segment_sum(weights, group * classes + ids, size)
        return found.reshape(languages, classes)

    found = {
        "right": count(truth, real * (predicted == truth)),
        "predicted": count(predicted, real),
        "true": count(truth, real),
    }
    each = {name: jnp.concatenate([n.sum(0, keepdims=True), n]) for name, n in found.items()}
    whole = each if axis is None else jax.lax.psum(each, axis)
    return {**found, "batches": scores(whole)["f1"] * each["true"].sum(-1)}


def scores(counts: Mapping[str, _Array]) -> dict[str, _Array]:
    """`f1`, `precision`, `recall` [...]: means over the classes that occur, 0 where none does.

    A class occurs if it is the truth or the answer of a row. Where it is never the one that its
    rows are divided by, its share is 0.

    Args:
      counts: `right`, `predicted`, `true` [..., classes], of numpy or jax.
    """
    right, predicted, true = (counts[name] for name in ("right", "predicted", "true"))
    count = (predicted + true > 0).sum(-1)

    def mean(top: _Array, under: _Array) -> _Array:
        return (top / (under + (under == 0))).sum(-1) / (count + (count == 0))

    return {
        "f1": mean(2 * right, predicted + true),
        "precision": mean(right, predicted),
        "recall": mean(right, true),
    }


def names(languages: int) -> tuple[str, ...]:
    """What `means` gives: `NAMES` of all rows, `OF_LANGUAGES`_I of each of several languages."""
    if not languages:
        return ()
    several = range(languages if languages > 1 else 0)
    return (*NAMES, *(f"{name}_{i}" for i in several for name in OF_LANGUAGES))


def means(totals: measures.Sums, languages: int) -> dict[str, float]:
    """Of sums over an epoch, by `names`; NaN where there is nothing to average."""
    found = dict.fromkeys(names(languages), float("nan"))
    if not totals:
        return found
    counts = {name: np.asarray(totals[name], np.float64) for name in ("right", "predicted", "true")}
    batches = np.asarray(totals["batches"], np.float64)
    every = _means({name: n.sum(0) for name, n in counts.items()}, batches[0])
    every |= {
        f"{name}_{i}": value
        for i in range(languages)
        for name, value in _means({k: n[i] for k, n in counts.items()}, batches[1 + i]).items()
    }
    return {name: every[name] for name in found}


def _means(counts: Mapping[str, np.ndarray], batches: float) -> dict[str, float]:
    rows = counts["true"].sum()
    if not rows:
        return dict.fromkeys(("acc", *NAMES), float("nan"))
    found = {name: float(value) for name, value in scores(counts).items()}
    return {"acc": counts["right"].sum() / rows, **found, "f1_batchmean": batches / rows}
