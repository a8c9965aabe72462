"""EASG-STTran in torch, one video at a time, with the original's keys."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity.reference import vidsgg_sttran
from parity.reference.vidsgg_sttran import FEED_FORWARD, INNER, MAPS, WORDS


class ActionClassifier(nn.Module):
    """Logits of verbs."""

    def __init__(self, verbs: int, features: int, inner: int):
        super().__init__()
        self.decoder_lin = nn.Sequential(
            nn.Linear(features, inner), nn.BatchNorm1d(inner), nn.ReLU(), nn.Linear(inner, verbs)
        )

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.decoder_lin(features)
        return found


class EASG(nn.Module):
    """Edges of a video's objects.

    Args:
      mode: 'edgecls', 'sgcls' or 'easgcls'.
      classes, verbs, edges: how many; of objects without a background.
      spatial_layers, temporal_layers: of attention within a frame, and between two.
      features, verb_features: of a box and of a verb.
      hidden, words: numbers of a part of a row's features, and of a word.
      maps, inner: as of STTran's front end.
      feed_forward: numbers inside the feed-forward parts.
      rate: of dropout.
    """

    def __init__(
        self,
        mode: str,
        classes: int,
        verbs: int,
        edges: int,
        spatial_layers: int = 1,
        temporal_layers: int = 3,
        *,
        features: int = 2048,
        verb_features: int = 2048,
        hidden: int = 512,
        words: int = WORDS,
        maps: int = MAPS,
        inner: int = INNER,
        feed_forward: int = FEED_FORWARD,
        rate: float = 0.1,
    ):
        super().__init__()
        self.mode, width = mode, 2 * (hidden + words)
        # Its embedding has a row a class: it takes one class less than it tells.
        self.object_classifier = vidsgg_sttran.ObjectClassifier(classes + 1, features, words, inner)
        self.object_classifier.decoder_lin[3] = nn.Linear(inner, classes)
        self.action_classifier = ActionClassifier(verbs, verb_features, inner)
        self.conv = vidsgg_sttran.mask_features(maps)
        self.obj_fc, self.verb_fc = nn.Linear(features, hidden), nn.Linear(verb_features, hidden)
        self.obj_embed, self.verb_embed = nn.Embedding(classes, words), nn.Embedding(verbs, words)
        self.glocal_transformer = vidsgg_sttran.Transformer(
            width, spatial_layers, temporal_layers, rate, feed_forward
        )
        self.rel_compress = nn.Linear(width, edges)

    def forward(self, entry: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The original's outputs, under its names: logits in training, else probabilities."""
        objects = F.one_hot(entry["labels"], self.obj_embed.num_embeddings).float()
        verbs = F.one_hot(entry["labels_verb"], self.verb_embed.num_embeddings).float()
        labels, doing = entry["labels"], entry["labels_verb"]
        features, verb_features = entry["features"], entry["features_verb"]
        if self.mode != "edgecls":
            objects = self.object_classifier(features, entry["distribution"], entry["boxes"][:, 1:])
            if not self.training:
                objects = objects.softmax(1)
                labels = objects.argmax(1)
        if self.mode == "easgcls":
            verbs = self.action_classifier(verb_features)
            if not self.training:
                verbs = verbs.softmax(1)
                doing = verbs.argmax(1)
        parts = [self.obj_fc(features), self.verb_fc(verb_features)]
        x = torch.cat([*parts, self.obj_embed(labels), self.verb_embed(doing)], 1)
        between, _ = self.glocal_transformer(x, entry["im_idx"])
        return {
            "edge_distribution": torch.sigmoid(self.rel_compress(between)),
            "distribution": objects,
            "distribution_verb": verbs,
            "pred_labels": labels,
            "pred_labels_verb": doing,
        }


class Layers(nn.Module):
    """The baseline: logits of a graph's verb, of its objects and of their edges.

    Args:
      classes, verbs, edges: how many; of objects without a background.
      features, verb_features: of an object and of a verb.
    """

    def __init__(
        self,
        classes: int,
        verbs: int,
        edges: int,
        features: int = 1024,
        verb_features: int = 2304,
    ):
        super().__init__()
        self.fc_verb = nn.Linear(verb_features, verbs)
        self.fc_objs = nn.Linear(features, classes)
        self.fc_rels = nn.Linear(verb_features + features, edges)

    def forward(self, verb: Tensor, objects: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """verb: [V], objects: [N, D] -> [verbs], [N, classes] and [N, edges]."""
        both = torch.cat([verb.expand(len(objects), -1), objects], 1)
        return self.fc_verb(verb), self.fc_objs(objects), self.fc_rels(both)
