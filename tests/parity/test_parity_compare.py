"""The comparison itself: what passes, what fails, and how failures are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity import compare


def one(expected, produced, tolerance, **options):
    return compare.difference("output/x", expected, produced, tolerance, **options)


def test_share_is_error_over_allowance():
    found = one(np.array([1.0, 10.0]), np.array([1.0, 10.3]), [0.01, 0.1])
    assert found.share == pytest.approx(0.3 / 0.2)
    assert found.error == pytest.approx(0.3)
    assert not found.passed and "[1]" in found.where


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8),
    st.lists(st.floats(-1e-2, 1e-2), min_size=8, max_size=8),
    st.floats(1e-6, 1e-2),
    st.floats(1e-6, 1e-2),
)
def test_agrees_with_allclose(values, noise, relative, absolute):
    want = np.array(values)
    got = want + np.array(noise[: len(values)])
    allowance = absolute + relative * np.abs(want)
    found = one(want, got, [relative, absolute])
    assert found.passed == bool((np.abs(got - want) / allowance <= 1).all())


@pytest.mark.parametrize(
    "produced", [np.zeros(3), np.zeros((2, 1)), np.zeros((), np.float32), np.array([False, False])]
)
def test_other_shape_or_kind_fails(produced):
    assert not one(np.zeros(2), produced, [1.0, 1.0]).passed


def test_exact_is_exact():
    assert one(np.array([1, 2]), np.array([1, 2]), "exact").passed
    assert not one(np.array([1.0, 2.0]), np.array([1.0, np.nextafter(2.0, 3.0)]), "exact").passed
    assert one(["a", "b"], ["a", "b"], [0, 0]).passed
    found = one(["a", "b"], ["a", "c"], "exact")
    assert not found.passed and "'c'" in found.where


def test_zero_tolerance_admits_equality():
    assert one(np.array([0.0, 3.0]), np.array([0.0, 3.0]), [0, 0]).passed
    assert not one(np.array([0.0]), np.array([1e-30]), [0, 0]).passed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_produced_nan_or_infinity_fails(bad):
    assert not one(np.array([1.0, 2.0]), np.array([1.0, bad]), [1.0, 1.0]).passed


def test_expected_nan_passes_only_where_announced():
    want, got = np.array([np.nan, 2.0]), np.array([0.5, 2.0])
    assert not one(want, got, [0, 1e-6]).passed
    assert one(want, got, [0, 1e-6], nan_allowed=True).passed
    assert not one(want, got + 1, [0, 1e-6], nan_allowed=True).passed


def test_longest_prefix_wins():
    rows = {"default": [0, 1], "output/": [0, 2], "output/inter/": "exact"}
    assert compare.tolerance_of("grad/x", rows) == [0, 1]
    assert compare.tolerance_of("output/x", rows) == [0, 2]
    assert compare.tolerance_of("output/inter/x", rows) == "exact"
    assert compare.tolerance_of("grad/x", {}) == "exact"


def test_every_expected_array_must_be_produced():
    found = compare.compare({"output/a": 1.0, "output/b": 1.0}, {"output/a": 1.0}, {})
    assert [d.passed for d in found] == [True, False]
    assert found[1].where == "not produced"


def test_ignore_names_or_prefixes():
    expected = {"grad/a": 1.0, "grad/ab": 1.0, "after/x/y": 1.0}
    found = compare.compare(expected, {}, {}, ignore={"grad/a": "noise", "after/*": "noise"})
    assert [d.name for d in found] == ["grad/ab"]


def test_announced_nan_must_stand_in_the_same_places():
    want = np.array([1.0, np.nan, 3.0], np.float32)
    for got, passed in (([1, np.nan, 3], True), ([np.nan, 2, 3], False), ([1, 2, 3], False)):
        found = compare.difference("x", want, np.float32(got), "exact", nan_allowed=True)
        assert found.passed is passed
    assert not compare.difference("x", want, want, "exact").passed
