import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from view_helpers import moving, without

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs.clip import LEFT_HAND, POSE, RIGHT_HAND
from jaxsign.input.signs.views import signon


def test_order_and_aspect():
    clip = moving()
    points = signon.SignonView(output="points")(clip)
    assert points.shape == (12, 75, 3) and points.dtype == np.float32
    wanted = clip.landmarks * np.float32([1, 0.75, 1])
    for own, part in (
        (slice(0, 33), POSE),
        (slice(33, 54), LEFT_HAND),
        (slice(54, 75), RIGHT_HAND),
    ):
        np.testing.assert_allclose(points[:, own], wanted[:, part], atol=1e-6)
    tall = signon.SignonView(output="points", aspect=2.0)(clip)
    np.testing.assert_allclose(tall[..., 1] / points[..., 1], 2 / 0.75, rtol=1e-5)
    unknown = dataclasses.replace(clip, frame_size=(0, 0))
    np.testing.assert_allclose(
        signon.SignonView(output="points")(unknown)[:, 54:],
        clip.landmarks[:, RIGHT_HAND],
        atol=1e-6,
    )


def imputed_in_words(points):
    """Part by part and frame by frame, as the rule is told."""
    made = points.copy()
    for part in signon.PARTS:
        gone = [np.isnan(frame[part]).any() for frame in points]
        for m in np.flatnonzero(gone):
            before = [i for i in range(m) if not gone[i]]
            after = [i for i in range(m + 1, len(points)) if not gone[i]]
            if before and after:
                p, n = before[-1], after[0]
                a = (m - p) / (n - p)
                made[m, part] = (1 - a) * points[p, part] + a * points[n, part]
            elif before or after:
                made[m, part] = points[before[-1] if before else after[0], part]
    return made


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=60, deadline=None)
def test_imputation_follows_the_rule(data):
    frames = data.draw(st.integers(1, 8))
    points = np.random.default_rng(frames).normal(size=(frames, 75, 3))
    for part in signon.PARTS:
        for frame in data.draw(st.sets(st.integers(0, frames - 1))):
            points[frame, data.draw(st.integers(part.start, part.stop - 1)), 1] = np.nan
    seen = [any(not np.isnan(f[part]).any() for f in points) for part in signon.PARTS]
    made = signon.impute(points.copy())
    wanted = imputed_in_words(points)
    for part, once in zip(signon.PARTS, seen, strict=True):
        if once:
            np.testing.assert_allclose(made[:, part], wanted[:, part], atol=1e-12)
        else:
            assert np.isnan(made[:, part]).any(axis=(1, 2)).all()


@pytest.mark.parametrize("generation", ["A", "B"])
@hypothesis.given(st.data())
@hypothesis.settings(max_examples=25, deadline=None)
def test_features_are_finite_and_blind_to_place_and_distance(generation, data):
    clip = moving(8, seed=data.draw(st.integers(0, 5)))
    frames = st.sets(st.integers(0, 7))
    clip = without(clip, data.draw(frames), data.draw(frames))
    x = signon.SignonView(generation=generation)(clip)
    assert x.shape == (8, 134) and x.dtype == np.float32 and np.isfinite(x).all()
    # A hand that was never seen is 0 in the image before it is moved with the body.
    if not any(np.isnan(clip.landmarks[:, hand]).all() for hand in (LEFT_HAND, RIGHT_HAND)):
        moved = dataclasses.replace(clip, landmarks=clip.landmarks * 0.5 + np.float32(0.125))
        np.testing.assert_allclose(
            signon.SignonView(generation=generation)(moved), x, atol=5e-3, rtol=1e-3
        )


def test_generation_a():
    points = signon.SignonView(generation="A", output="points")(moving()).astype(np.float64)
    shoulders = np.linalg.norm(points[:, 11] - points[:, 12], axis=-1)
    np.testing.assert_allclose(shoulders, 1, atol=1e-5)
    chest = (points[:, 11] + points[:, 12] + points[:, 23] + points[:, 24]) / 4
    np.testing.assert_allclose(chest, 0, atol=1e-5)
    for wrist in (33, 54):
        np.testing.assert_allclose(points[:, wrist], 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(points[:, wrist + 9], axis=-1), 1, atol=1e-5)
    deep = signon.SignonView(generation="A", dims=3)(moving())
    np.testing.assert_allclose(
        deep.reshape(12, 67, 3), np.delete(points, np.s_[25:33], axis=1), atol=1e-6
    )
    flat = signon.SignonView(generation="A")(moving())
    np.testing.assert_array_equal(flat.reshape(12, 67, 2), deep.reshape(12, 67, 3)[..., :2])


def test_generation_b_of_what_is_missing():
    clip = without(moving(), right=range(12))
    clip.landmarks[4, POSE.start + 12] = clip.landmarks[4, POSE.start + 11]
    x = signon.SignonView()(clip).reshape(12, 67, 2)
    assert not x[:, 46:].any()  # the hand that was never seen
    assert not x[4].any() and x[3].any()  # shoulders that coincide: a missing frame
    points = signon.SignonView(output="points")(clip)
    raw = signon.features(points, missing="upstream").reshape(12, 67, 2)
    assert np.isnan(raw[:, 46:]).all() and not np.isfinite(raw[4]).all()
    others = np.delete(np.arange(12), 4)
    np.testing.assert_array_equal(x[others, :46], raw[others, :46])


def test_nothing_detected():
    clip = moving(3)
    clip.landmarks[:] = np.nan
    for generation in signon.GENERATIONS:
        assert not signon.SignonView(generation=generation)(clip).any()


def test_stored_points_and_fixed_length():
    clip = moving(50)
    raw = signon.points75(clip)
    np.testing.assert_array_equal(signon.SignonView(aspect=0.75)(raw), signon.SignonView()(clip))
    fixed = signon.SignonView(generation="A", length=16)(clip)
    whole = signon.SignonView(generation="A")(clip)
    np.testing.assert_array_equal(fixed, whole[8:40:2])
    with pytest.raises(UserError, match="0 frames"):
        windows.fixed_length(0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"generation": "C"}, "generation='C'"),
        ({"generation": "B", "dims": 3}, "generation A"),
        ({"generation": "A", "dims": 4}, "dims=4"),
        ({"output": "point"}, "Did you mean 'points'"),
        ({"aspect": -1.0}, "aspect=-1.0"),
    ],
)
def test_options_that_do_not_work_are_said(options, said):
    with pytest.raises(UserError, match=said):
        signon.SignonView(**options)(moving(2))


def test_arrays_of_another_shape_are_said():
    with pytest.raises(UserError, match=r"\[2, 543, 3\]"):
        signon.SignonView()(np.zeros((2, 543, 3)))
