"""WhisperSign's settings: sizes of the net and its parts, losses, decoding, checkpoints."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity import cases, entries

ENCODER = {"num_layers": 6, "d_model": 512, "num_heads": 8, "d_ff": 2048, "dropout": 0.1}
DECODER = {**ENCODER, "max_target_len": 200}
FRONTEND = {
    "num_joints": 42,
    "num_features": 7,
    "patch_size": 4,
    "d_model": 512,
    "dropout": 0.1,
    "spatial_dropout": 0.15,
}
ALPHA = 0.3
_SAVED = ["config", "epoch", "loss", "model_state_dict", "optimizer_state_dict"]


def part(args: entries.Entries, default: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a part of the net whose defaults are `default`."""
    return {**default, **args.given(*default)}


def sizes(args: entries.Entries) -> dict[str, dict[str, Any]]:
    """The original's sections `frontend`, `encoder` and `decoder` of the whole net, complete.

    The width of the encoder and the blank's id are in its config, and nothing reads them.
    """
    frontend = part(args.section("frontend"), FRONTEND)
    blocks = {name: value for name, value in ENCODER.items() if name != "d_model"}
    encoder, decoder = args.section("encoder"), args.section("decoder")
    encoder.one_of("d_model", frontend["d_model"])
    decoder.one_of("blank_id", 0)
    return {
        "frontend": frontend,
        "encoder": part(encoder, blocks),
        "decoder": part(decoder, {"vocab_size": 1296}),
    }


def described(case: cases.Case, loss: str | None = None) -> None:
    """Holds what a case says of its mode, ids and `loss` against what both sides do."""
    call = case.call
    call.one_of("mode", "train" if case.meta["kind"] == "train" else "eval")
    call.one_of("dropout", "all dropout rates are 0")
    ids(call)
    if loss is not None:
        call.one_of("loss", loss)


def ids(call: entries.Entries) -> None:
    """The blank, start and end are 0, targets of -1 are not asked for."""
    for name in ("blank_id", "start_id", "end_id"):
        call.one_of(name, 0)
    call.one_of("ignore_id", -1)


def checkpoint(call: entries.Entries, stored: Mapping[str, Any]) -> None:
    """A checkpoint is the one that the case tells of."""
    call.one_of("loads", "torch.load(weights_only=True), entry model_state_dict")
    for name in ("epoch", "loss"):
        call.one_of(name, stored[name])


def updates(call: entries.Entries) -> int:
    """Optimizer steps of a case of the whole net."""
    return call.get("steps", 0)


def alpha(case: cases.Case) -> float | None:
    """CTC's share of the loss that a case of the whole net records; None = it has no loss."""
    call = case.call
    if case.meta["weights"].startswith("checkpoint:") or "loss" not in call:
        return None
    found = call.get("alpha", ALPHA)
    shares = f"{found:g}*ctc + {1 - found:g}*attention"
    call.one_of("loss", f"{shares} (HybridCTCAttentionLoss, alpha {found:g})")
    return found


def losses(call: entries.Entries) -> dict[str, float]:
    """CTC's share of every loss of a case of the loss alone."""
    ids(call)
    return {name: options.get("alpha", ALPHA) for name, options in call["cases"].items()}


def two_pass(case: cases.Case) -> tuple[list[float], int, float]:
    """CTC's weights for which the best are recorded; how many of the first pass, and its weight."""
    described(case)
    call = case.call
    call.one_of("max_hyp_length", case.inputs["hyp_tokens"].shape[1])
    return call["lambdas"], call.get("n_best", 8), call.get("rescoring_lambda", ALPHA)


def first(count: int, tokens: np.ndarray, *scores: np.ndarray) -> tuple[np.ndarray, ...]:
    """The first `count` hypotheses; in place of those that there are not, -2 and scores of -inf.

    Args:
      count: how many were asked for; fewer may be possible.
      tokens: int [B, N, L].
      scores: float [B, N]; the first says -inf where a row is no hypothesis.
    """
    missing = [(0, 0), (0, max(0, count - tokens.shape[1]))]
    padded = [np.pad(s, missing, constant_values=-np.inf)[:, :count] for s in scores]
    none = np.isneginf(padded[0])
    rows = np.pad(tokens, [*missing, (0, 0)])[:, :count]
    rows = np.where(none[..., None], -2, rows)
    return rows, *(np.where(none, -np.inf, s) for s in padded)


def check_files(call: entries.Entries, names: Iterable[str]) -> None:
    """The checkpoints of a run are these, each with the original's entries."""
    saved = call.section("checkpoint_entries")
    for name in names:
        saved.one_of(name, _SAVED)
