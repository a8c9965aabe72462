"""Losses of many parts: their sums over rows, the means of these, and their columns."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxsign.tasks import measures

Array = jax.Array


def sums_of(each: Mapping[str, Array], weight: Array) -> tuple[Array, dict[str, Array]]:
    """Terms of the loss, float32 [B] each -> each row's loss, and the sums of the real ones."""
    rows = jnp.stack(list(each.values())).sum(0)
    sums = {name: (values * weight).sum() for name, values in each.items()}
    return rows, {"examples": weight.sum(), "loss": (rows * weight).sum(), **sums}


def means_of(sums: measures.Sums) -> dict[str, float]:
    """`loss` and its parts of what `sums_of` gave."""
    count = float(sums.get("examples", 0.0)) or float("nan")
    names = [name for name in sums if name == "loss" or name.startswith("loss/")]
    return {name: float(sums[name]) / count for name in names}


def column(part: str) -> measures.Column:
    """Of a part of the loss: 'loss/spatial/contact' -> 'train_spatial_contact_loss'."""
    name = part.removeprefix("loss/").replace("/", "_")
    return measures.Column(f"train_{name}_loss", "train", part, True)
