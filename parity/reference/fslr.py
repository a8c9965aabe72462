"""The torch references through the golden cases: what makes them trustworthy elsewhere."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from parity import cases
from parity.reference import fslr_iv3_gru, fslr_loss, fslr_train, fslr_transformer, inception
from parity.settings import fslr as settings

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
    module = constructor(**case.args.of(constructor)).eval()
    if case.salt is None:
        absent = tuple(case.call.get("absent", ()))
        missing, unexpected = module.load_state_dict(tensors(case.under("param/")), strict=False)
        lost = [key for key in missing if not absent or not key.startswith(absent)]
        assert not lost and not unexpected, (lost, unexpected)
        return module, {}
    own = state_dict_of(module)
    shapes = {key: value.shape for key, value in own.items()}
    made = cases.recipe_state_dict(case, shapes, is_norm, own)
    settings.check_heads(case, lambda: made)
    module.load_state_dict(tensors(made))
    return module, {"output/weights_crc32": cases.weights_crc32(case, made)}


def _heads(gloss: Tensor, cat: Tensor) -> Arrays:
    return {"output/gloss": gloss.detach().numpy(), "output/cat": cat.detach().numpy()}


def _loss_and_gradients(
    case: cases.Case, module: nn.Module, gloss: Tensor, cat: Tensor, shares: tuple[float, float]
) -> Arrays:
    labels = tensors({name: case.inputs[name] for name in ("gloss", "cat")})
    criterion = fslr_loss.build("ce")
    loss = shares[0] * criterion(gloss, labels["gloss"])
    loss = loss + shares[1] * criterion(cat, labels["cat"])
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
    mask = settings.mask(case)
    inputs = tensors({"x": case.inputs["x"]} | ({} if mask is None else {"mask": mask}))
    gloss, cat = module(**inputs)
    produced |= _heads(gloss, cat)
    attention = module.get_attention_weights(**inputs)
    produced |= {f"output/attn_{i}": w.detach().numpy() for i, w in enumerate(attention)}
    shares = settings.loss_weights(case.call)
    if shares is not None:
        produced |= _loss_and_gradients(case, module, gloss, cat, shares)
    return produced


def train_run(case: cases.Case, module: nn.Module) -> Arrays:
    """The recorded run of the training loop: losses, log columns, weights at the end."""
    train, val = (
        [tensors(batch) for batch in settings.batches(case, part)] for part in ("train", "val")
    )
    forward = fslr_train.transformer_forward
    rows = fslr_train.run(module, forward, train, val, settings.run(case))
    losses = {f"output/{name}": rows[name] for name in ("loss_gloss", "loss_cat")}
    columns = {f"output/csv/{name}": value for name, value in rows.items()}
    return losses | columns | settings.after(case, state_dict_of(module))


def iv3_gru(case: cases.Case) -> Arrays:
    """InceptionV3GRU: backbone alone, raw frames, or features."""
    module, produced = build(case, fslr_iv3_gru.InceptionV3GRU)
    given = settings.frames(case)
    module.feat_extractor.backbone.transform_input = given.transform_input
    feats = torch.from_numpy(given.x)
    if given.backbone_only:
        return produced | backbone(case, module.feat_extractor.backbone, feats)
    if not given.features_already:
        with torch.no_grad():
            feats = module.extract_features(feats)
        produced["output/inter/features"] = feats.numpy()
    lengths = None if given.lengths is None else torch.from_numpy(given.lengths)
    gloss, cat = module(feats, lengths, features_already=True)
    seq1, seq2, _ = module.sequences(feats, lengths)
    produced |= _heads(gloss, cat)
    produced |= {
        "output/gloss_prob": gloss.softmax(-1).detach().numpy(),
        "output/cat_prob": cat.softmax(-1).detach().numpy(),
        "output/inter/gru1_seq": seq1.detach().numpy(),
        "output/inter/gru2_seq": seq2.detach().numpy(),
    }
    shares = settings.loss_weights(case.call)
    if shares is not None:
        produced |= _loss_and_gradients(case, module, gloss, cat, shares)
    return produced


@torch.no_grad()
def backbone(case: cases.Case, module: inception.InceptionV3, frames: Tensor) -> Arrays:
    """Pooled features, and of every stage: mean, std and max, a corner and the centre."""
    produced: Arrays = {}
    shapes: dict[str, list[int]] = {}

    def seen(stage: str, x: Tensor) -> None:
        shapes[stage] = list(x.shape)
        centre = x[-1, :8, x.shape[2] // 2, x.shape[3] // 2]
        stats = torch.stack([x.mean(), x.std(), x.max()])
        produced[f"output/inter/act_stats/{stage}"] = stats.numpy()
        produced[f"output/inter/act_corner/{stage}"] = x[0, :8, 0, 0].numpy()
        produced[f"output/inter/act_centre/{stage}"] = centre.numpy()

    features = module.features(frames, seen)
    settings.check_shapes(case.call, shapes)
    return produced | {"output/features": features.numpy()}


def basic_conv(case: cases.Case) -> Arrays:
    """One convolution unit in train mode and its running statistics."""
    settings.conv_unit(case.call)
    options = case.args.of(nn.Conv2d)
    module, _ = build(case, lambda: inception.BasicConv2d(**options))
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
        kind = classes.get(cls, "label_smoothing")
        loss = fslr_loss.build(kind, **options.of(fslr_loss.LOSSES[kind]))(logits, inputs["target"])
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
