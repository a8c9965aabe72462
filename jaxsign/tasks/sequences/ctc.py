"""Connectionist temporal classification: the loss, and the best path of a known label sequence.

Label ids are >= 1; id 0 is the blank (Graves et al. 2006). Padding of frames and labels never
changes a result.
"""

import jax
import jax.numpy as jnp
import optax

Array = jax.Array
BLANK = 0
_NEVER = -1e30  # log probability of what cannot be; finite, so that no gradient is NaN


def frames_needed(labels: Array, label_valid: Array) -> Array:
    """int32 [B]: frames without which no path exists: labels, and a blank between equal ones."""
    twice = (labels[:, 1:] == labels[:, :-1]) & label_valid[:, 1:]
    return label_valid.sum(-1) + twice.sum(-1)


def feasible(valid: Array, labels: Array, label_valid: Array) -> Array:
    """bool [B]: the clip has frames enough for its labels."""
    return valid.sum(-1) >= frames_needed(labels, label_valid)


def nll(log_probs: Array, valid: Array, labels: Array, label_valid: Array) -> Array:
    """Negative log likelihood of every label sequence.

    Args:
      log_probs: float32 [B, T, V], normalised over V.
      valid: bool [B, T], True first, then False.
      labels: int32 [B, L], ids >= 1 where `label_valid`.
      label_valid: bool [B, L], True first, then False.

    Returns:
      float32 [B], +inf where the labels do not fit into the frames.
    """
    return jnp.where(
        feasible(valid, labels, label_valid), _nll(log_probs, valid, labels, label_valid), jnp.inf
    )


def loss(log_probs: Array, valid: Array, labels: Array, label_valid: Array) -> Array:
    """float32 [B]: nll / max(labels, 1); 0, without a gradient, where the labels do not fit.

    The mean of it over rows is torch's CTCLoss(reduction='mean', zero_infinity=True). Arguments as
    of `nll`.
    """
    each = _nll(log_probs, valid, labels, label_valid) / jnp.maximum(label_valid.sum(-1), 1)
    return jnp.where(feasible(valid, labels, label_valid), each, 0.0)


def _nll(log_probs: Array, valid: Array, labels: Array, label_valid: Array) -> Array:
    return optax.ctc_loss(
        log_probs.astype(jnp.float32),
        (~valid).astype(jnp.float32),
        jnp.where(label_valid, labels, 0),
        (~label_valid).astype(jnp.float32),
        blank_id=BLANK,
    )


def align(log_probs: Array, valid: Array, labels: Array, label_valid: Array) -> Array:
    """The frames of each label on the most probable path (Viterbi).

    Arguments as of `nll`.

    Returns:
      int32 [B, L, 2]: first and last frame of each label; -1 in padding, and in all of a row whose
      labels do not fit.
    """
    spans = jax.vmap(_align_row)(log_probs.astype(jnp.float32), valid, labels, label_valid)
    fits = feasible(valid, labels, label_valid)
    return jnp.where((fits[:, None] & label_valid)[..., None], spans, -1)


def _align_row(log_probs: Array, valid: Array, labels: Array, label_valid: Array) -> Array:
    """One row of `align`; states are blank, label 1, blank, label 2, ..., blank."""
    count = len(labels)
    states = jnp.full(2 * count + 1, BLANK).at[1::2].set(labels)
    real = jnp.ones(2 * count + 1, bool).at[1::2].set(label_valid).at[2::2].set(label_valid)
    skips = jnp.zeros(2 * count + 1, bool).at[3::2].set(labels[1:] != labels[:-1])
    emit = jnp.where(real, log_probs[:, states], _NEVER)
    start = jnp.where(jnp.arange(2 * count + 1) < 2, emit[0], _NEVER)

    def forward(score: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        here, is_valid = inputs
        one = jnp.concatenate([jnp.full(1, _NEVER), score[:-1]])
        two = jnp.concatenate([jnp.full(2, _NEVER), score[:-2]])[: len(score)]
        options = jnp.stack([score, one, jnp.where(skips, two, _NEVER)])
        step = jnp.where(is_valid, options.argmax(0), 0)
        return jnp.where(is_valid, options.max(0) + here, score), step

    score, steps = jax.lax.scan(forward, start, (emit[1:], valid[1:]))
    end = 2 * label_valid.sum()
    end = jnp.where((end > 0) & (score[end - 1] > score[end]), end - 1, end)

    def backward(state: Array, step: Array) -> tuple[Array, Array]:
        return state - step[state], state

    first, path = jax.lax.scan(backward, end, steps, reverse=True)
    path = jnp.concatenate([first[None], path])
    on = (path[:, None] == 2 * jnp.arange(count) + 1) & valid[:, None]
    time = jnp.arange(len(path))[:, None]
    begins = jnp.where(on, time, len(path)).min(0)
    ends = jnp.where(on, time, -1).max(0)
    return jnp.stack([begins, ends], axis=-1).astype(jnp.int32)
