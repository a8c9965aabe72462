"""Losses of an example; batches are weighed and averaged by the task."""

import jax
import jax.numpy as jnp

Array = jax.Array


def per_example(
    name: str,
    logits: Array,
    labels: Array,
    *,
    focal_gamma: float = 2.0,
    focal_alpha: float = 1.0,
    label_smoothing: float = 0.1,
) -> Array:
    """Classification loss of each row, in float32.

    `ce`: -log p(label). `focal`: alpha * (1 - p)^gamma * ce with p = exp(-ce) (Lin et al. 2017).
    `label_smoothing`: (1 - s) * ce + s * mean over classes of -log p (s = label_smoothing).

    Args:
      name: one of these three.
      logits: float [B, C].
      labels: int [B], 0 <= label < C.

    Returns:
      float32 [B].
    """
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    ce = -jnp.take_along_axis(log_p, labels[:, None], axis=-1)[:, 0]
    if name == "ce":
        return ce
    if name == "focal":
        return focal_alpha * (1.0 - jnp.exp(-ce)) ** focal_gamma * ce
    return (1.0 - label_smoothing) * ce - label_smoothing * log_p.mean(-1)


def uncertainty_weighted(losses: Array, log_variance: Array) -> Array:
    """sum exp(-s_i) * L_i + s_i / 2 over the heads (Kendall et al. 2018). Both: float32 [heads]."""
    return (jnp.exp(-log_variance) * losses + 0.5 * log_variance).sum()
