"""The torch reference of the ASL hybrid through the golden cases."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jaxsign.nets import state_dict, torch_files
from parity import cases
from parity.reference import asl_hybrid_net
from parity.reference.fslr import state_dict_of, tensors
from parity.settings import asl_hybrid as settings

Arrays = dict[str, np.ndarray]


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    layer = key.rpartition(".")[0]
    return layer == "classifier.1" or layer.endswith(("bn", "_norm"))


def build(case: cases.Case, constructor: Callable[..., nn.Module]) -> tuple[nn.Module, Arrays]:
    """The reference with the case's weights, in eval mode, and what the weights alone show."""
    module = constructor(**case.args.of(constructor)).eval()
    if case.salt is not None:
        shapes = {key: value.shape for key, value in state_dict_of(module).items()}
        made = cases.recipe_state_dict(case, shapes, is_norm, {})
        module.load_state_dict(tensors(made))
        return module, {"output/weights_crc32": cases.weights_crc32(case, made)}
    kind, _, name = case.meta["weights"].partition(":")
    if kind == "checkpoint":
        settings.loads(case.call)
        stored = state_dict.unwrap(torch_files.read(case.path.parent / name), where=name)
    else:
        stored = case.under("param/")
    module.load_state_dict(tensors(stored))
    return module, {}


def _gradients(module: nn.Module) -> Arrays:
    return {
        f"grad/{name}": parameter.grad.numpy().copy()
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }


def block(constructor: Callable[..., nn.Module]) -> Callable[[cases.Case], Arrays]:
    """A function that runs one block's cases: forward, and the gradients of sum(y * cotangent)."""

    def run(case: cases.Case) -> Arrays:
        module, produced = build(case, constructor)
        inputs = tensors(case.inputs)
        x = inputs["x"].requires_grad_()
        y = module(x)
        produced["output/y"] = y.detach().numpy()
        if settings.has_block_loss(case.call):
            loss = (y * inputs["cotangent"]).sum()
            loss.backward()
            assert x.grad is not None
            produced |= {"output/loss": loss.detach().numpy()} | _gradients(module)
            produced["output/input_grad/x"] = x.grad.numpy()
        return produced

    return run


def preprocessing(case: cases.Case) -> Arrays:
    """The motion features."""
    constructor = asl_hybrid_net.PreprocessingLayer
    module = constructor(**case.args.of(constructor))
    return {"output/features": module(tensors(case.inputs)["x"]).numpy()}


def criterion(logits: Tensor, labels: Tensor, smoothing: float = 0.05) -> Tensor:
    """Cross entropy with label smoothing."""
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def asl_model(case: cases.Case) -> Arrays:
    """The whole net: forward with all intermediates, loss and gradients, or training steps."""
    module, produced = build(case, asl_hybrid_net.ASLModel)
    assert isinstance(module, asl_hybrid_net.ASLModel)
    inputs = tensors(case.inputs)
    if case.meta["kind"] == "train":
        return train_steps(case, module, inputs)
    found = module.trunk(inputs["x"])
    logits = module.classifier(found["pooled"])
    produced |= {f"output/inter/{name}": h.detach().numpy() for name, h in found.items()}
    produced["output/logits"] = logits.detach().numpy()
    produced["output/probabilities"] = logits.softmax(-1).detach().numpy()
    smoothing = settings.smoothing(case.call)
    if smoothing is not None:
        loss = criterion(logits, inputs["labels"], smoothing)
        loss.backward()
        produced |= {"output/loss": loss.detach().numpy()} | _gradients(module)
    return produced


def without_dropout(module: nn.Module) -> None:
    """Sets every dropout probability to 0, those inside LSTM and attention too."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        elif isinstance(part, nn.LSTM | nn.MultiheadAttention):
            part.dropout = 0.0
        elif isinstance(part, asl_hybrid_net.AdaptiveDropout):
            part.initial = part.final = 0.0


def train_steps(
    case: cases.Case, module: asl_hybrid_net.ASLModel, inputs: dict[str, Tensor]
) -> Arrays:
    """AdamW steps on one batch in train mode, without dropout."""
    given = settings.steps(case)
    without_dropout(module.train())
    optimizer = torch.optim.AdamW(
        module.parameters(), betas=given.betas, eps=given.eps, weight_decay=given.weight_decay
    )
    produced: Arrays = {}
    losses, norms = [], []
    for number, lr in enumerate(given.rates.tolist()):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        logits = module(inputs["x"])
        loss = criterion(logits, inputs["labels"], given.smoothing)
        loss.backward()
        losses.append(loss.item())
        if number == 0:
            produced |= {"output/logits_step1": logits.detach().numpy(), **_gradients(module)}
        norms.append(nn.utils.clip_grad_norm_(module.parameters(), given.clip).item())
        optimizer.step()
        if number == 0:
            state = state_dict_of(module)
            produced |= {f"output/after_step1/{k}": v.copy() for k, v in state.items()}
    produced |= {"output/losses": np.array(losses), "output/grad_norms": np.array(norms)}
    settings.check_steps(case, produced)
    return produced | {f"after/{key}": value for key, value in state_dict_of(module).items()}


TARGETS: dict[str, Callable[[cases.Case], Arrays]] = {
    "ASLModel": asl_model,
    "BidirectionalLSTM": block(asl_hybrid_net.BidirectionalLSTM),
    "Conv1DBlock": block(asl_hybrid_net.Conv1DBlock),
    "PreprocessingLayer": preprocessing,
    "TemporalAttention": block(asl_hybrid_net.TemporalAttention),
    "TemporalConvBlock": block(asl_hybrid_net.TemporalConvBlock),
    "TransformerBlock": block(asl_hybrid_net.TransformerBlock),
}
_NUMPY = "plain numpy in the original, nothing for torch to do"
LEFT_OUT = {
    "Augmentation": _NUMPY,
    "collate_fn": _NUMPY,
    "parquet to tensor (section 5)": _NUMPY,
}
