"""Padded batches as flat arrays, and the answer without pixels."""

import numpy as np
import pytest

from jaxsign.input.scenes.vocabulary import Group, Vocabulary
from jaxsign.tasks.scenes import frequent, padded, recall

WORDS = Vocabulary(
    ("__background__", "person", "cup", "bag"),
    (Group("looks", ("at", "away"), "one"), Group("place", ("above", "below"), "several")),
)


def test_one_of_a_group_is_shared_and_several_are_each_for_themselves():
    found = padded.probabilities(
        np.array([[1000.0, 1000, 1000, -1000], [np.log(3), 0, 0, 0]]), WORDS
    )
    np.testing.assert_allclose(found, [[0.5, 0.5, 1, 0], [0.75, 0.25, 0.5, 0.5]])


def _batch():
    """Two videos of two frames; the second has one frame, and a pair without labels."""
    boxes = np.zeros((2, 2, 3, 4), np.float32)
    boxes[..., 2:] = 9
    boxes += 100 * np.arange(3)[:, None]
    labels = np.array([[[1, 2, 3], [1, 3, 0]], [[2, 1, 3], [0, 0, 0]]])
    pairs = np.array([[[[0, 1], [0, 2]], [[0, 1], [0, 0]]], [[[1, 0], [1, 2]], [[0, 0], [0, 0]]]])
    valid = np.array([[[1, 1], [1, 0]], [[1, 1], [0, 0]]], bool)
    labelled = valid.copy()
    labelled[1, 0, 1] = False
    relations = np.zeros((2, 2, 2, 4), bool)
    relations[..., 0] = relations[..., 3] = True  # in padding too
    named = {"labels": labels, "pairs": pairs, "valid_pairs": valid}
    return {**named, "boxes": boxes, "labelled": labelled, "relations": relations}


def test_what_is_padded_or_not_labelled_does_not_count():
    batch = _batch()
    true = padded.truth(batch)
    assert true.frames.tolist() == [0, 0, 1, 2]
    assert true.labels[true.pairs].tolist() == [[1, 2], [1, 3], [1, 3], [1, 2]]
    logits = np.where(batch["relations"], 2.0, -2.0).astype(np.float32)
    logits[1] *= -1  # the second video's are all wrong
    outputs = {**batch, "scores": np.ones((2, 2, 3), np.float32), "relations": logits}
    told = padded.answers(batch["boxes"], outputs, WORDS)
    assert told.frames.tolist() == [0, 0, 1, 2, 2]
    found = recall.ranks(told, true, WORDS, "with")
    shares = recall.per_frame(found, true, 10)
    np.testing.assert_array_equal(shares, [1, 1, 0, np.nan])
    assert recall.recall(recall.count(found, true, WORDS))[0] == pytest.approx(2 / 3)


def test_the_answer_without_pixels_is_each_objects_most_frequent_relations():
    true = padded.truth(_batch())
    relations = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 1]], bool)
    true = recall.Truth(true.boxes, true.labels, true.pairs, true.frames, relations, true.length)
    table = frequent.shares(true, WORDS)
    np.testing.assert_allclose(table[2], [1, 0, 1, 0.5])
    np.testing.assert_allclose(table[3], [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(table[1], [0.75, 0.25, 0.5, 0.25])  # never an object: as all
    found = recall.ranks(frequent.answers(true, table), true, WORDS, "with")
    # Of frame 0 "at" and "above" of the cup are right and "at" of the bag wrong.
    np.testing.assert_allclose(recall.per_frame(found, true, 10)[:3], [2 / 3, 1, 2 / 3])
