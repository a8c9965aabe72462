"""Losses of a pair's predicates, a group at a time; the task weighs and averages them."""

import jax
import jax.numpy as jnp

Array = jax.Array


def cross_entropy(logits: Array, truth: Array) -> Array:
    """-log p of the one predicate that is true.

    Args:
      logits: float [..., K].
      truth: bool [..., K]; the first that is true counts.

    Returns:
      float32 [...].
    """
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    return -jnp.take_along_axis(log_p, jnp.argmax(truth, -1)[..., None], axis=-1)[..., 0]


def margin(logits: Array, truth: Array) -> Array:
    """By how much true predicates fail to lead the others by 1, as torch's MultiLabelMarginLoss.

    The original takes it of probabilities, which can never lead by 1: the loss has a floor.

    Args:
      logits: float [..., K]; their sigmoids are compared.
      truth: bool [..., K].

    Returns:
      float32 [...]: the sum over true and other predicates, divided by K.
    """
    p = jax.nn.sigmoid(logits.astype(jnp.float32))
    behind = jnp.maximum(0, 1 - (p[..., :, None] - p[..., None, :]))
    both = truth[..., :, None] & ~truth[..., None, :]
    return jnp.where(both, behind, 0).sum((-2, -1)) / logits.shape[-1]


def binary_cross_entropy(logits: Array, truth: Array) -> Array:
    """The mean over predicates of -log p of what each is, true or not.

    Args:
      logits: float [..., K].
      truth: bool [..., K].

    Returns:
      float32 [...].
    """
    logits = logits.astype(jnp.float32)
    return -jax.nn.log_sigmoid(jnp.where(truth, logits, -logits)).mean(-1)


def mean_of_pairs(values: Array, valid: Array) -> Array:
    """Every video's mean over its real pairs, 0 without any.

    Args:
      values: float32 [B, F, Q].
      valid: bool [B, F, Q].

    Returns:
      float32 [B].
    """
    total = jnp.where(valid, values, 0).sum((1, 2))
    return total / jnp.maximum(valid.sum((1, 2)), 1)
