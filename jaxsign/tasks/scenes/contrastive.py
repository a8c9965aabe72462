"""Losses that draw the features of boxes of one class together and those of others apart.

Source: the public system TEMPURA (CVPR 2023), which takes the first from pytorch-metric-learning.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Array = jax.Array
_MARGIN = 1.0  # how far apart boxes of two classes shall be
_TEMPERATURE = 0.1
_TINY = 1e-12


def euclidean(features: Array, labels: Array, valid: Array) -> Array:
    """How far boxes of a class are apart, and how much nearer than 1 those of two classes are.

    Distances are of features of length 1; of either kind of pair those that have a loss are
    averaged.

    Args:
      features: float32 [N, D].
      labels: int [N].
      valid: bool [N].

    Returns:
      float32 scalar.
    """
    same, both = _pairs(labels, valid)
    squares = 2 - 2 * _alike(features)
    # No gradient where two features are one: the root has none there.
    apart = jnp.where(squares > _TINY, jnp.sqrt(jnp.where(squares > _TINY, squares, 1)), 0)
    far = jnp.where(both & same, apart, 0)
    near = jnp.where(both & ~same, jnp.maximum(0, _MARGIN - apart), 0)
    return _mean_of_losses(far) + _mean_of_losses(near)


def info_nce(features: Array, labels: Array, valid: Array) -> Array:
    """-log of the share of a box's class among all others, by how alike features are.

    As in the original the sum over a box's class is divided by the size of that class, the box
    itself among it.

    Args:
      features: float32 [N, D].
      labels: int [N].
      valid: bool [N].

    Returns:
      float32 scalar.
    """
    same, both = _pairs(labels, valid)
    sure = jnp.where(both, _alike(features) / _TEMPERATURE, -jnp.inf)
    best = jax.lax.stop_gradient(jnp.max(sure, axis=-1, keepdims=True, initial=-1e30))
    shares = jnp.exp(sure - best)
    shares = shares / jnp.maximum(shares.sum(-1, keepdims=True), _TINY)
    each = -jnp.where(both & same, jnp.log(shares + _TINY), 0).sum(-1)
    members = jnp.maximum((same & valid).sum(-1), 1)
    return jnp.where(valid, each / members, 0).sum() / jnp.maximum(valid.sum(), 1)


KINDS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "euc_con": euclidean,
    "info_nce": info_nce,
}


def _pairs(labels: Array, valid: Array) -> tuple[Array, Array]:
    """bool [N, N]: of one class, itself too; both real and two."""
    both = valid[:, None] & valid & ~jnp.eye(len(labels), dtype=bool)
    return labels[:, None] == labels, both


def _alike(features: Array) -> Array:
    """float32 [N, N]: cosines."""
    features = features.astype(jnp.float32)
    squares = (features**2).sum(-1, keepdims=True)
    unit = features * jax.lax.rsqrt(jnp.maximum(squares, _TINY))
    return jnp.matmul(unit, unit.T, precision=jax.lax.Precision.HIGHEST)


def _mean_of_losses(values: Array) -> Array:
    return values.sum() / jnp.maximum((values > 0).sum(), 1)
