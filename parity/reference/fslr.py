"""The torch references through the golden cases: what makes them trustworthy elsewhere."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from parity import cases
from parity.reference import fslr_iv3_gru, fslr_loss, fslr_train, fslr_transformer, inception

Arrays = dict[str, np.ndarray]


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    return key.endswith((".gamma", ".beta")) or ".bn." in f".{key}"


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}


def state_dict_of(module: nn.Module) -> Arrays:
    return {key: value.detach().numpy() for key, value in module.state_dict().items()}


def build(case: cases.Case, constructor: Callable[..., nn.Module]) -> tuple[Any, Arrays]:
    """The reference with the case's weights, in eval mode, and what the weights alone show."""
    # Published weights are given, never fetched, so the references have no such argument.
    args = {k: v for k, v in case.args.items() if k != "pretrained_backbone"}
    module = constructor(**args).eval()
    if case.salt is None:
        absent = tuple(case.call.get("absent", ()))
        missing, unexpected = module.load_state_dict(tensors(case.under("param/")), strict=False)
        lost = [key for key in missing if not absent or not key.startswith(absent)]
        assert not lost and not unexpected, (lost, unexpected)
        return module, {}
    own = state_dict_of(module)
    shapes = {key: value.shape for key, value in own.items()}
    made = cases.recipe_state_dict(case, shapes, is_norm, own)
    module.load_state_dict(tensors(made))
    return module, {"output/weights_crc32": cases.weights_crc32(case, made)}


def _heads(gloss: Tensor, cat: Tensor) -> Arrays:
    return {"output/gloss": gloss.detach().numpy(), "output/cat": cat.detach().numpy()}


def _loss_and_gradients(
    case: cases.Case, module: nn.Module, gloss: Tensor, cat: Tensor, alpha: float
) -> Arrays:
    labels = tensors({name: case.inputs[name] for name in ("gloss", "cat")})
    criterion = fslr_loss.build("ce")
    loss = alpha * criterion(gloss, labels["gloss"]) + (1 - alpha) * criterion(cat, labels["cat"])
    loss.backward()
    gradients = {
        f"grad/{name}": parameter.grad.numpy()
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    return {"output/loss": loss.detach().numpy()} | gradients


def sign_transformer(case: cases.Case) -> Arrays:
    """SignTransformer: forward, loss and gradients, or a whole training run."""
    module, produced = build(case, fslr_transformer.SignTransformer)
    if case.meta["kind"] == "train":
        return train_run(case, module)
    inputs = tensors({k: v for k, v in case.inputs.items() if k in ("x", "mask")})
    gloss, cat = module(**inputs)
    produced |= _heads(gloss, cat)
    attention = module.get_attention_weights(**inputs)
    produced |= {f"output/attn_{i}": w.detach().numpy() for i, w in enumerate(attention)}
    if case.wants("output/loss"):
        produced |= _loss_and_gradients(case, module, gloss, cat, alpha=0.5)
    return produced


def run_settings(call: Mapping) -> fslr_train.Settings:
    """The settings of a recorded training run."""
    return fslr_train.Settings(
        epochs=call["epochs"],
        lr=call["lr"],
        alpha=call["alpha"],
        beta=call["beta"],
        weight_decay=call["weight_decay"],
        grad_clip=call["grad_clip"],
        accumulation=call["gradient_accumulation_steps"],
        scheduler=call["scheduler_type"],
        warmup_epochs=call["warmup_epochs"],
    )


def numbered(arrays: Mapping[str, np.ndarray], prefix: str) -> list[Arrays]:
    """`{'train0/x': ...}` -> the batches called `train0`, `train1`, ... in order."""
    count = len({name.partition("/")[0] for name in arrays if name.startswith(prefix)})
    names = [f"{prefix}{i}/" for i in range(count)]
    return [{k[len(n) :]: v for k, v in arrays.items() if k.startswith(n)} for n in names]


def train_run(case: cases.Case, module: nn.Module) -> Arrays:
    """The recorded run of the training loop: losses, log columns, weights at the end."""
    train, val = (
        [tensors(batch) for batch in numbered(case.inputs, part)] for part in ("train", "val")
    )
    forward = fslr_train.transformer_forward
    rows = fslr_train.run(module, forward, train, val, run_settings(case.call))
    losses = {f"output/{name}": rows[name] for name in ("loss_gloss", "loss_cat")}
    columns = {f"output/csv/{name}": value for name, value in rows.items()}
    return losses | columns | {f"after/{k}": v for k, v in state_dict_of(module).items()}


def iv3_gru(case: cases.Case) -> Arrays:
    """InceptionV3GRU: backbone alone, raw frames, or features."""
    module, produced = build(case, fslr_iv3_gru.InceptionV3GRU)
    inputs = tensors(case.inputs)
    module.feat_extractor.backbone.transform_input = case.call.get("transform_input", False)
    if "backbone only" in case.call.get("method", ""):
        return produced | backbone(module.feat_extractor.backbone, inputs["frames"])
    feats = inputs.get("feats")
    if feats is None:
        with torch.no_grad():
            feats = module.extract_features(inputs["frames"])
        produced["output/inter/features"] = feats.numpy()
    lengths = inputs.get("lengths")
    gloss, cat = module(feats, lengths, features_already=True)
    seq1, seq2, _ = module.sequences(feats, lengths)
    produced |= _heads(gloss, cat)
    produced |= {
        "output/gloss_prob": gloss.softmax(-1).detach().numpy(),
        "output/cat_prob": cat.softmax(-1).detach().numpy(),
        "output/inter/gru1_seq": seq1.detach().numpy(),
        "output/inter/gru2_seq": seq2.detach().numpy(),
    }
    if case.wants("output/loss"):
        produced |= _loss_and_gradients(case, module, gloss, cat, alpha=0.8)
    return produced


@torch.no_grad()
def backbone(module: inception.InceptionV3, frames: Tensor) -> Arrays:
    """Pooled features, and of every stage: mean, std and max, a corner and the centre."""
    produced: Arrays = {}

    def seen(stage: str, x: Tensor) -> None:
        centre = x[-1, :8, x.shape[2] // 2, x.shape[3] // 2]
        stats = torch.stack([x.mean(), x.std(), x.max()])
        produced[f"output/inter/act_stats/{stage}"] = stats.numpy()
        produced[f"output/inter/act_corner/{stage}"] = x[0, :8, 0, 0].numpy()
        produced[f"output/inter/act_centre/{stage}"] = centre.numpy()

    features = module.features(frames, seen)
    return produced | {"output/features": features.numpy()}


def basic_conv(case: cases.Case) -> Arrays:
    """One convolution unit in train mode and its running statistics."""
    module, _ = build(case, inception.BasicConv2d)
    output = module.train()(tensors(case.inputs)["x"])
    after = {f"after/{key}": value for key, value in state_dict_of(module).items()}
    return {"output/y": output.detach().numpy()} | after


def losses(case: cases.Case) -> Arrays:
    """Every loss of `call.losses` and its gradient with respect to the logits."""
    classes = {"CrossEntropyLoss": "ce", "FocalLoss": "focal"}
    produced = {}
    for name, (cls, options) in case.call["losses"].items():
        inputs = tensors(case.inputs)
        logits = inputs["logits"].requires_grad_()
        loss = fslr_loss.build(classes.get(cls, "label_smoothing"), **options)(
            logits, inputs["target"]
        )
        loss.sum().backward()
        produced[f"output/{name}"] = loss.detach().numpy()
        assert logits.grad is not None
        produced[f"output/input_grad/{name}"] = logits.grad.numpy()
    return produced


TARGETS: dict[str, Callable[[cases.Case], Arrays]] = {
    "SignTransformer": sign_transformer,
    "InceptionV3GRU": iv3_gru,
    "BasicConv2d": basic_conv,
    "FocalLoss": losses,
    "LabelSmoothingCrossEntropy": losses,
    "CrossEntropyLoss": losses,
}
_NUMPY = "plain numpy in the original, nothing for torch to do"
LEFT_OUT = {"compute_occlusion_detection": _NUMPY, "interpolate_gaps": _NUMPY}
