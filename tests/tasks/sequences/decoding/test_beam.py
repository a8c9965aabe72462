"""Prefix beam search against enumeration of all paths."""

import numpy as np
import pytest
from enumerating import likelihoods, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.tasks.sequences.decoding import beam, greedy

# As many prefixes as 4 frames of 3 labels can give at all.
_ALL = 121


def as_dict(found, row=0):
    """Label sequence -> log probability of one clip; fails on doubles."""
    pairs = [
        (tuple(labels[:length].tolist()), float(p))
        for labels, length, p in zip(*(a[row] for a in found), strict=True)
        if np.isfinite(p)
    ]
    assert len(dict(pairs)) == len(pairs), "one label sequence stands there twice"
    return dict(pairs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 2.0, 6.0]), st.integers(0, 4))
def test_a_beam_of_everything_is_exact(seed, scale, length):
    rng = np.random.default_rng(seed)
    log_probs = scores(rng, 1, 4, 4, scale=scale)
    found = as_dict(beam.beam_search(log_probs, np.arange(4)[None] < length, beam=_ALL))
    expected = likelihoods(log_probs[0, :length])
    assert set(found) == set(expected)
    for labels, p in expected.items():
        assert found[labels] == pytest.approx(p, abs=2e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_a_narrow_beam_never_counts_a_path_twice(seed, size):
    log_probs = scores(np.random.default_rng(seed), 1, 4, 4, scale=1.0)
    found = as_dict(beam.beam_search(log_probs, np.ones((1, 4), bool), beam=size))
    exact = likelihoods(log_probs[0])
    assert len(found) == size
    assert all(p <= exact[labels] + 2e-5 for labels, p in found.items())


def slow_search(log_probs, size):
    """Prefix beam search over every label of every frame, with a dictionary."""
    prefixes = {(): (0.0, -np.inf)}
    for frame in log_probs.astype(np.float64):
        new: dict[tuple, list[float]] = {}
        for prefix, (blank, label) in prefixes.items():
            total = np.logaddexp(blank, label)
            ways = [(prefix, 0, total + frame[0])]
            if prefix:
                ways.append((prefix, 1, label + frame[prefix[-1]]))
            for i in range(1, len(frame)):
                before = blank if prefix and prefix[-1] == i else total
                ways.append(((*prefix, i), 1, before + frame[i]))
            for grown, kind, p in ways:
                both = new.setdefault(grown, [-np.inf, -np.inf])
                both[kind] = np.logaddexp(both[kind], p)
        best = sorted(new.items(), key=lambda pair: -np.logaddexp(*pair[1]))[:size]
        prefixes = {prefix: tuple(both) for prefix, both in best}
    return {prefix: np.logaddexp(*both) for prefix, both in prefixes.items()}


@pytest.mark.parametrize(("size", "labels"), [(1, 30), (4, 30), (10, 30), (10, 6)])
def test_labels_left_out_never_change_an_answer(size, labels):
    """Only beam + 1 labels a frame start prefixes, and yet nothing of the whole search is lost."""
    log_probs = scores(np.random.default_rng(size), 5, 20, labels, scale=3.0)
    found = beam.beam_search(log_probs, np.ones((5, 20), bool), beam=size)
    for row in range(5):
        mine, slow = as_dict(found, row), slow_search(log_probs[row], size)
        assert set(mine) == set(slow)
        assert all(mine[prefix] == pytest.approx(p, abs=1e-3) for prefix, p in slow.items())


def test_padding_and_company_change_nothing():
    rng = np.random.default_rng(0)
    lengths = np.array([9, 3, 1, 6])
    log_probs = scores(rng, 4, 9, 5)
    valid = np.arange(9) < lengths[:, None]
    found = beam.beam_search(log_probs, valid, beam=6, n_best=4)
    noise = np.where(valid[..., None], log_probs, scores(rng, 4, 9, 5))
    again = beam.beam_search(noise, valid, beam=6, n_best=4)
    longer = np.concatenate([log_probs, scores(rng, 4, 3, 5)], 1)
    padded = beam.beam_search(longer, np.pad(valid, [(0, 0), (0, 3)]), beam=6, n_best=4)
    for row, length in enumerate(lengths):
        real = np.ones((1, length), bool)
        alone = beam.beam_search(log_probs[row : row + 1, :length], real, beam=6, n_best=4)
        for other, place in ((again, row), (padded, row), (alone, 0)):
            assert as_dict(found, row) == as_dict(other, place)


def test_frames_between_others_can_be_left_out():
    log_probs = scores(np.random.default_rng(1), 1, 6, 4)
    valid = np.array([[True, False, True, True, False, True]])
    some = beam.beam_search(log_probs, valid, beam=8)
    cut = beam.beam_search(log_probs[:, valid[0]], np.ones((1, 4), bool), beam=8)
    assert as_dict(some) == as_dict(cut)


def test_without_frames_there_is_the_empty_sequence_alone():
    found = beam.beam_search(np.zeros((1, 3, 4)), np.zeros((1, 3), bool), beam=5)
    assert as_dict(found) == {(): 0.0}
    assert found.lengths.tolist() == [[0] * 5] and not found.labels.any()


def test_ties_go_to_the_lower_ids():
    log_probs = np.full((1, 1, 4), -np.log(4), np.float32)
    found = beam.beam_search(log_probs, np.ones((1, 1), bool), beam=4)
    assert list(as_dict(found)) == [(), (1,), (2,), (3,)]


def test_a_sure_net_is_read_as_greedy_reads_it():
    ids = np.array([[1, 1, 0, 1, 2, 2, 0, 3]])
    log_probs = np.log(np.where(np.eye(4)[ids] > 0, 0.97, 0.01)).astype(np.float32)
    valid = np.ones(ids.shape, bool)
    best = next(iter(as_dict(beam.beam_search(log_probs, valid, beam=5))))
    assert [list(best)] == greedy.greedy(ids, valid) == [[1, 1, 2, 3]]


def test_impossible_labels_are_no_hypotheses():
    log_probs = np.array([[[np.log(0.5), np.log(0.5), -np.inf]] * 2], np.float32)
    found = as_dict(beam.beam_search(log_probs, np.ones((1, 2), bool), beam=9))
    assert set(found) == {(), (1,)} and found[1,] == pytest.approx(np.log(0.75))


@pytest.mark.parametrize(("size", "count"), [(0, None), (4, 5), (4, 0)])
def test_sizes_are_checked(size, count):
    with pytest.raises(ValueError, match="1 <= n_best <= beam"):
        beam.beam_search(np.zeros((1, 1, 2)), np.ones((1, 1), bool), beam=size, n_best=count)
