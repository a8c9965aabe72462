"""STTran in torch, one video at a time, with the original's keys."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS, FEED_FORWARD, WORDS, MAPS, INNER = 8, 2048, 200, 256, 1024


class ObjectClassifier(nn.Module):
    """Logits of boxes."""

    def __init__(self, classes: int, features: int, words: int, inner: int = INNER):
        super().__init__()
        self.obj_embed = nn.Embedding(classes - 1, words)
        self.pos_embed = nn.Sequential(
            nn.BatchNorm1d(4, momentum=0.001), nn.Linear(4, 128), nn.ReLU(), nn.Dropout(0.1)
        )
        self.decoder_lin = nn.Sequential(
            nn.Linear(features + words + 128, inner),
            nn.BatchNorm1d(inner),
            nn.ReLU(),
            nn.Linear(inner, classes),
        )

    def forward(self, features: Tensor, distribution: Tensor, boxes: Tensor) -> Tensor:
        size = boxes[:, 2:] - boxes[:, :2] + 1
        place = self.pos_embed(torch.cat([boxes[:, :2] + 0.5 * size, size], 1))
        words = distribution @ self.obj_embed.weight
        return self.decoder_lin(torch.cat([features, words, place], 1))


class LocalLayer(nn.Module):
    """Attention within a frame, post-norm."""

    def __init__(self, width: int, rate: float, feed_forward: int = FEED_FORWARD):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, HEADS, dropout=rate)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        mixed, _ = self.self_attn(x, x, x, key_padding_mask=padding, need_weights=False)
        x = self.norm1(x + self.dropout(mixed))
        inner = self.linear2(self.dropout(F.relu(self.linear1(x))))
        return self.norm2(x + self.dropout(inner))


class GlobalLayer(nn.Module):
    """Attention between two frames; nothing is normalised behind the feed-forward part."""

    def __init__(self, width: int, rate: float, feed_forward: int = FEED_FORWARD):
        super().__init__()
        self.multihead2 = nn.MultiheadAttention(width, HEADS, dropout=rate)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor, positions: Tensor, padding: Tensor) -> Tensor:
        placed = x + positions
        mixed, _ = self.multihead2(placed, placed, x, key_padding_mask=padding, need_weights=False)
        x = self.norm3(x + self.dropout(mixed))
        return x + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(x)))))


class Stack(nn.Module):
    """Layers one behind the other; they start as copies of the first."""

    def __init__(self, layers: Sequence[nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        for layer in layers[1:]:
            layer.load_state_dict(layers[0].state_dict())

    def forward(self, x: Tensor, *rest: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, *rest)
        return x


class Transformer(nn.Module):
    """Both kinds of attention over the pairs of one video."""

    def __init__(
        self,
        width: int,
        local_layers: int,
        global_layers: int,
        rate: float,
        feed_forward: int = FEED_FORWARD,
    ):
        super().__init__()
        local = [LocalLayer(width, rate, feed_forward) for _ in range(local_layers)]
        self.local_attention = Stack(local)
        between = [GlobalLayer(width, rate, feed_forward) for _ in range(global_layers)]
        self.global_attention = Stack(between)
        self.position_embedding = nn.Embedding(2, width)
        nn.init.uniform_(self.position_embedding.weight)

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[P, D] of frames int [P] -> [P, D], and the padded [L, F, D] from within the frames."""
        members = of_frames(frames)
        x, inside = within(self.local_attention, x, members)
        return between(self.global_attention, self.position_embedding, x, members), inside


def of_frames(frames: Tensor) -> list[Tensor]:
    """The rows of every frame, of int [P]."""
    return [torch.nonzero(frames == f)[:, 0] for f in range(int(frames[-1]) + 1)]


def within(layers: nn.Module, x: Tensor, members: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """[P, D] -> the same through layers over each group's rows, and padded [L, groups, D]."""
    inside, padding = padded(x, members)
    inside = layers(inside, padding)
    found = torch.zeros_like(x)
    for frame, rows in enumerate(members):
        found = found.index_copy(0, rows, inside[: len(rows), frame])
    return found, inside


def between(layers: nn.Module, places: nn.Module, x: Tensor, members: Sequence[Tensor]) -> Tensor:
    """[P, D] -> the same through layers over two frames at a time, each told as the later one."""
    if len(members) == 1:
        return torch.zeros_like(x)
    windows = [torch.cat(pair) for pair in zip(members[:-1], members[1:], strict=True)]
    h, padding = padded(x, windows)
    second = torch.zeros(h.shape[:2], dtype=torch.long)
    for window, rows in enumerate(members[:-1]):
        second[len(rows) :, window] = 1
    h = layers(h, places(second) * ~padding.T[..., None], padding)
    found = torch.zeros_like(x).index_copy(0, members[0], h[: len(members[0]), 0])
    for window, rows in enumerate(members[1:]):
        start = len(members[window])
        found = found.index_copy(0, rows, h[start : start + len(rows), window])
    return found


def padded(x: Tensor, members: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """[P, D] and the rows of every group -> [L, groups, D], and bool [groups, L], True = padding.

    A group without rows attends to padding, and nothing of it is read.
    """
    filled = nn.utils.rnn.pad_sequence([x[rows] for rows in members])
    lengths = torch.tensor([len(rows) or len(filled) for rows in members])
    return filled, torch.arange(len(filled)) >= lengths[:, None]


def mask_features(maps: int = MAPS) -> nn.Sequential:
    """The convolutions over spatial masks."""
    return nn.Sequential(
        nn.Conv2d(2, maps // 2, 7, stride=2, padding=3),
        nn.ReLU(),
        nn.BatchNorm2d(maps // 2, momentum=0.01),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(maps // 2, maps, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(maps, momentum=0.01),
    )


class FrontEnd(nn.Module):
    """Features of a video's pairs, and classes of its boxes.

    Args:
      mode: 'predcls', 'sgcls' or 'sgdet'.
      classes: of boxes, the background among them.
      hidden, words: numbers of a part of a pair's features, and of a class's word.
      features, channels: of a box, and of the maps around a pair.
      maps, inner: numbers inside: of the maps around a pair, and of the classifier of boxes.
    """

    def __init__(
        self,
        mode: str,
        *,
        classes: int = 37,
        hidden: int = 512,
        words: int = WORDS,
        features: int = 2048,
        channels: int = 1024,
        maps: int = MAPS,
        inner: int = INNER,
    ):
        super().__init__()
        self.mode = mode
        self.width = 3 * hidden + 2 * words
        self.object_classifier: nn.Module = ObjectClassifier(classes, features, words, inner)
        self.union_func1 = nn.Conv2d(channels, maps, 1)
        self.conv = mask_features(maps)
        self.subj_fc, self.obj_fc = nn.Linear(features, hidden), nn.Linear(features, hidden)
        self.vr_fc = nn.Linear(maps * 7 * 7, hidden)
        self.obj_embed, self.obj_embed2 = nn.Embedding(classes, words), nn.Embedding(classes, words)

    def pairs(self, entry: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """[P, D] of a video's pairs; `distribution`, learned classes of boxes, where it has them.

        Args:
          entry: of one video, as the original's nets take it.
        """
        found: dict[str, Tensor] = {}
        if self.mode != "predcls":
            found["distribution"] = self.object_classifier(
                entry["features"], entry["distribution"], entry["boxes"][:, 1:]
            )
        return self.features_of_pairs(entry), found

    def features_of_pairs(self, entry: Mapping[str, Tensor]) -> Tensor:
        """[P, D]."""
        pairs, labels, features = entry["pair_idx"], entry["labels"], entry["features"]
        around = self.union_func1(entry["union_feat"]) + self.conv(entry["spatial_masks"])
        return torch.cat(
            [
                self.subj_fc(features[pairs[:, 0]]),
                self.obj_fc(features[pairs[:, 1]]),
                self.vr_fc(around.flatten(1)),
                self.obj_embed(labels[pairs[:, 0]]),
                self.obj_embed2(labels[pairs[:, 1]]),
            ],
            1,
        )


class STTran(FrontEnd):
    """Relations of a video's pairs.

    Args:
      mode: 'predcls', 'sgcls' or 'sgdet'.
      predicates: how many each of the three groups has.
      spatial_layers, temporal_layers: of attention within a frame, and between two.
      feed_forward: numbers inside the feed-forward parts.
      rate: of dropout.
      sizes: of the front end.
    """

    def __init__(
        self,
        mode: str,
        predicates: Sequence[int] = (3, 6, 17),
        spatial_layers: int = 1,
        temporal_layers: int = 3,
        *,
        feed_forward: int = FEED_FORWARD,
        rate: float = 0.1,
        **sizes: int,
    ):
        super().__init__(mode, **sizes)
        self.glocal_transformer = Transformer(
            self.width, spatial_layers, temporal_layers, rate, feed_forward
        )
        heads = [nn.Linear(self.width, count) for count in predicates]
        self.a_rel_compress, self.s_rel_compress, self.c_rel_compress = heads

    def forward(self, entry: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The original's outputs, under its names; learned classes of boxes where it learns them.

        Args:
          entry: of one video, as the original's nets take it.
        """
        x, found = self.pairs(entry)
        between, inside = self.glocal_transformer(x, entry["im_idx"])
        return found | {
            "attention_distribution": self.a_rel_compress(between),
            "spatial_distribution": torch.sigmoid(self.s_rel_compress(between)),
            "contacting_distribution": torch.sigmoid(self.c_rel_compress(between)),
            "inter/rel_features": x,
            "inter/local_padded": inside,
            "inter/global_output": between,
        }
