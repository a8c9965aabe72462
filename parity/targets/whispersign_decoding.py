"""WhisperSign's decoding: greedy, prefix beam search, and the two passes together."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxsign.tasks.sequences.decoding import beam, greedy, prefixes, rescoring
from parity import cases, weights
from parity.settings import whispersign as settings
from parity.targets import whispersign_nets

Arrays = dict[str, np.ndarray]
# As many prefixes as the cases' clips need for an exact search.
_WIDE = 512


def greedy_decoding(case: cases.Case) -> Arrays:
    """Greedy decoding over all frames, over the valid ones, and of a tie."""
    settings.ids(case.call)
    inputs = case.inputs
    log_probs, valid = inputs["log_probs"], _valid(inputs["lengths"], inputs["log_probs"])
    return {
        "output/decode_upstream": _greedy(log_probs, np.ones_like(valid)),
        "output/decode_length_aware": _greedy(log_probs, valid),
        "output/decode_tie": _greedy(
            inputs["tie_log_probs"], np.ones(inputs["tie_log_probs"].shape[:2], bool)
        ),
    }


def beam_search(case: cases.Case) -> Arrays:
    """The n best label sequences by a beam wide enough to be exact."""
    settings.ids(case.call)
    log_probs, count = case.inputs["log_probs"], case.call.get("n_best", 8)
    valid = _valid(case.inputs["lengths"], log_probs)
    found = beam.beam_search(log_probs, valid, beam=_WIDE, n_best=count)
    places = case.expected["output/top10_tokens"].shape[-1]
    tokens, scores = settings.first(count, _padded(found, places), found.log_probs)
    return {
        "output/top10_tokens": tokens,
        "output/top10_log_prob": scores,
        "output/greedy_length_aware": _greedy(log_probs, valid),
    }


def two_pass(case: cases.Case) -> Arrays:
    """The net's outputs, all hypotheses with both scores, the best for several weights."""
    net = whispersign_nets.original_net(settings.sizes(case.args))
    variables = jax.device_put(weights.load(case, net.key_table())[0])
    inputs, (lambdas, count, rescoring_weight) = case.inputs, settings.two_pass(case)
    x = inputs["features"]
    result = jax.jit(net.apply)(variables, x, np.arange(x.shape[1]) < inputs["lengths"][:, None])
    log_probs, valid = np.asarray(result["ctc_log_probs"]), np.asarray(result["output_valid"])
    decode: Any = functools.partial(net.apply, variables, method="decode_tokens")
    given = _given(inputs["hyp_tokens"], inputs["hyp_lengths"], len(x))
    ctc, attention = _scores(decode, result, given)
    places = given.labels.shape[-1]
    produced = {
        "output/ctc_log_probs": log_probs,
        "output/output_lengths": valid.sum(1),
        "output/encoder_output": np.asarray(result["encoder_output"]),
        "output/hyp_ctc_log_prob": ctc,
        "output/hyp_att_log_prob": attention,
        "output/ctc_mass_covered": np.exp(ctc).sum(1),
        "output/greedy_length_aware": _greedy(log_probs, valid),
    }
    for weight in lambdas:
        best = rescoring.ranked(given, ctc, attention, weight)
        tokens, scores = settings.first(5, _padded(best, places), best.scores)
        produced[f"output/top5_lambda_{weight}/tokens"] = tokens
        produced[f"output/top5_lambda_{weight}/score"] = scores
    found = rescoring.fitted(beam.beam_search(log_probs, valid, beam=_WIDE, n_best=count))
    ctc, attention = _scores(decode, result, found)
    best = rescoring.ranked(found, ctc, attention, rescoring_weight)
    real = np.where(np.isfinite(found.log_probs), ctc, -np.inf)
    tokens, ctc, attention = settings.first(count, _padded(found, places), real, attention)
    return produced | {
        "output/nbest/tokens": tokens,
        "output/nbest/ctc_log_prob": ctc,
        "output/nbest/att_log_prob": attention,
        "output/nbest/rescored_tokens": settings.first(count, _padded(best, places), best.scores)[
            0
        ],
    }


def _scores(decode: Any, result: Any, found: beam.Hypotheses) -> tuple[Any, Any]:
    """Both scores [B, N] of every hypothesis."""
    mask = rescoring.label_valid(found)
    valid = result["output_valid"]
    ctc = jax.jit(rescoring.ctc_scores)(result["ctc_log_probs"], valid, found.labels, mask)
    shared = prefixes.shared(found.labels, found.lengths)
    logits = jax.jit(decode)(result["encoder_output"], valid, *shared[:3])
    attention = rescoring.attention_scores(logits, shared.places, found.labels, found.lengths)
    return np.asarray(ctc), np.asarray(attention)


def _given(tokens: np.ndarray, lengths: np.ndarray, rows: int) -> beam.Hypotheses:
    """The case's list of hypotheses for every clip."""
    labels = np.where(tokens < 0, 0, tokens)
    shape = (rows, *lengths.shape)
    return beam.Hypotheses(
        np.broadcast_to(labels, (rows, *labels.shape)),
        np.broadcast_to(lengths, shape),
        np.zeros(shape, np.float32),
    )


def _valid(lengths: np.ndarray, log_probs: np.ndarray) -> np.ndarray:
    return np.arange(log_probs.shape[1]) < lengths[:, None]


def _greedy(log_probs: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return _rows(greedy.greedy(log_probs.argmax(-1), valid))


def _rows(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids filled with -1, as the cases hold them."""
    width = max(map(len, rows))
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows], np.int64)


def _padded(found: Any, places: int) -> np.ndarray:
    """Labels [B, N, places] of hypotheses, filled with -1."""
    filled = np.where(rescoring.label_valid(found), found.labels, -1)
    assert (filled[..., places:] == -1).all(), "a hypothesis is longer than the case's"
    return filled[..., :places]
