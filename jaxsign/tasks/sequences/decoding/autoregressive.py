"""Label sequences from a decoder alone, label by label: greedy, or with a beam.

The decoder gives the next label's scores and keeps what it needs of the past in a cache, so that a
step costs one position and not the whole sequence.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.tasks.sequences.decoding import beam as beams

Array = jax.Array
Cache = Any  # arrays with the rows in front
# (cache, token int [R], position int []) -> (logits float [R, V], cache)
Step = Callable[[Cache, Array, Array], tuple[Array, Cache]]
# Start and end of a sequence.
START = END = 0


def search(
    step: Step,
    cache: Cache,
    rows: int,
    *,
    max_labels: int,
    beam: int = 1,
    length_power: float = 0.0,
) -> beams.Hypotheses:
    """The most probable sequences of each clip, best first; `beam` 1 is greedy.

    To be called under `jax.jit`. The search ends with the last hypothesis, not at `max_labels`.

    Args:
      step: one position of the decoder; position 0 is that of the start.
      cache: before the first step, every array [B, ...].
      rows: clips B.
      max_labels: most labels of a sequence, which then must end: the decoder is asked for
        positions 0 to `max_labels`.
      beam: hypotheses K kept of each clip, finished ones among them.
      length_power: hypotheses are compared by log probability / (labels + 1) ** length_power.

    Returns:
      Hypotheses [B, K] with log probabilities of labels and end. Of equal ones the lower ids win.
    """
    first = (
        jnp.zeros((), jnp.int32),
        jnp.zeros((rows, beam, max_labels), jnp.int32),
        jnp.zeros((rows, beam), jnp.int32),
        jnp.full((rows, beam), -jnp.inf).at[:, 0].set(0.0),
        jnp.zeros((rows, beam), bool),
        jax.tree.map(lambda a: jnp.repeat(a, beam, axis=0), cache),
    )

    def goes_on(state):
        position, _, _, log_probs, done, _ = state
        return (position <= max_labels) & (~done & (log_probs > -jnp.inf)).any()

    def extend(state):
        position, labels, lengths, log_probs, done, cache = state
        before = jax.lax.dynamic_index_in_dim(labels, position - 1, 2, keepdims=False)
        token = jnp.where(position > 0, before, START)
        logits, cache = step(cache, token.reshape(-1), position)
        each = jax.nn.log_softmax(logits.astype(jnp.float32), -1).reshape(rows, beam, -1)
        grows = jnp.arange(each.shape[-1]) != END
        # A finished hypothesis stays as it is: its one continuation is the end, for nothing.
        each = jnp.where(done[..., None], 0.0, each)
        over = done[..., None] | (position == max_labels)
        total = log_probs[..., None] + jnp.where(over & grows, -jnp.inf, each)
        after = lengths[..., None] + (grows & ~done[..., None])
        quality = (total / (after + 1.0) ** length_power).reshape(rows, -1)
        chosen = jax.lax.top_k(quality, beam)[1]
        source, token = jnp.divmod(chosen, each.shape[-1])
        labels = _taken(labels, source).at[:, :, position].set(token, mode="drop")
        flat = (jnp.arange(rows)[:, None] * beam + source).reshape(-1)
        return (
            position + 1,
            labels,
            jnp.take_along_axis(after.reshape(rows, -1), chosen, 1),
            jnp.take_along_axis(total.reshape(rows, -1), chosen, 1),
            _taken(done, source) | (token == END),
            jax.tree.map(lambda a: a[flat], cache),
        )

    _, labels, lengths, log_probs, _, _ = jax.lax.while_loop(goes_on, extend, first)
    return beams.Hypotheses(labels, lengths, log_probs)  # type: ignore[arg-type]


def sequences(found: beams.Hypotheses) -> list[list[int]]:
    """The best label sequence of each clip."""
    rows = zip(np.asarray(found.labels)[:, 0], np.asarray(found.lengths)[:, 0], strict=True)
    return [labels[:length].tolist() for labels, length in rows]


def _taken(values: Array, source: Array) -> Array:
    """values [B, K, ...] of the hypotheses source [B, K]."""
    return jax.vmap(lambda row, places: row[places])(values, source)
