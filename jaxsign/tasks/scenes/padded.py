"""From padded batches of videos to the flat arrays that recall is counted on."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.input.scenes import truths
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks.scenes import recall

Array = np.ndarray
# What `answers` takes of a net's outputs, and `truth` of a batch.
TOLD = ("labels", "scores", "pairs", "valid_pairs", "relations")
TRUE = ("boxes", "labels", "pairs", "relations", "labelled", "valid_pairs")


def probabilities(logits: Array, words: Vocabulary) -> Array:
    """How sure each predicate is: softmax over a group of which one is true, else sigmoid.

    Args:
      logits: float [..., R] over all groups' predicates.
      words: that name them.
    """
    found = np.empty_like(logits)
    for group, part in zip(words.groups, words.parts, strict=True):
        values = logits[..., part]
        if group.kind == "one":
            shares = np.exp(values - values.max(axis=-1, keepdims=True))
            found[..., part] = shares / shares.sum(axis=-1, keepdims=True)
        else:
            found[..., part] = 0.5 * (1 + np.tanh(0.5 * values))  # never overflows
    return found


def answers(boxes: Array, outputs: Mapping[str, Array], words: Vocabulary) -> recall.Answers:
    """What a net told of a batch; frames are numbered over its videos, padded ones too.

    Args:
      boxes: float [B, F, M, 4], that the net was given.
      outputs: of the net: labels and scores [B, F, M], pairs [B, F, Q, 2], valid_pairs [B, F, Q]
        and relations, logits [B, F, Q, R].
      words: of the relations.
    """
    kept = outputs["valid_pairs"]
    return recall.Answers(
        boxes.reshape(-1, 4),
        outputs["labels"].reshape(-1),
        outputs["scores"].reshape(-1),
        *_pairs(outputs["pairs"], kept, boxes.shape[2]),
        probabilities(outputs["relations"][kept], words),
    )


def true_of(batch: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what `truth` takes of a batch."""
    return (*TRUE, *(name for name in truths.NAMES if name in batch))


def truth(batch: Mapping[str, Array]) -> recall.Truth:
    """What is true of a batch: of its own boxes, or of others beside a detector's.

    Args:
      batch: boxes [B, F, M, 4], labels [B, F, M], pairs [B, F, Q, 2], relations bool [B, F, Q, R],
        and valid_pairs and labelled, bool [B, F, Q]: pairs that nobody labelled do not count. Where
        `truths.NAMES` are there, they count instead.
    """
    if truths.NAMES[0] in batch:
        boxes, labels, pairs, relations, kept = (batch[name] for name in truths.NAMES)
    else:
        boxes, labels, pairs, relations = (
            batch[name] for name in ("boxes", "labels", "pairs", "relations")
        )
        kept = batch["valid_pairs"] & batch["labelled"]
    return recall.Truth(
        boxes.reshape(-1, 4),
        labels.reshape(-1),
        *_pairs(pairs, kept, boxes.shape[2]),
        relations[kept],
        kept.shape[0] * kept.shape[1],
    )


def _pairs(pairs: Array, kept: Array, boxes: int) -> tuple[Array, Array]:
    """int [P, 2], rows of all boxes, and int [P], the pairs' frames, of those that are kept."""
    video, frame, _ = np.nonzero(kept)
    frames = video * kept.shape[1] + frame
    return pairs[kept] + frames[:, None] * boxes, frames
