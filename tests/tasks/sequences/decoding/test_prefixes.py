"""Prefixes that sequences share, against sets of tuples."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.tasks.sequences.decoding import prefixes

SEQUENCE = st.lists(st.integers(1, 2), max_size=4).map(tuple)
CLIPS = st.lists(st.lists(SEQUENCE, min_size=3, max_size=3), min_size=1, max_size=3)


def arrays(clips):
    """labels [B, N, 4] and lengths [B, N]."""
    lengths = np.array([[len(y) for y in clip] for clip in clips])
    labels = np.zeros((*lengths.shape, 4), np.int32)
    for row, place in np.ndindex(lengths.shape):
        labels[row, place, : lengths[row, place]] = clips[row][place]
    return labels, lengths


def beginning(found, row, place):
    """The prefix at a place, read off what it sees."""
    order = np.argsort(found.positions[row], kind="stable")
    return tuple(found.tokens[row, j] for j in order if found.seen[row, place, j])[1:]


@given(CLIPS, st.sampled_from([None, 2]))
def test_every_prefix_is_there_once(clips, most):
    found = prefixes.shared(*arrays(clips), most)
    assert found.tokens.shape[1] == 8 or len(clips[0]) * 4 + 1 > 8
    for row, clip in enumerate(clips):
        taken = [y if most is None or len(y) <= most else () for y in clip]
        expected = {y[:k] for y in taken for k in range(len(y) + 1)}
        used = [p for p in range(found.tokens.shape[1]) if found.seen[row, p].any()]
        assert used == list(range(len(expected)))
        assert {beginning(found, row, p) for p in used} == expected
        for y, places in zip(taken, found.places[row], strict=True):
            assert [beginning(found, row, p) for p in places[: len(y) + 1]] == [
                y[:k] for k in range(len(y) + 1)
            ]
            assert (places[len(y) + 1 :] == -1).all()
            assert found.positions[row, places[: len(y) + 1]].tolist() == list(range(len(y) + 1))


@pytest.mark.parametrize(("least", "sizes"), [(4, [4, 6, 8, 12, 16, 24]), (8, [8, 12, 16, 24])])
def test_few_sizes(least, sizes):
    chosen = [prefixes.few_sizes(count, least) for count in range(25)]
    assert sorted(set(chosen)) == sizes
    assert all(size >= count for count, size in enumerate(chosen))
    assert all(a <= b for a, b in itertools.pairwise(chosen))
