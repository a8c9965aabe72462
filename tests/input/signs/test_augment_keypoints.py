"""Augmentation: how often, how much, and what must never change."""

import pickle

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from jaxsign import config, fields
from jaxsign.errors import UserError
from jaxsign.input.signs import keypoints
from jaxsign.input.signs.augment import features, recipe
from jaxsign.input.signs.augment import keypoints as operations
from jaxsign.sections import augment as sections

SPATIAL = {"shift": 0.1, "scale": 0.2, "rotate": 20.0, "flip": 0.5, "speed": 0.3}
DRAWS = 600


def _clip(frames: int = 12, seed: int = 0) -> np.ndarray:
    """Keypoints [T, 156] in (0, 1), every fourth absent, and the left hand in the first frames."""
    x = np.random.default_rng(seed).uniform(0.1, 0.9, (frames, 78, 2)).astype(np.float32)
    x[:, ::4] = 0
    x[: frames // 3, keypoints.LEFT_HAND] = 0
    return x.reshape(frames, 156)


def _share(changed) -> float:
    return float(np.mean([bool(changed(seed)) for seed in range(DRAWS)]))


def test_is_off_by_default():
    assert recipe.build(config.base().input.augment) is None
    assert recipe.build({}) is None
    assert recipe.build({"noise_std": 0.1, "noise_prob": 0.0}) is None


def test_noise_comes_with_its_probability_and_size():
    build = recipe.build({"noise_std": 0.05, "noise_prob": 0.3})
    x = np.full((40, 2048), 0.5, np.float32)
    share = _share(lambda seed: (build(x[:4, :9], np.random.default_rng(seed)) != 0.5).any())
    assert share == pytest.approx(0.3, abs=0.06)
    always = recipe.build({"noise_std": 0.05, "noise_prob": 1.0})(x, np.random.default_rng(0))
    assert (always - x).std() == pytest.approx(0.05, rel=0.02)
    assert abs((always - x).mean()) < 0.001
    assert always.dtype == np.float32


def test_frame_mask_comes_with_its_probability():
    build = recipe.build({"mask_prob": 0.25, "mask_ratio": 0.1})
    x = np.ones((20, 3), np.float32)
    share = _share(lambda seed: (build(x, np.random.default_rng(seed)) == 0).any())
    assert share == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize(("frames", "ratio", "length"), [(20, 0.3, 6), (5, 0.1, 1), (4, 1.0, 4)])
def test_frame_mask_is_one_block_at_any_place(frames, ratio, length):
    build = recipe.build({"mask_prob": 1.0, "mask_ratio": ratio})
    starts = set()
    for seed in range(300):
        x = build(np.ones((frames, 2)), np.random.default_rng(seed))
        hidden = np.flatnonzero((x == 0).all(axis=1))
        assert len(hidden) == length and hidden[-1] - hidden[0] == length - 1
        assert (np.delete(x, hidden, axis=0) == 1).all()
        starts.add(int(hidden[0]))
    assert starts == set(range(frames - length + 1))


@hypothesis.given(
    st.integers(1, 20), st.integers(0, 2**31), st.sampled_from(["shift", "scale", "rotate", "flip"])
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_absent_points_stay_absent(frames, seed, key):
    x = _clip(frames, seed)
    build = recipe.build({key: 1.0 if key == "flip" else SPATIAL[key]})
    new = build(x, np.random.default_rng(seed)).reshape(frames, 78, 2)
    absent = (x.reshape(frames, 78, 2) == 0).all(axis=2)
    if key == "flip":
        absent = absent[:, keypoints.MIRROR]
    assert (new[absent] == 0).all()
    assert (new[~absent] != 0).any(axis=1).all()


def test_shift_is_the_same_for_the_whole_clip():
    x = _clip()
    moved = recipe.build({"shift": 0.1})(x, np.random.default_rng(3)).reshape(-1, 78, 2)
    steps = (moved - x.reshape(-1, 78, 2))[moved.any(axis=2)]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-6)
    assert 0 < abs(steps[0]).max() <= 0.1 and steps[0][0] != steps[0][1]


def test_scale_and_rotation_keep_the_mean_point_and_the_shape():
    points = _clip().reshape(-1, 78, 2)
    present = points.any(axis=2)
    centre = points[present].mean(axis=0)
    for new, factor in (
        (operations.resize(points, 1.3), 1.3),
        (operations.turn(points, 30.0), 1.0),
    ):
        np.testing.assert_allclose(new[present].mean(axis=0), centre, atol=1e-5)
        distance = np.linalg.norm(new[present] - centre, axis=1)
        expected = factor * np.linalg.norm(points[present] - centre, axis=1)
        np.testing.assert_allclose(distance, expected, atol=1e-5)
    quarter = operations.turn(points, 90.0)[present] - centre
    was = points[present] - centre
    np.testing.assert_allclose(quarter, np.stack([-was[:, 1], was[:, 0]], axis=1), atol=1e-5)


def test_flip_swaps_sides():
    points = np.zeros((1, 78, 2), np.float32)
    points[0, 15] = 0.2, 0.3  # left wrist
    points[0, 25 + 8] = 0.1, 0.6  # left index finger's tip
    points[0, 67 + 5] = 0.4, 0.5  # left mouth corner
    points[0, 67 + 9] = 0.5, 0.7  # chin: on the middle line
    new = operations.mirror(points)[0]
    expected = {16: (0.8, 0.3), 46 + 8: (0.9, 0.6), 67 + 6: (0.6, 0.5), 67 + 9: (0.5, 0.7)}
    assert set(np.flatnonzero(new.any(axis=1))) == set(expected)
    for index, place in expected.items():
        np.testing.assert_allclose(new[index], place, atol=1e-6)
    np.testing.assert_allclose(operations.mirror(points, True)[0, 16], (-0.2, 0.3), atol=1e-6)


@pytest.mark.parametrize("normalised", [False, True])
def test_flip_twice_is_no_flip(normalised):
    points = _clip().reshape(-1, 78, 2)
    twice = operations.mirror(operations.mirror(points, normalised), normalised)
    np.testing.assert_allclose(twice, points, atol=1e-6)
    build = recipe.build({"flip": 0.4}, normalised=normalised)
    share = _share(lambda seed: (build(_clip(2), np.random.default_rng(seed)) != _clip(2)).any())
    assert share == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize(("factor", "frames"), [(0.5, 20), (1.0, 10), (2.0, 5), (100.0, 1)])
def test_speed_resamples_time(factor, frames):
    ramp = np.linspace(0, 1, 10, dtype=np.float32)[:, None] * np.ones((1, 5), np.float32)
    new = features.change_speed(ramp, factor)
    assert new.shape == (frames, 5) and new.dtype == np.float32
    np.testing.assert_allclose(new[:, 0], np.linspace(0, 1, frames), atol=1e-6)
    assert len(features.change_speed(ramp[:1], factor)) >= 1


def test_speed_invents_no_place_between_a_point_and_its_absence():
    x = np.zeros((4, 78, 2), np.float32)
    x[2:] = 0.5
    new = features.change_speed(x.reshape(4, 156), 0.4)
    assert len(new) == 10 and set(np.unique(new)) == {np.float32(0), np.float32(0.5)}


def test_dropout_hides_parts_and_points_for_the_whole_clip():
    build = recipe.build({"point_dropout": 0.1})
    hidden = []
    for seed in range(DRAWS):
        new = build(np.ones((3, 156)), np.random.default_rng(seed)).reshape(3, 78, 2)
        assert (new == new[:1]).all() and (new[..., 0] == new[..., 1]).all()
        hidden.append(new[0, :, 0] == 0)
    rates = np.array(hidden)
    assert rates[:, :25].mean() == pytest.approx(0.1, abs=0.01)
    for part in (keypoints.LEFT_HAND, keypoints.RIGHT_HAND, keypoints.FACE):
        assert rates[:, part].all(axis=1).mean() == pytest.approx(0.1, abs=0.04)
        assert rates[:, part].mean() == pytest.approx(0.19, abs=0.04)


def test_same_seed_same_clip_and_the_input_is_untouched():
    everything = {key: 0.3 for key in operations.OPERATIONS} | {
        "noise_std": 0.1,
        "noise_prob": 0.5,
        "mask_prob": 0.5,
        "speed": 0.2,
    }
    build = pickle.loads(pickle.dumps(recipe.build(everything)))
    x = _clip()
    first, again, other = (build(x, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    np.testing.assert_array_equal(x, _clip())
    assert first.dtype == np.float32


@pytest.mark.parametrize("key", operations.OPERATIONS)
def test_keypoint_options_need_keypoints(key):
    with pytest.raises(UserError, match=rf"input\.augment\.{key} is for keypoints.*2048"):
        recipe.build({key: 0.5})(np.zeros((3, 2048), np.float32), np.random.default_rng(0))


def test_raw_frames_are_refused():
    with pytest.raises(UserError, match=r"mask_prob is for numbers \[T, D\].*\[2, 8, 8, 3\]"):
        recipe.build({"mask_prob": 0.5})(np.zeros((2, 8, 8, 3)), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("key", "value", "message"), [("flip", 1.5, "0 to 1"), ("noise_std", -0.1, "0 or more")]
)
def test_values_out_of_range_name_their_key(key, value, message):
    (problem,) = fields.problems(sections.Augment, {key: value}, "input.augment.")
    assert problem == f"input.augment.{key}={value}: expected {message}"
