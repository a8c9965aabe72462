"""InceptionV3GRU of fslr-transformer-vs-iv3gru, in torch.

Inception features of every frame, two GRU layers, and two linear heads on the state after the last
valid frame. Quirks kept: a frozen backbone follows `train()` into train mode, and the auxiliary
head of Inception is part of the state_dict.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from parity.reference import inception


class FeatureExtractor(nn.Module):
    """Images [N, 3, H, W] -> pooled features [N, 2048]."""

    def __init__(self, transform_input: bool, freeze: bool):
        super().__init__()
        self.backbone = inception.InceptionV3(transform_input=transform_input)
        self.backbone.fc = nn.Identity()
        self.backbone.requires_grad_(not freeze)

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x)


class InceptionV3GRU(nn.Module):
    """Frames [B, T, 3, H, W] or features [B, T, 2048] -> gloss and category logits.

    `transform_input` is an attribute that torchvision sets with its published weights; here it
    stands beside the original's arguments, and no weights are ever fetched.
    """

    def __init__(
        self,
        num_gloss: int,
        num_cat: int,
        hidden1: int = 16,
        hidden2: int = 12,
        dropout: float = 0.3,
        freeze_backbone: bool = True,
        transform_input: bool = False,
    ):
        super().__init__()
        self.feat_extractor = FeatureExtractor(transform_input, freeze_backbone)
        self.gru1 = nn.GRU(2048, hidden1, batch_first=True)
        self.gru2 = nn.GRU(hidden1, hidden2, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.gloss_head = nn.Linear(hidden2, num_gloss)
        self.category_head = nn.Linear(hidden2, num_cat)
        for gru in (self.gru1, self.gru2):
            weights = dict(gru.named_parameters())
            nn.init.xavier_uniform_(weights["weight_ih_l0"])
            nn.init.orthogonal_(weights["weight_hh_l0"])
            nn.init.zeros_(weights["bias_ih_l0"])
            nn.init.zeros_(weights["bias_hh_l0"])

    def extract_features(self, frames: Tensor) -> Tensor:
        """Normalised frames [B, T, 3, H, W] -> [B, T, 2048]."""
        if frames.ndim != 5 or frames.shape[2] != 3:
            raise ValueError(f"frames have shape {list(frames.shape)}, expected [B, T, 3, H, W]")
        return self.feat_extractor(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])

    def sequences(self, feats: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Both GRUs' outputs [B, T, H], zero past the length, and GRU 2's last state [B, H2]."""
        if feats.ndim != 3 or feats.shape[-1] != 2048:
            raise ValueError(f"features have shape {list(feats.shape)}, expected [B, T, 2048]")
        steps = feats.shape[1]
        if lengths is None:
            lengths = torch.full((len(feats),), steps, dtype=torch.int64)
        if lengths.min() < 1 or lengths.max() > steps:
            raise ValueError(f"lengths {lengths.tolist()} are not all within 1..{steps}")
        seq1, _ = self._run(self.gru1, feats, lengths)
        seq2, last = self._run(self.gru2, self.dropout(seq1), lengths)
        return seq1, seq2, last

    @staticmethod
    def _run(gru: nn.GRU, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        output, last = gru(packed)
        padded, _ = pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])
        return padded, last[-1]

    def forward(
        self,
        frames_or_feats: Tensor,
        lengths: Tensor | None = None,
        return_probs: bool = False,
        features_already: bool = False,
    ) -> tuple[Tensor, Tensor]:
        feats = frames_or_feats if features_already else self.extract_features(frames_or_feats)
        last = self.dropout(self.sequences(feats, lengths)[2])
        gloss, cat = self.gloss_head(last), self.category_head(last)
        return (gloss.softmax(-1), cat.softmax(-1)) if return_probs else (gloss, cat)

    def predict_proba(self, x: Tensor, lengths: Tensor | None = None, **options) -> tuple:
        """Class probabilities of both heads."""
        return self.forward(x, lengths, return_probs=True, **options)
