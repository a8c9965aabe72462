"""SignON's torch references; what is done to points before a net is numpy in the original."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity import cases
from parity.reference import signon_nets, signon_vtn
from parity.reference.fslr import state_dict_of, tensors
from parity.settings import signon as settings

Arrays = dict[str, np.ndarray]


def load(case: cases.Case, module: nn.Module, is_norm: Callable[[str], bool]) -> Arrays:
    """Puts the case's weights into the module; returns what they alone show."""
    if case.salt is None:
        module.load_state_dict(tensors(case.under("param/")))
        return {}
    own = state_dict_of(module)
    shapes = {key: value.shape for key, value in own.items()}
    made = cases.recipe_state_dict(case, shapes, is_norm, own)
    module.load_state_dict(tensors(made))
    return {"output/weights_crc32": cases.weights_crc32(case, made)}


def forward(case: cases.Case, module: nn.Module, inputs: Arrays, targets: np.ndarray) -> Arrays:
    """Outputs, loss and gradients in eval mode."""
    outputs = module.eval()(**tensors(inputs))
    smoothing = settings.smoothing(case.call)
    target = torch.from_numpy(targets)
    loss = F.cross_entropy(outputs["logits"], target, label_smoothing=smoothing)
    loss.backward()
    produced = {f"output/{name}": value.detach().numpy() for name, value in outputs.items()}
    grads = {
        f"grad/{name}": parameter.grad.numpy()
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    return produced | {"output/loss": loss.detach().numpy()} | grads


def poseformer(case: cases.Case) -> Arrays:
    """A case of PoseFormer."""
    return _points(case, signon_nets.PoseFormer(**settings.poseformer(case)))


def ptn(case: cases.Case) -> Arrays:
    """A case of PTN of either generation."""
    return _points(case, signon_nets.PTN(**settings.ptn(case)))


def _points(case: cases.Case, module: nn.Module) -> Arrays:
    clips = settings.clips(case)
    found = load(case, module, settings.is_norm)
    if case.meta["kind"] == "train":
        return steps(case, module, clips)
    inputs = {"x": clips.x, "languages": clips.languages}
    if clips.x.ndim == 4:
        return found | forward(case, module, inputs, clips.targets)
    if case.args["variable_length_sequences"]:
        inputs["mask"] = clips.padding
    mask = np.pad(clips.padding, ((0, 0), (1, 0)))
    found["output/inter/src_key_padding_mask"] = mask
    return found | forward(case, module, inputs, clips.targets)


def vtn(case: cases.Case) -> Arrays:
    """A case of VTN."""
    module, clips = signon_vtn.VTN(**settings.vtn(case)), settings.images(case)
    shapes = {key: value.shape for key, value in state_dict_of(module).items()}
    settings.check_shapes(case, shapes, sum(p.numel() for p in module.parameters()))
    found = load(case, module, settings.is_image_norm(case))
    inputs = {"x": clips.x, "languages": clips.languages}
    return found | forward(case, module, inputs, clips.targets)


def penalty(module: nn.Module, l1: float, l2: float) -> Tensor:
    """Of the first dense layer's numbers, and of feed-forward weights (spectral) and biases."""
    named = dict(module.named_parameters())
    first = [p for k, p in named.items() if ".0." in k and k.startswith(_FIRST)]
    inner = [p for k, p in named.items() if ".linear1." in k or ".linear2." in k]
    total = l1 * torch.stack([p.abs().sum() for p in first]).sum()
    return total + l2 * sum(torch.linalg.norm(p, 2) for p in inner)


_FIRST = ("frame_embed.proj.0.", "pose_embedding.embedding.0.")


def steps(case: cases.Case, module: nn.Module, clips: settings.Clips) -> Arrays:
    """Adam steps on one batch in eval mode."""
    given, inputs = settings.steps(case), tensors({"x": clips.x, "language": clips.languages})
    target = torch.from_numpy(clips.targets)
    optimizer = torch.optim.Adam(
        module.eval().parameters(),
        lr=given.learning_rate,
        betas=given.betas,
        eps=given.eps,
        weight_decay=given.weight_decay,
    )
    losses = []
    for _ in range(given.count):
        optimizer.zero_grad()
        logits = module(inputs["x"], inputs["language"])["logits"]
        loss = F.cross_entropy(logits, target, label_smoothing=given.smoothing)
        loss = loss + penalty(module, given.l1, given.l2)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    logits = module(inputs["x"], inputs["language"])["logits"]
    produced = {"output/losses": np.array(losses), "output/logits_after": logits.detach().numpy()}
    return produced | {f"after/{key}": value for key, value in state_dict_of(module).items()}


def positional_encoding(case: cases.Case) -> Arrays:
    """The first rows of the table of sines."""
    rows = case.call.one_of("max_len", settings.ROWS)
    return {"output/pe": signon_nets.table(case.args["d_model"], rows)[:40].numpy()}


TARGETS: dict[str, Any] = {
    "PTN": ptn,
    "PoseFormer": poseformer,
    "PositionalEncoding": positional_encoding,
    "VTN": vtn,
}
_NO_NET = "a function of arrays without a net: nothing for a reference to do"
LEFT_OUT = {
    "postprocess": "plain numpy in the original, nothing for torch to do",
    "augmentations and evaluation transform of generation A (section 3.5)": _NO_NET,
    "augmentations of generation B (section 3.5)": _NO_NET,
    "collate_fn of generation A (section 3.4)": _NO_NET,
    "collate_fn of generation B (section 3.4)": _NO_NET,
    "predict": "the checkpoint's net is PoseFormer, which has cases of its own",
    "RGB evaluation transform (section 3.6)": _NO_NET,
}
