"""Second pass: the hypotheses of the first one, weighed by CTC and by the attention decoder.

`score = weight * log P_ctc(y|x) + (1 - weight) * log P_att(y|x) + bonus * labels`, as in hybrid
CTC/attention recognition (Watanabe et al. 2017), with the exact CTC likelihood instead of the
beam's partial sum. id 0 is the decoder's start and end.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.tasks.sequences import ctc
from jaxsign.tasks.sequences.decoding import beam, prefixes

Array = jax.Array


class Rescored(NamedTuple):
    """Hypotheses of B clips, N each, best score first.

    Attributes:
      labels: int32 [B, N, L], ids >= 1, 0 behind the last one.
      lengths: int32 [B, N]; 0 = the empty sequence.
      log_ctc: float32 [B, N], exact likelihood; -inf where there is no hypothesis.
      log_att: float32 [B, N], of the labels and the end; -inf = too long for the decoder.
      scores: float32 [B, N].
    """

    labels: np.ndarray
    lengths: np.ndarray
    log_ctc: np.ndarray
    log_att: np.ndarray
    scores: np.ndarray


def fitted(found: beam.Hypotheses) -> beam.Hypotheses:
    """The hypotheses with as few places L as the longest needs, of few sizes (4, 6, 8, 12, ...)."""
    size = prefixes.few_sizes(int(found.lengths.max(initial=0)))
    extra = max(0, size - found.labels.shape[-1])
    return found._replace(
        labels=np.pad(found.labels[..., :size], [(0, 0), (0, 0), (0, extra)]),
    )


def label_valid(found: beam.Hypotheses) -> np.ndarray:
    """bool [B, N, L]: the labels of each hypothesis."""
    return np.arange(found.labels.shape[-1]) < found.lengths[..., None]


def ctc_scores(log_probs: Array, valid: Array, labels: Array, labels_valid: Array) -> Array:
    """Exact log likelihood float32 [B, N] of every hypothesis; -inf where it does not fit.

    Args:
      log_probs: float32 [B, T, V]; valid: bool [B, T].
      labels: int32 [B, N, L]; labels_valid: bool [B, N, L].
    """
    # Mapped over the hypotheses, so that a clip's scores are not copied for each.
    return -jax.vmap(ctc.nll, (None, None, 1, 1), 1)(log_probs, valid, labels, labels_valid)


@jax.jit
def attention_scores(logits: Array, places: Array, labels: Array, lengths: Array) -> Array:
    """log P_att float32 [B, N]: sum over the labels and the end.

    Args:
      logits: float [B, P, V], what the decoder says after each of the hypotheses' prefixes.
      places: int32 [B, N, L + 1], of `prefixes.shared`; what is not all there gets -inf.
      labels: int32 [B, N, L], 0 behind the last one; lengths: int32 [B, N].
    """
    log_probs = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    targets = jnp.pad(labels, ((0, 0), (0, 0), (0, 1)))
    clips = jnp.arange(len(labels))[:, None, None]
    each = jnp.where(places >= 0, log_probs[clips, places, targets], 0.0)
    complete = jnp.take_along_axis(places, lengths[..., None], -1)[..., 0] >= 0
    return jnp.where(complete, each.sum(-1), -jnp.inf)


def weighed(
    log_ctc: np.ndarray,
    log_att: np.ndarray,
    lengths: np.ndarray,
    ctc_weight: float,
    length_bonus: float = 0.0,
) -> np.ndarray:
    """The score [B, N] of both passes; -inf for what CTC calls impossible, whatever the weight.

    Args:
      log_ctc, log_att: float [B, N]; lengths: int [B, N], labels of each hypothesis.
      ctc_weight: share of CTC, 0 to 1.
      length_bonus: added for every label.
    """
    possible = np.isfinite(log_ctc)
    score = ctc_weight * np.where(possible, log_ctc, 0.0) + length_bonus * lengths
    if ctc_weight < 1:  # a share of 0 of an impossible -inf counts nothing
        score = score + (1 - ctc_weight) * log_att
    return np.where(possible, score, -np.inf).astype(np.float32)


def ranked(
    found: beam.Hypotheses,
    log_ctc: np.ndarray,
    log_att: np.ndarray,
    ctc_weight: float,
    length_bonus: float = 0.0,
) -> Rescored:
    """The hypotheses by their score; of equal scores the more probable by CTC comes first.

    Args:
      found: of the first pass.
      log_ctc, log_att: float [B, N].
      ctc_weight, length_bonus: see `weighed`.
    """
    real = np.isfinite(found.log_probs)
    log_ctc = np.where(real, log_ctc, -np.inf).astype(np.float32)
    log_att = np.where(real, log_att, -np.inf).astype(np.float32)
    scores = weighed(log_ctc, log_att, found.lengths, ctc_weight, length_bonus)
    order = np.lexsort([-log_ctc, -scores], axis=-1)
    rows = (found.lengths, log_ctc, log_att, scores)
    return Rescored(
        np.take_along_axis(found.labels, order[..., None], 1),
        *(np.take_along_axis(values, order, 1) for values in rows),
    )
