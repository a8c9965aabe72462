"""What a case of a net tells in torch: outputs, losses, gradients, whole steps."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity import cases
from parity.reference import signon
from parity.reference.fslr import state_dict_of
from parity.settings import vidsgg as settings

Arrays = dict[str, np.ndarray]


def loaded(case: cases.Case, module: nn.Module) -> Arrays:
    """The case's weights in a module without dropout, in the case's mode."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    produced = signon.load(case, module, settings.is_norm)
    module.train(case.meta["kind"] == "train")
    return produced


def told(
    case: cases.Case,
    module: nn.Module,
    outputs: Mapping[str, Tensor],
    values: Mapping[str, Tensor],
    terms: Sequence[str],
) -> Arrays:
    """Outputs, losses, the gradients of the sum of `terms` where they are asked for, statistics."""
    loss = torch.stack([torch.zeros(()), *(values[term] for term in terms)]).sum()
    produced = {f"output/{name}": value.detach().numpy() for name, value in outputs.items()}
    produced |= {f"output/losses/{name}": value.detach().numpy() for name, value in values.items()}
    produced["output/loss"] = loss.detach().numpy()
    keys = case.call.whole("grad_norm_keys", [])
    if keys:
        loss.backward()
        produced |= gradients(module, keys)
    return produced | {f"after/{key}": value for key, value in state_dict_of(module).items()}


def gradients(module: nn.Module, keys: Iterable[str]) -> Arrays:
    """Gradients, and their norms in the order of `keys`."""
    named = dict(module.named_parameters())
    grads = {key: p.grad.numpy() for key, p in named.items() if p.grad is not None}
    norms = {key: np.linalg.norm(value.astype(np.float64)) for key, value in grads.items()}
    return {
        "output/grad_norms": np.array([norms[key] for key in keys]),
        "output/grad_total_norm": np.asarray(np.linalg.norm([norms[key] for key in keys])),
        **{f"grad/{key}": value for key, value in grads.items()},
    }


def losses(
    outputs: Mapping[str, Tensor], entry: Mapping[str, Tensor], truth: Arrays
) -> dict[str, Tensor]:
    """Every loss of the original, by its name there; `truth`: group -> bool [P, K]."""
    attention, spatial, contacting = (torch.from_numpy(truth[g]) for g in settings.GROUPS)
    found = {
        "attention_relation_loss": F.cross_entropy(
            outputs["attention_distribution"], attention.long().argmax(1)
        )
    }
    for ours, theirs, right in (
        ("spatial", "spatial", spatial),
        ("contacting", "contact", contacting),
    ):
        p = outputs[f"{ours}_distribution"]
        found[f"{theirs}_relation_loss"] = F.multilabel_margin_loss(p, listed(right))
        found[f"{theirs}_relation_loss_bce"] = F.binary_cross_entropy(p, right.float())
    if "distribution" in outputs:
        found["object_loss"] = F.cross_entropy(outputs["distribution"], entry["labels"])
    return found


def listed(right: Tensor) -> Tensor:
    """bool [P, K] -> the true ones' numbers first, then -1."""
    places = torch.arange(right.shape[1])
    order = torch.argsort((~right).long(), dim=1, stable=True)
    return torch.where(places < right.sum(1, keepdim=True), order, -1)


def steps(case: cases.Case, module: nn.Module, entry: Mapping[str, Tensor]) -> Arrays:
    """Recorded steps on one video."""
    given, terms = settings.steps(case), settings.loss_terms(case)
    named = {key: p for key, p in module.named_parameters() if not _unused(module, key)}
    start = {key: p.detach().clone() for key, p in named.items()}
    moments = {key: (torch.zeros_like(p), torch.zeros_like(p)) for key, p in named.items()}
    truth = settings.truth(case, settings.PREDICATES)
    totals, norms = [], []
    for number in range(1, given.count + 1):
        module.zero_grad()
        values = losses(module(entry), entry, truth)
        loss = torch.stack([values[term] for term in terms]).sum()
        loss.backward()
        totals.append(loss.item())
        norms.append(float(nn.utils.clip_grad_norm_(named.values(), given.clip)))
        for key, p in named.items():
            step(p, moments[key], number, given)
    after = {key: p.detach() for key, p in named.items()}
    return {
        "output/losses": np.array(totals),
        "output/grad_total_norms": np.array(norms),
        **{f"after/{key}": value.numpy() for key, value in after.items()},
        **{f"output/param_delta/{k}": (value - start[k]).numpy() for k, value in after.items()},
    }


def _unused(module: nn.Module, key: str) -> bool:
    return module.mode == "predcls" and key.startswith("object_classifier.")


@torch.no_grad()
def step(p: Tensor, moments: tuple[Tensor, Tensor], number: int, given: settings.Steps) -> None:
    """One step of the originals' AdamW: eps is not divided by the bias correction."""
    (b1, b2), (mean, square) = given.betas, moments
    assert p.grad is not None
    mean.mul_(b1).add_(p.grad, alpha=1 - b1)
    square.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
    p.mul_(1 - given.learning_rate * given.weight_decay)
    size = given.learning_rate * (1 - b2**number) ** 0.5 / (1 - b1**number)
    p.addcdiv_(mean, square.sqrt().add_(given.eps), value=-size)
