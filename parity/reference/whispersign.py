"""WhisperSign's torch reference through the golden cases.

What is done to hands before its net is numpy in the original, and has no reference in torch.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from jaxsign.nets import state_dict, torch_files
from parity import cases, targets
from parity.reference import (
    whispersign_loss,
    whispersign_net,
    whispersign_runs,
    whispersign_train,
    whispersign_two_pass,
)
from parity.reference.fslr import state_dict_of, tensors
from parity.settings import whispersign as settings

Arrays = dict[str, np.ndarray]


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    layer = key.rpartition(".")[0].rpartition(".")[2]
    return layer.startswith("norm") or layer.endswith("_norm")


def build(case: cases.Case, constructor: Callable[..., nn.Module]) -> tuple[Any, Arrays]:
    """The reference with the case's weights, in its mode, and what the weights alone show."""
    whole = constructor is whispersign_net.WhisperSignModel
    args = settings.sizes(case.args) if whole else case.args.of(constructor)
    module = constructor(**args).train(case.meta["kind"] == "train")
    kind, _, name = case.meta["weights"].partition(":")
    produced: Arrays = {}
    if kind == "recipe":
        shapes = {key: value.shape for key, value in state_dict_of(module).items()}
        weights = cases.recipe_state_dict(case, shapes, is_norm, {})
        produced["output/weights_crc32"] = cases.weights_crc32(case, weights)
    elif kind == "checkpoint":
        stored = torch_files.read(case.path.parent / name)
        settings.checkpoint(case.call, stored)
        weights = state_dict.unwrap(stored, where=name)
    else:
        weights = case.under("param/")
    module.load_state_dict(tensors(weights))
    return module, produced


def _gradients(module: nn.Module) -> Arrays:
    found = {k: p.grad.numpy() for k, p in module.named_parameters() if p.grad is not None}
    return {f"grad/{key}": value.copy() for key, value in found.items()}


def _named(prefix: str, found: dict[str, Tensor]) -> Arrays:
    return {f"{prefix}{name}": value.detach().numpy() for name, value in found.items()}


def _after(module: nn.Module) -> Arrays:
    return {f"after/{key}": value.copy() for key, value in state_dict_of(module).items()}


def relative_positions(case: cases.Case) -> Arrays:
    """The tables of several lengths."""
    module, produced = build(case, whispersign_net.RelativePositionalEncoding)
    tables = {f"L{length}": module(length) for length in case.call["lengths"]}
    return produced | _named("output/", tables)


def frontend(case: cases.Case) -> Arrays:
    """Embeddings, the steps before them, gradients, and BatchNorm's buffers after train mode."""
    settings.described(case, "sum(output/embeddings * input/cotangent)")
    case.call.one_of("steps", 0)
    module, produced = build(case, whispersign_net.SignLanguageFrontend)
    inputs = tensors(case.inputs)
    x = inputs["features"].requires_grad_()
    patches = module.patch_embedding(x)
    steps = {"patch_embedding": patches, "conv_spe": module.conv_spe(patches)}
    embeddings, lengths = module(x, inputs.get("lengths"))
    loss = (embeddings * inputs["cotangent"]).sum()
    loss.backward()
    found = {"embeddings": embeddings, "loss": loss, "input_grad/features": x.grad}
    if lengths is not None:
        found["lengths"] = lengths
    produced |= _named("output/inter/", steps) | _named("output/", found)
    return produced | _gradients(module) | _after(module)


def encoder_block(case: cases.Case) -> Arrays:
    """One block: each sublayer, the result and gradients."""
    settings.described(case, "sum(output/y * input/cotangent)")
    module, produced = build(case, whispersign_net.SpatioTemporalBlock)
    inputs = tensors(case.inputs)
    x = inputs["x"].requires_grad_()
    steps = module.steps(x, inputs.get("mask"))
    y = steps.pop("y")
    loss = (y * inputs["cotangent"]).sum()
    loss.backward()
    found = {"y": y, "loss": loss, "input_grad/x": x.grad}
    produced |= _named("output/inter/", steps) | _named("output/", found)
    return produced | _gradients(module)


def encoder(case: cases.Case) -> Arrays:
    """The blocks one after the other."""
    settings.described(case)
    module, produced = build(case, whispersign_net.SpatioTemporalEncoder)
    inputs = tensors(case.inputs)
    x, mask = inputs["x"], inputs.get("mask")
    for number, layer in enumerate(module.layers):
        x = layer(x, mask)
        produced |= _named("output/inter/", {f"layer{number}": x})
    return produced | _named("output/", {"y": module(inputs["x"], mask)})


def greedy(log_probs: Tensor, lengths: Tensor | None = None) -> np.ndarray:
    """Greedily decoded ids, rows filled with -1."""
    return whispersign_two_pass.padded(whispersign_net.CTCDecoder.greedy_decode(log_probs, lengths))


def ctc_head(case: cases.Case) -> Arrays:
    """Log-probabilities and what greedy decoding makes of them."""
    module, produced = build(case, whispersign_net.CTCDecoder)
    log_probs = module(tensors(case.inputs)["x"])
    return (
        produced
        | _named("output/", {"log_probs": log_probs})
        | {"output/greedy": greedy(log_probs)}
    )


def greedy_decoding(case: cases.Case) -> Arrays:
    """Greedy decoding alone: with lengths, without, and of equal scores."""
    settings.ids(case.call)
    inputs = tensors(case.inputs)
    return {
        "output/decode_upstream": greedy(inputs["log_probs"]),
        "output/decode_length_aware": greedy(inputs["log_probs"], inputs["lengths"]),
        "output/decode_tie": greedy(inputs["tie_log_probs"]),
    }


def attention_decoder(case: cases.Case) -> Arrays:
    """Logits, their cross entropy, and gradients."""
    settings.described(case, "cross entropy, mean over targets != -1")
    module, produced = build(case, whispersign_net.AttentionDecoder)
    inputs = tensors(case.inputs)
    memory = inputs["encoder_output"].requires_grad_()
    logits = module(inputs["tokens"], memory, inputs.get("encoder_mask"))
    targets_ = inputs["targets"].flatten()
    loss = F.cross_entropy(logits.flatten(0, 1), targets_, ignore_index=whispersign_loss.IGNORED)
    loss.backward()
    found = {"logits": logits, "loss": loss, "input_grad/encoder_output": memory.grad}
    return produced | _named("output/", found) | _gradients(module)


def model(case: cases.Case) -> Arrays:
    """The whole net: all outputs and greedy decoding; loss and gradients; or training steps."""
    module, produced = build(case, whispersign_net.WhisperSignModel)
    if settings.updates(case.call):
        return produced | whispersign_runs.hybrid(case, module)
    settings.described(case)
    inputs = tensors(case.inputs)
    found = module(inputs["features"], inputs.get("lengths"), inputs.get("tokens"))
    produced |= _named("output/", {k: v for k, v in found.items() if v is not None})
    log_probs = found["ctc_log_probs"]
    produced["output/decode_upstream"] = greedy(log_probs)
    produced["output/decode_length_aware"] = greedy(log_probs, found["output_lengths"])
    alpha = settings.alpha(case)
    if alpha is not None:
        produced |= _model_loss(module, found, inputs, alpha)
    return produced


def _model_loss(
    module: nn.Module, found: dict[str, Any], inputs: dict[str, Tensor], alpha: float
) -> Arrays:
    criterion = whispersign_loss.HybridCTCAttentionLoss(alpha)
    ctc = (
        *(found["ctc_log_probs"], found["output_lengths"]),
        *(inputs["labels"], inputs["label_lengths"]),
    )
    alone = criterion(*ctc)["total"]
    parts = criterion(*ctc, found["att_logits"], inputs["targets"])
    parts["total"].backward()
    norm = nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
    named = {
        "loss": parts["total"],
        "loss_ctc": parts["ctc"],
        "loss_attention": parts["attention"],
        "loss_total_without_attention": alone,
        "grad_norm": norm,
    }
    return _named("output/", named) | _gradients(module) | _after(module)


def hybrid_loss(case: cases.Case) -> Arrays:
    """The loss alone, with gradients with respect to the logits of both decoders."""
    produced: Arrays = {}
    for name, alpha in settings.losses(case.call).items():
        inputs = tensors(case.under(f"input/{name}/"))
        logits = {k: v.requires_grad_() for k, v in inputs.items() if k.endswith("_logits")}
        ctc = (
            *(logits["ctc_logits"].log_softmax(-1), inputs["output_lengths"]),
            *(inputs["labels"], inputs["label_lengths"]),
        )
        criterion = whispersign_loss.HybridCTCAttentionLoss(alpha)
        parts = criterion(*ctc, logits.get("att_logits"), inputs.get("att_targets"))
        parts["total"].backward()
        nll = whispersign_loss.nll_per_clip(*ctc)
        feasible = nll.isfinite()
        parts |= {"nll_per_sample": nll.where(feasible, -1.0), "feasible": feasible}
        produced |= _named(f"output/{name}/", parts)
        gradients = {k: v.grad for k, v in logits.items() if v.grad is not None}
        produced |= _named(f"output/input_grad/{name}/", gradients)
    return produced


def trainer(case: cases.Case) -> Arrays:
    """The original's trainer through its three stages."""
    module, produced = build(case, whispersign_net.WhisperSignModel)
    return produced | whispersign_runs.trainer(case, module)


def two_pass(case: cases.Case) -> Arrays:
    """Both scores of every hypothesis, and the best ones by their weighted sums."""
    module, produced = build(case, whispersign_net.WhisperSignModel)
    return produced | whispersign_two_pass.run(case, module)


def learning_rates(path: Path) -> targets.FileCheck:
    """The rates of the schedule, update by update."""
    expected, produced = {}, {}
    for number, row in enumerate(json.loads(path.read_text(encoding="utf-8"))["cases"]):
        settings = (row["base_lr"], row["warmup_steps"], row["total_steps"], row["min_lr"])
        updates, rates = zip(*row["lr_by_update"], strict=True)
        expected[f"{number}"] = np.array(rates)
        produced[f"{number}"] = np.array(
            [whispersign_train.learning_rate(n, *settings) for n in updates]
        )
    return targets.FileCheck(expected, produced, {"default": [1e-12, 0]})


TARGETS: dict[str, Callable[[cases.Case], Arrays]] = {
    "AttentionDecoder": attention_decoder,
    "CTCDecoder": ctc_head,
    "CTCDecoder.greedy_decode": greedy_decoding,
    "HybridCTCAttentionLoss": hybrid_loss,
    "RelativePositionalEncoding": relative_positions,
    "SignLanguageFrontend": frontend,
    "SpatioTemporalBlock": encoder_block,
    "SpatioTemporalEncoder": encoder,
    "WhisperSignModel": model,
    "WhisperSignTrainer": trainer,
    "two-pass decoding (section 8.2)": two_pass,
}
FILES = {"scheduler.json": learning_rates}
_NUMPY = "plain numpy in the original, nothing for torch to do"
LEFT_OUT = {
    "CTC prefix beam search (section 8.1)": "the original has no beam search; the case counts out "
    "all sequences",
    "GestureMasking, TemporalJitter, NoiseInjection": _NUMPY,
    "LeapMotionAdapter": _NUMPY,
    "SignLanguageDataset + collate_fn": _NUMPY,
    "SpatialNormalizer, ScaleNormalizer": _NUMPY,
    "create_sliding_windows, preprocess_sequence, compute_sequence_mask, MovingAverageSmoothing, "
    "FeatureScaler": _NUMPY,
    "prepare_from_huggingface": _NUMPY,
    "resample_to_fixed_rate": _NUMPY,
    "selective Whisper import (section 3)": "the original never loads Whisper's weights; the case "
    "was made by Whisper's own blocks",
}
