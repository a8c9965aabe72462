"""Greedy decoding against grouping by hand, and against the original's."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxsign.tasks.sequences.decoding import greedy

IDS = hnp.arrays(
    np.int32, st.tuples(st.integers(0, 4), st.integers(0, 9)), elements=st.integers(0, 3)
)


@given(IDS, st.data())
def test_repeats_collapse_and_blanks_go(ids, data):
    lengths = [data.draw(st.integers(0, ids.shape[1])) for _ in ids]
    valid = np.arange(ids.shape[1]) < np.array(lengths, int)[:, None]
    expected = [
        [int(label) for label, _ in itertools.groupby(row[:length]) if label]
        for row, length in zip(ids, lengths, strict=True)
    ]
    assert greedy.greedy(ids, valid) == expected


def test_what_stands_in_the_padding_does_not_matter():
    ids = np.array([[1, 1, 0, 1, 2], [0, 3, 3, 3, 1]])
    valid = np.array([[True] * 4 + [False], [True] * 3 + [False] * 2])
    assert greedy.greedy(ids, valid) == [[1, 1], [3]]
    assert greedy.greedy(np.where(valid, ids, 2), valid) == [[1, 1], [3]]


def test_spans_tell_the_frames_of_each_label():
    ids = np.array([[0, 4, 4, 0, 4, 2]])
    assert greedy.spans(ids, np.ones((1, 6), bool)) == [[(4, 1, 3), (4, 4, 5), (2, 5, 6)]]
    assert greedy.spans(ids, np.zeros((1, 6), bool)) == [[]]


def test_no_rows_and_no_frames():
    assert greedy.greedy(np.zeros((0, 5), int), np.zeros((0, 5), bool)) == []
    assert greedy.greedy(np.zeros((2, 0), int), np.zeros((2, 0), bool)) == [[], []]
