"""The hybrid loss of WhisperSign in torch: CTC and the cross entropy of the attention decoder."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLANK = START = END = 0
IGNORED = -1


class HybridCTCAttentionLoss(nn.Module):
    """alpha * ctc + (1 - alpha) * attention; CTC alone where the decoder has not run.

    CTC is divided by each clip's label length (at least 1) and averaged over clips; impossible
    alignments count as 0 and have no gradient.
    """

    def __init__(self, alpha: float = 0.3):
        super().__init__()
        self.alpha = alpha

    def forward(
        self,
        log_probs: Tensor,
        output_lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        logits: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`total`, `ctc` and `attention`, scalars.

        Args:
          log_probs: [B, T', V].
          output_lengths: [B].
          labels: ids >= 1 of all clips, one after the other.
          label_lengths: [B].
          logits: [B, S, V] of the attention decoder.
          targets: [B, S], -1 where nothing is asked.
        """
        turned = log_probs.transpose(0, 1)
        ctc = F.ctc_loss(
            turned, labels, output_lengths, label_lengths, blank=BLANK, zero_infinity=True
        )
        if logits is None or targets is None:
            return {"total": ctc, "ctc": ctc, "attention": torch.zeros_like(ctc)}
        attention = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        total = self.alpha * ctc + (1 - self.alpha) * attention
        return {"total": total, "ctc": ctc, "attention": attention}


def nll_per_clip(
    log_probs: Tensor, output_lengths: Tensor, labels: Tensor, label_lengths: Tensor
) -> Tensor:
    """Negative log likelihood [B] of each clip's labels, infinite where they cannot be aligned."""
    return F.ctc_loss(
        log_probs.transpose(0, 1), labels, output_lengths, label_lengths, reduction="none"
    )


def teacher_forcing(labels: Tensor, label_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Decoder inputs [0, y, 0...] and targets [y, 0, -1...], both [B, longest label + 1]."""
    rows: Sequence[Tensor] = labels.split(label_lengths.tolist())
    shape = len(rows), int(label_lengths.max()) + 1
    tokens = torch.full(shape, START)
    targets = torch.full(shape, IGNORED)
    for number, row in enumerate(rows):
        tokens[number, 1 : len(row) + 1] = row
        targets[number, : len(row)] = row
        targets[number, len(row)] = END
    return tokens, targets
