"""Two-pass decoding over a given list of hypotheses, in torch: the net's outputs, all scores."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from parity import cases
from parity.reference import whispersign_loss, whispersign_net
from parity.reference.fslr import tensors
from parity.settings import whispersign as settings

Arrays = dict[str, np.ndarray]


@torch.inference_mode()
def run(case: cases.Case, module: whispersign_net.WhisperSignModel) -> Arrays:
    """Everything that the case holds."""
    inputs, (lambdas, count, rescoring) = tensors(case.inputs), settings.two_pass(case)
    tokens, lengths = inputs["hyp_tokens"], inputs["hyp_lengths"]
    found: dict[str, Any] = module(inputs["features"], inputs["lengths"])
    ctc = _ctc_scores(found, tokens, lengths)
    attention = attention_scores(module, found, tokens, lengths)
    ids = whispersign_net.CTCDecoder.greedy_decode(found["ctc_log_probs"], found["output_lengths"])
    produced = {f"output/{k}": v.numpy() for k, v in found.items() if v is not None}
    produced |= {
        "output/hyp_ctc_log_prob": ctc,
        "output/hyp_att_log_prob": attention,
        "output/ctc_mass_covered": np.exp(ctc).sum(1),
        "output/greedy_length_aware": padded(ids),
    }
    rows = tokens.numpy()
    for weight in lambdas:
        found_tokens, score = _ranked(rows, _scores(weight, ctc, attention), 5)
        produced[f"output/top5_lambda_{weight}/tokens"] = found_tokens
        produced[f"output/top5_lambda_{weight}/score"] = score
    best, by_ctc, by_attention = _ranked(rows, ctc, count, attention)
    rescored = _scores(rescoring, by_ctc, by_attention)
    order = np.argsort(-rescored, axis=1, kind="stable")
    return produced | {
        "output/nbest/tokens": best,
        "output/nbest/ctc_log_prob": by_ctc,
        "output/nbest/att_log_prob": by_attention,
        "output/nbest/rescored_tokens": np.take_along_axis(best, order[..., None], 1),
    }


def _ctc_scores(found: dict[str, Any], tokens: Tensor, lengths: Tensor) -> np.ndarray:
    """Exact log likelihood [B, N] of every hypothesis over the valid frames."""
    log_probs, ends = found["ctc_log_probs"].double(), found["output_lengths"]
    labels = torch.cat([row[:n] for row, n in zip(tokens, lengths.tolist(), strict=True)])
    count = len(tokens)
    rows = [
        -whispersign_loss.nll_per_clip(
            clip[None, :end].expand(count, -1, -1), torch.full((count,), end), labels, lengths
        )
        for clip, end in zip(log_probs, ends.tolist(), strict=True)
    ]
    return torch.stack(rows).numpy()


def attention_scores(
    module: whispersign_net.WhisperSignModel,
    found: dict[str, Any],
    tokens: Tensor,
    lengths: Tensor,
) -> np.ndarray:
    """Sum of log softmax over [y, end] of the decoder fed with [start, y]: [B, N]."""
    labels = torch.cat([row[:n] for row, n in zip(tokens, lengths.tolist(), strict=True)])
    fed, wanted = whispersign_loss.teacher_forcing(labels, lengths)
    rows = []
    for clip, end in zip(found["encoder_output"], found["output_lengths"].tolist(), strict=True):
        memory = clip[None, :end].expand(len(fed), -1, -1)
        log_probs = module.decoder.attention_decoder(fed, memory).double().log_softmax(-1)
        asked = wanted >= 0
        each = log_probs.gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
        rows.append((each * asked).sum(1))
    return torch.stack(rows).numpy()


def _scores(weight: float, ctc: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Weighted sums; what CTC calls impossible stays so, with a weight of 0 too."""
    possible = np.isfinite(ctc)
    score = weight * np.where(possible, ctc, 0) + (1 - weight) * attention
    return np.where(possible, score, -np.inf)


def _ranked(
    rows: np.ndarray, score: np.ndarray, count: int, *others: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The `count` best of rows [N, L] by their score [B, N]: tokens, scores, and what else."""
    order = np.argsort(-score, axis=1, kind="stable")
    scores = (np.take_along_axis(values, order, 1) for values in (score, *others))
    return settings.first(count, rows[order], *scores)


def padded(rows: list[list[int]]) -> np.ndarray:
    """Rows of ids, int64 [B, longest], filled with -1."""
    width = max(map(len, rows))
    return np.array([row + [-1] * (width - len(row)) for row in rows], np.int64)
