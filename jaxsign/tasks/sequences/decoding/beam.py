"""CTC prefix beam search: the most probable label sequences of a clip, best first.

Prefixes, not paths, compete: the paths of one label sequence are summed (Graves 2012; Hannun et al.
2014). Probabilities are natural logarithms. A prefix that is in the beam takes in every way that
leads to it, so equal prefixes are always one.

Of a frame's labels only the `beam` + 1 most probable ones start new prefixes. Nothing is lost: a
prefix continued by a label below these has at least `beam` better competitors among its own
continuations (one of the labels above may be a repetition, which needs a blank before it).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
BLANK = 0
_NEVER = -jnp.inf


class Hypotheses(NamedTuple):
    """Label sequences of B clips, N each, best first.

    Attributes:
      labels: int32 [B, N, L], ids >= 1, 0 behind the last one.
      lengths: int32 [B, N]; 0 = the empty sequence.
      log_probs: float32 [B, N], -inf where there is no hypothesis.
    """

    labels: np.ndarray
    lengths: np.ndarray
    log_probs: np.ndarray


class _Beam(NamedTuple):
    """K different prefixes of one clip.

    Attributes:
      labels: int32 [K, T]; lengths: int32 [K].
      blank, label: float32 [K], log probability of all paths that end in a blank, and in the
        prefix's last label.
    """

    labels: Array
    lengths: Array
    blank: Array
    label: Array

    @property
    def total(self) -> Array:
        """float32 [K]: log probability of the prefix; -inf = an empty place."""
        return jnp.logaddexp(self.blank, self.label)

    @property
    def last(self) -> Array:
        """int32 [K]: the last label; 0 of the empty prefix."""
        place = jnp.maximum(self.lengths - 1, 0)
        return jnp.take_along_axis(self.labels, place[:, None], 1)[:, 0]


def beam_search(
    log_probs: Array | np.ndarray,
    valid: Array | np.ndarray,
    *,
    beam: int = 10,
    n_best: int | None = None,
) -> Hypotheses:
    """The best label sequences of each clip.

    Args:
      log_probs: float32 [B, T, V] by frame; id 0 is the blank.
      valid: bool [B, T], True = real frame; the others are left out.
      beam: prefixes kept a frame; a beam of all prefixes makes the search exact.
      n_best: hypotheses given back, at most `beam`; None = all.

    Returns:
      Hypotheses as numpy arrays, L = T. Of equally probable ones the lower ids come first. The
      probabilities count the paths that stayed in the beam: at most the exact likelihood.
    """
    if beam < 1 or (n_best is not None and not 1 <= n_best <= beam):
        raise ValueError(f"beam={beam} and n_best={n_best} must satisfy 1 <= n_best <= beam")
    found = _search(jnp.asarray(log_probs, jnp.float32), jnp.asarray(valid, bool), beam)
    return _sorted(Hypotheses(*map(np.asarray, found)), n_best or beam)


@functools.partial(jax.jit, static_argnames="beam")
def _search(log_probs: Array, valid: Array, beam: int) -> tuple[Array, Array, Array]:
    def one(log_probs: Array, valid: Array) -> tuple[Array, Array, Array]:
        best, ids = jax.lax.top_k(log_probs[:, 1:], min(log_probs.shape[1] - 1, beam + 1))
        frames = (log_probs, best, ids + 1, valid)
        end, _ = jax.lax.scan(_step, _start(beam, len(log_probs)), frames)
        return end.labels, end.lengths, end.total

    return jax.vmap(one)(log_probs, valid)


def _start(beam: int, frames: int) -> _Beam:
    """The empty prefix, certain; the other places are empty."""
    never = jnp.full(beam, _NEVER)
    labels = jnp.zeros((beam, frames), jnp.int32)
    return _Beam(labels, jnp.zeros(beam, jnp.int32), never.at[0].set(0.0), never)


def _step(beam: _Beam, frame: tuple[Array, Array, Array, Array]) -> tuple[_Beam, None]:
    """One frame: log_probs [V]; its best labels [k], their ids [k]; whether it counts."""
    log_probs, best, ids, valid = frame
    size, last, total = len(beam.lengths), beam.last, beam.total
    parent = _is_parent(beam)

    # What stays as it is: a blank, the last label once more, or its parent's step to it.
    repeats = last[:, None] == last[None]
    arrives = jnp.where(repeats, beam.blank[:, None], total[:, None])
    arrives = jnp.where(parent, arrives, _NEVER).max(0)
    blank = total + log_probs[BLANK]
    label = jnp.logaddexp(beam.label, arrives) + log_probs[last]

    # New prefixes; those that are in the beam already had their share above.
    grown = jnp.where(last[:, None] == ids, beam.blank[:, None], total[:, None]) + best
    known = (parent[:, :, None] & (last[None, :, None] == ids)).any(1)
    grown = jnp.where(known, _NEVER, grown)

    candidates = jnp.concatenate([jnp.logaddexp(blank, label), grown.reshape(-1)])
    score, chosen = jax.lax.top_k(candidates, size)
    old = chosen < size
    source = jnp.where(old, chosen, (chosen - size) // len(ids))
    added = ids[(chosen - size) % len(ids)]

    here = jnp.arange(beam.labels.shape[1]) == beam.lengths[source][:, None]
    new = _Beam(
        jnp.where(here & ~old[:, None], added[:, None], beam.labels[source]),
        beam.lengths[source] + ~old,
        jnp.where(old, blank[source], _NEVER),
        jnp.where(old, label[source], score),
    )
    return jax.tree.map(lambda a, b: jnp.where(valid, a, b), new, beam), None


def _is_parent(beam: _Beam) -> Array:
    """bool [K, K]: prefix i is prefix j without its last label."""
    behind = jnp.arange(beam.labels.shape[1]) >= beam.lengths[:, None] - 1
    shortened = jnp.where(behind, 0, beam.labels)
    same = (beam.labels[:, None] == shortened[None]).all(-1)
    alive = beam.total > _NEVER
    return same & (beam.lengths[:, None] + 1 == beam.lengths[None]) & alive[:, None] & alive[None]


def _sorted(found: Hypotheses, count: int) -> Hypotheses:
    """The best `count` of each clip; equally probable ones by their ids."""
    keys = [*np.moveaxis(found.labels, -1, 0)[::-1], -found.log_probs]
    order = np.lexsort(keys, axis=-1)[:, :count]
    labels = np.take_along_axis(found.labels, order[..., None], 1)
    lengths, log_probs = (np.take_along_axis(a, order, 1) for a in found[1:])
    # An empty place is no hypothesis: nothing of it may be taken for one.
    real = np.isfinite(log_probs)
    return Hypotheses(labels * real[..., None], lengths * real, log_probs)
