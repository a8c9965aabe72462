"""Deletions, insertions and substitutions against an independent count."""

import functools
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.tasks.sequences import word_errors
from jaxsign.tasks.sequences.word_errors import UNIT, Counts

SCLITE = (3, 3, 4)

WORDS = st.lists(st.integers(0, 3), max_size=7)


def cheapest(reference, hypothesis, costs):
    """The least cost of turning one into the other, by recursion over the definitions."""
    delete, insert, substitute = costs

    @functools.cache
    def cost(i, j):
        if not i or not j:
            return delete * i + insert * j
        differ = substitute * (reference[i - 1] != hypothesis[j - 1])
        return min(cost(i - 1, j - 1) + differ, cost(i - 1, j) + delete, cost(i, j - 1) + insert)

    return cost(len(reference), len(hypothesis))


@pytest.mark.parametrize("costs", [UNIT, SCLITE, (2, 1, 5), (0.1, 0.3, 0.3)])
@given(reference=WORDS, hypothesis=WORDS)
def test_alignments_are_whole_and_cheapest(costs, reference, hypothesis):
    pairs = word_errors.align(reference, hypothesis, costs)
    assert [truth for truth, _ in pairs if truth is not None] == reference
    assert [said for _, said in pairs if said is not None] == hypothesis
    found = word_errors.count(reference, hypothesis, costs)
    weighed = (found.deletions, found.insertions, found.substitutions)
    total = sum(n * cost for n, cost in zip(weighed, costs, strict=True))
    assert total == pytest.approx(cheapest(tuple(reference), tuple(hypothesis), costs))
    assert found.words == len(reference)
    assert found.wrong_sentences == (reference != hypothesis)
    assert found.words - found.deletions + found.insertions == len(hypothesis)


def test_costs_choose_between_two_exchanges_and_a_shift():
    assert word_errors.count("ab", "bc", (1, 1, 1)).errors == 2
    assert word_errors.count("ab", "bc", SCLITE) == Counts(2, 1, 1, 0, 1, 1)
    assert word_errors.count("ab", "bc", (3, 3, 2)) == Counts(2, 0, 0, 2, 1, 1)


def test_rates_are_those_of_the_whole_set():
    some = [([1, 2, 3, 4], [1, 3, 4]), ([5], [5, 6, 7]), ([8], [9]), ([1, 1], [1, 1])]
    total = sum(itertools.starmap(word_errors.count, some), Counts())
    assert total == Counts(8, 1, 2, 1, 4, 3)
    assert total.wer == 0.5 and total.sequence_accuracy == 0.25
    stored = total.to_json()
    assert stored["wer"] == 0.5 and stored["insertion_rate"] == 0.25 and stored["errors"] == 4
    assert stored["deletions"] == 1 and stored["sentences"] == 4


def test_sentences_without_words_have_no_rate():
    nothing = word_errors.count([], [])
    assert nothing == Counts(sentences=1) and math.isnan(nothing.wer)
    assert nothing.to_json()["wer"] is None and nothing.sequence_accuracy == 1
    added = word_errors.count([], [4, 4])
    assert (added.insertions, added.wrong_sentences) == (2, 1)
    assert Counts().to_json()["sequence_accuracy"] is None
    assert Counts().to_json()["sequence_accuracy_interval"] is None
    half = Counts(sentences=4, wrong_sentences=2).to_json()["sequence_accuracy_interval"]
    assert half == pytest.approx([0.15, 0.85], abs=1e-3)


def test_names_are_aligned_as_ids_are():
    assert word_errors.align(["A", "B"], ["A", "C", "B"]) == [("A", "A"), (None, "C"), ("B", "B")]
