"""The losses of fslr-transformer-vs-iv3gru, in torch: logits [B, C] and labels [B] -> loss."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


class FocalLoss(nn.Module):
    """`alpha * (1 - p)^gamma * CE`, p the probability of the true class."""

    def __init__(self, alpha: float = 1.0, gamma: float = 2.0, reduction: str = "mean"):
        super().__init__()
        self.alpha, self.gamma, self.reduction = alpha, gamma, reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        cross_entropy = F.cross_entropy(logits, target, reduction="none")
        p = torch.exp(-cross_entropy)
        return _reduce(self.alpha * (1 - p) ** self.gamma * cross_entropy, self.reduction)


class LabelSmoothingCrossEntropy(nn.Module):
    """`(1 - s) * NLL + s * mean over classes of -log p`."""

    def __init__(self, smoothing: float = 0.1, reduction: str = "mean"):
        super().__init__()
        self.smoothing, self.reduction = smoothing, reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        log_p = F.log_softmax(logits, dim=-1)
        nll = -log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
        smooth = -log_p.mean(dim=-1)
        return _reduce((1 - self.smoothing) * nll + self.smoothing * smooth, self.reduction)


LOSSES: dict[str, type[nn.Module]] = {
    "ce": nn.CrossEntropyLoss,
    "focal": FocalLoss,
    "label_smoothing": LabelSmoothingCrossEntropy,
}


def build(name: str, **options) -> nn.Module:
    """The loss of a configuration: 'ce', 'focal' or 'label_smoothing'."""
    return LOSSES[name](**options)
