"""What a net remembers of all training examples: a mean of features for every class.

Source: the public system TEMPURA (CVPR 2023).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
_TINY = 1e-12


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
    return {"features": found, "weights": below.reshape(batch, -1, classes).sum(1)}


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
