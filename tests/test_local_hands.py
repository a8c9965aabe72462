"""Hands around their wrists in their own size: by numbers, and blind to place and distance."""

import hypothesis
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

from jaxsign import local_hands


def hands(seed, frames=3):
    """float32 [frames, 21, 2] somewhere in an image."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 0.8, (frames, local_hands.POINTS, 2)).astype(np.float32)


def test_the_farthest_point_is_one_away():
    hand = np.zeros((1, 21, 2), np.float32)
    hand[0, :] = 0.5, 0.5
    hand[0, 4], hand[0, 8] = (0.5, 0.1), (0.6, 0.5)
    made = local_hands.around_wrist(hand)
    wanted = [(0, 0), (0, -1), (0.25, 0), (0, 0)]
    np.testing.assert_allclose(made[0, [0, 4, 8, 9]], wanted, atol=1e-6)


@hypothesis.given(st.integers(0, 99), st.floats(0.01, 100), st.floats(-10, 10), st.floats(-10, 10))
@hypothesis.settings(max_examples=50, deadline=None)
def test_place_and_size_do_not_matter(seed, scale, x, y):
    hand = hands(seed).astype(np.float64)
    made = local_hands.around_wrist(hand)
    np.testing.assert_allclose(local_hands.around_wrist(hand * scale + (x, y)), made, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(made, axis=-1).max(-1), 1, atol=1e-12)


def test_what_is_missing_stays_missing_and_nothing_is_infinite():
    hand = hands(0, 4)
    hand[0] = np.nan
    hand[1, 0] = np.nan
    hand[2, 5] = np.nan
    hand[3] = 0.3
    made = local_hands.around_wrist(hand)
    assert np.isnan(made[:2]).all() and np.isnan(made[2, 5]).all()
    assert np.isfinite(np.delete(made[2], 5, axis=0)).all() and not made[3].any()
    far = np.nanmax(np.linalg.norm(made[2], axis=-1))
    np.testing.assert_allclose(far, 1, atol=1e-6)


def test_nets_and_views_make_the_same():
    hand = hands(1)
    hand[1, 3:7] = np.nan
    found = local_hands.around_wrist(jnp.asarray(hand))
    np.testing.assert_allclose(np.asarray(found), local_hands.around_wrist(hand), atol=1e-6)
