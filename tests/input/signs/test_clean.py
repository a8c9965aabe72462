"""Gap filling: the recorded cases of the original, and what must hold for any clip."""

import helpers
import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input.signs import clean


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_fills_as_the_original(gap):
    with np.load(helpers.GOLDEN / "fslr" / "interpolate_gaps.npz") as case:
        x, visible = clean.interpolate_gaps(case["input/X"], case["input/mask"], gap)
        np.testing.assert_array_equal(visible, case[f"output/mask_gap{gap}"])
        np.testing.assert_allclose(
            x.clip(0, 1), case[f"output/X_gap{gap}"], rtol=0, atol=1e-6, strict=True
        )


def test_a_gap_lies_on_the_line_between_its_ends():
    x = np.zeros((5, 2), np.float32)
    x[4] = 0.8, 0.4
    filled, visible = clean.interpolate_gaps(x, np.array([[1], [0], [0], [0], [1]], bool), 3)
    np.testing.assert_allclose(filled[:, 0], [0, 0.2, 0.4, 0.6, 0.8], atol=1e-7)
    np.testing.assert_allclose(filled[:, 1], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-7)
    assert visible.all()


@st.composite
def _clips(draw):
    frames, points = draw(st.integers(0, 14)), draw(st.integers(1, 4))
    number = st.floats(0, 1, width=32)
    return (
        draw(arrays.arrays(np.float32, (frames, 2 * points), elements=number)),
        draw(arrays.arrays(bool, (frames, points))),
        draw(st.integers(0, 6)),
    )


def _filled_in_words(visible: np.ndarray, max_gap: int) -> np.ndarray:
    """Walks from sighting to sighting, as the rule is told."""
    visible = visible.copy()
    for column in visible.T:
        seen = np.flatnonzero(column)
        for start, end in zip(seen[:-1], seen[1:], strict=True):
            if end - start - 1 <= max_gap:
                column[start:end] = True
    return visible


@hypothesis.given(_clips())
@hypothesis.settings(max_examples=80, deadline=None)
def test_only_short_inner_gaps_change(clip):
    x, visible, max_gap = clip
    kept = x.copy(), visible.copy()
    new_x, new_visible = clean.interpolate_gaps(x, visible, max_gap)
    np.testing.assert_array_equal(new_visible, _filled_in_words(visible, max_gap))
    untouched = np.repeat(visible == new_visible, 2, axis=1)
    np.testing.assert_array_equal(new_x[untouched], x[untouched])
    assert new_x.dtype == np.float32 and new_x.min(initial=0) >= 0 and new_x.max(initial=0) <= 1
    # The caller's arrays stay as they were.
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(visible, kept[1])
    again, _ = clean.interpolate_gaps(new_x, new_visible, max_gap)
    np.testing.assert_array_equal(again, new_x)


def test_shapes_that_do_not_match_are_said():
    with pytest.raises(UserError, match=r"\[3, 156\].*\[3, 77\]"):
        clean.interpolate_gaps(np.zeros((3, 156)), np.zeros((3, 77), bool))
