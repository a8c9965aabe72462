"""Overlapping windows become one sequence; glosses come out of it as it grows."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.tasks.sequences import stitching
from jaxsign.tasks.sequences.decoding import greedy


def distributions(frames, ids=4, seed=0):
    x = np.random.default_rng(seed).normal(size=(frames, ids)) * 3
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def stretch(log_probs, start=0):
    at = start + np.arange(len(log_probs), dtype=float)
    return stitching.Stitched(log_probs, at, at + 0.5)


def test_weights_fall_evenly_to_both_edges():
    assert stitching.weights(5).tolist() == [1, 2, 3, 2, 1]
    assert stitching.weights(4).tolist() == [1, 2, 2, 1]
    assert stitching.weights(1).tolist() == [1]


def test_shared_frames_are_weighted_means_of_log_probabilities():
    first, second = distributions(4, seed=1), distributions(4, seed=2)
    times = np.arange(4.0)
    stitcher = stitching.Stitcher()
    stitcher.add(0, first, times, times)
    assert len(stitcher.take(2)) == 2
    stitcher.add(2, second, times + 2, times + 2)
    found = stitcher.take()
    # By hand: the third frame weighs 2 in the first window and 1 in the second.
    mean = (2 * first[2] + 1 * second[0]) / 3
    np.testing.assert_allclose(found.log_probs[0], mean - np.log(np.exp(mean).sum()), rtol=1e-12)
    mean = (1 * first[3] + 2 * second[1]) / 3
    np.testing.assert_allclose(found.log_probs[1], mean - np.log(np.exp(mean).sum()), rtol=1e-12)
    np.testing.assert_allclose(found.log_probs[2:], second[2:], rtol=1e-12)
    np.testing.assert_allclose(np.exp(found.log_probs).sum(1), 1, rtol=1e-12)
    assert found.first.tolist() == [2, 3, 4, 5]
    assert len(stitcher.take()) == 0


def test_windows_that_agree_leave_the_sequence_as_it_is():
    whole, times = distributions(40), np.arange(40.0)
    stitcher, taken = stitching.Stitcher(), []
    for start in range(0, 40, 3):
        part = slice(start, start + 10)
        stitcher.add(start, whole[part], times[part], times[part])
        taken.append(stitcher.take(start + 3))
    taken.append(stitcher.take())
    np.testing.assert_allclose(np.concatenate([t.log_probs for t in taken]), whole, atol=1e-12)
    assert np.concatenate([t.first for t in taken]).tolist() == times.tolist()


@given(
    st.lists(st.integers(0, 3), max_size=40),
    st.lists(st.integers(1, 7), max_size=12),
)
def test_the_collapse_does_not_depend_on_the_cuts(ids, sizes):
    log_probs = np.log(np.eye(4)[ids] * 0.96 + 0.01).reshape(-1, 4)
    whole, cut = stitching.Collapser(), stitching.Collapser()
    at_once = whole.push(stretch(log_probs)) + whole.finish()
    found, start = [], 0
    for size in [*sizes, len(ids)]:
        found += cut.push(stretch(log_probs[start : start + size], start))
        start += size
    found += cut.finish()
    assert [(r.id, r.start, r.end, r.frames) for r in found] == [
        (r.id, r.start, r.end, r.frames) for r in at_once
    ]
    assert [r.confidence for r in found] == pytest.approx([r.confidence for r in at_once])
    valid = np.ones((1, len(ids)), bool)
    assert [r.id for r in found] == greedy.greedy(np.array([ids], int).reshape(1, -1), valid)[0]


def test_times_and_confidence_are_those_of_the_run():
    log_probs = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]]))
    found = stitching.Collapser().push(stretch(log_probs))
    assert [(r.id, r.start, r.end, r.frames) for r in found] == [(1, 1.0, 2.5, 2)]
    assert found[0].confidence == pytest.approx(0.7)


def test_what_may_still_change_is_shown_without_being_taken():
    collapser = stitching.Collapser()
    eye = np.log(np.eye(3) * 0.9 + 0.03)
    assert [r.id for r in collapser.push(stretch(eye[[1, 0, 2]]))] == [1]
    for _ in range(2):
        assert [r.id for r in collapser.tentative(stretch(eye[[2, 0, 1]], 3))] == [2, 1]
    assert [r.id for r in collapser.push(stretch(eye[[0]], 3))] == [2]


def test_the_originals_merge_drops_repeats_across_windows():
    def merged(windows):
        merger = stitching.Merger()
        parts = [merger.push([stitching.GlossRun(i, 0, 0, 1, 1) for i in w]) for w in windows]
        return [run.id for run in itertools.chain(*parts)]

    assert merged([[1, 2], [2, 3]]) == [1, 2, 3]
    assert merged([[1, 2], [1, 2]]) == [1, 2, 1, 2]
    assert merged([[], [4], [], [4]]) == [4]
    assert merged([[5, 5], [5]]) == [5]
