"""The second pass against scores of one hypothesis at a time."""

import functools
import itertools

import jax
import numpy as np
import pytest
from decoders import memory, net, score
from enumerating import likelihoods, scores

from jaxsign.tasks.sequences.decoding import beam, prefixes, rescoring


def hypotheses(rows, log_probs=None):
    """Hypotheses of several clips: lists of label tuples, as many for each."""
    lengths = np.array([[len(y) for y in row] for row in rows], np.int32)
    labels = np.zeros((*lengths.shape, max(1, int(lengths.max()))), np.int32)
    for (i, row), j in itertools.product(enumerate(rows), range(len(rows[0]))):
        labels[i, j, : lengths[i, j]] = row[j]
    log_probs = np.zeros(lengths.shape, np.float32) if log_probs is None else log_probs
    return beam.Hypotheses(labels, lengths, log_probs)


def attention_scores(encoded, valid, found, max_target=None):
    """All scores of the tiny net's decoder."""
    module, variables = net()
    decode = jax.jit(functools.partial(module.apply, variables, method="decode_tokens"))
    most = None if max_target is None else max_target - 1
    shared = prefixes.shared(found.labels, found.lengths, most)
    logits = decode(encoded, valid, *shared[:3])
    scores = rescoring.attention_scores(logits, shared.places, found.labels, found.lengths)
    return np.asarray(scores)


def test_ctc_scores_are_exact():
    log_probs = scores(np.random.default_rng(0), 2, 4, 4)
    valid = np.arange(4) < np.array([[4], [2]])
    found = hypotheses([[(), (1,), (2, 2), (3, 1)], [(3,), (1, 1), (1, 2, 3), (2, 1)]])
    mask = rescoring.label_valid(found)
    result = np.asarray(jax.jit(rescoring.ctc_scores)(log_probs, valid, found.labels, mask))
    for row, length in enumerate((4, 2)):
        exact = likelihoods(log_probs[row, :length])
        for place, labels in enumerate(found.labels[row]):
            labels = tuple(labels[: found.lengths[row, place]].tolist())
            assert result[row, place] == pytest.approx(exact.get(labels, -np.inf), abs=1e-4)
    assert np.isinf(result[1, 1:3]).all()  # two frames hold neither 1 1 nor three labels


def test_attention_scores_are_those_of_each_sequence():
    encoded, valid = memory()
    rows = [[(), (1,), (2, 2), (3, 1, 2)], [(3, 3, 3), (2,), (), (1, 2)]]
    found = hypotheses(rows)
    result = attention_scores(encoded, valid, found)
    for row, place in np.ndindex(2, 4):
        exact = score(encoded[row], valid[row], rows[row][place])
        assert result[row, place] == pytest.approx(exact, abs=1e-4)


def test_a_sequence_that_the_decoder_cannot_take_is_impossible_for_it():
    encoded, valid = memory(1)
    found = rescoring.fitted(hypotheses([[(1, 2) * 3 + (1,), (1, 2) * 4]]))
    assert found.labels.shape[-1] == 8
    result = attention_scores(encoded, valid, found, max_target=8)
    exact = score(encoded[0], valid[0], (1, 2) * 3 + (1,))
    assert result[0, 0] == pytest.approx(exact, abs=1e-4)
    assert result[0, 1] == -np.inf


def test_places_follow_the_longest_hypothesis():
    long = beam.Hypotheses(np.ones((1, 1, 90), int), np.array([[17]]), np.zeros((1, 1)))
    assert rescoring.fitted(long).labels.shape == (1, 1, 24)
    assert rescoring.fitted(long._replace(lengths=np.array([[90]]))).labels.shape == (1, 1, 96)
    assert rescoring.fitted(hypotheses([[(), ()]])).labels.shape == (1, 2, 4)


def test_the_order_is_that_of_the_weighed_score():
    found = hypotheses([[(1,), (2,), (1, 2, 3), ()]], np.array([[-1.0, -2.0, -3.0, -np.inf]]))
    log_ctc = np.array([[-1.0, -2.0, -3.0, -0.5]])
    log_att = np.array([[-9.0, -1.0, -2.0, -0.1]])
    result = rescoring.ranked(found, log_ctc, log_att, 0.3)
    assert result.labels[0, :3].tolist() == [[2, 0, 0], [1, 2, 3], [1, 0, 0]]
    np.testing.assert_allclose(result.scores[0, :3], [-1.3, -2.3, -6.6], rtol=1e-6)
    assert np.isinf(result.scores[0, 3])  # an empty place is no hypothesis
    longer = rescoring.ranked(found, log_ctc, log_att, 0.3, length_bonus=1.0)
    assert longer.labels[0, 0].tolist() == [1, 2, 3]
    assert longer.scores[0, 0] == pytest.approx(0.7)
    by_ctc = rescoring.ranked(found, log_ctc, log_att - np.inf, 1.0)
    assert by_ctc.scores[0, :3].tolist() == [-1, -2, -3]


def test_ties_go_to_the_more_probable_by_ctc():
    found = hypotheses([[(1,), (2,)]])
    result = rescoring.ranked(found, np.array([[-2.0, -1.0]]), np.array([[-1.0, -2.0]]), 0.5)
    assert result.labels[0, :, 0].tolist() == [2, 1]
    even = rescoring.ranked(found, np.array([[-1.0, -1.0]]), np.array([[-1.0, -1.0]]), 0.5)
    assert even.labels[0, :, 0].tolist() == [1, 2]
