import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from view_helpers import moving, without

from jaxsign.errors import UserError
from jaxsign.input.signs import hand_joints, views
from jaxsign.input.signs.clean import splines
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND
from jaxsign.input.signs.views import whisper_sign


def test_joints_as_recorded():
    clip = without(moving(), left=[0, 5])
    x = hand_joints.joints(clip, rate=0)
    assert x.shape == (12, 42, 7) and x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 21:, :3], clip.landmarks[:, RIGHT_HAND])
    seen = np.delete(np.arange(12), [0, 5])
    np.testing.assert_array_equal(x[seen, :21, :3], clip.landmarks[seen, LEFT_HAND])
    assert not x[[0, 5], :21].any() and (x[seen, :21, 6] == 1).all()
    wanted = np.gradient(clip.landmarks[:, RIGHT_HAND].astype(float), 1 / 30, axis=0)
    np.testing.assert_allclose(x[:, 21:, 3:6], wanted, atol=1e-4)
    run = np.gradient(clip.landmarks[6:, LEFT_HAND].astype(float), 1 / 30, axis=0)
    np.testing.assert_allclose(x[6:, :21, 3:6], run, atol=1e-4)


def test_the_originals_velocity_and_spline_run_through_zeros():
    clip = without(moving(20), left=[8, 9, 10])
    x = hand_joints.joints(clip, rate=0, missing="upstream")
    zeros = np.nan_to_num(clip.landmarks[:, LEFT_HAND])
    np.testing.assert_allclose(x[:, :21, 3:6], np.gradient(zeros, 1 / 30, axis=0), atol=1e-4)
    made = hand_joints.joints(clip, missing="upstream")
    wanted, _ = splines.resample_to_fixed_rate(x, clip.timestamps, 60)
    np.testing.assert_allclose(made, wanted, atol=2e-5)
    assert made[..., 6].max() > 1.01  # it rings; by default it does not
    assert set(np.unique(hand_joints.joints(clip)[..., 6])) == {0, 1}


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=30, deadline=None)
def test_what_is_missing_is_zero_and_reaches_nothing_else(data):
    frames = data.draw(st.integers(1, 20))
    gone = st.sets(st.integers(0, frames - 1))
    clip = moving(frames, fps=data.draw(st.sampled_from([25.0, 30.0])))
    left, right = data.draw(gone), data.draw(gone)
    x = whisper_sign.WhisperSignView()(without(clip, left, right))
    assert x.shape[1:] == (42, 7) and np.isfinite(x).all()
    for hand in hand_joints.HANDS:
        shown = x[:, hand, 6] > 0
        assert (shown.all(axis=1) | ~shown.any(axis=1)).all()
        assert not x[~shown.any(axis=1), hand].any()
    assert x[:, 0, 6].any() == (len(left) < frames)
    # The other hand does not notice.
    alone = whisper_sign.WhisperSignView()(without(clip, range(frames), right))
    np.testing.assert_array_equal(x[:, 21:], alone[:, 21:])


def test_complete_clips_are_the_same_in_both_ways():
    clip = moving(40)
    np.testing.assert_allclose(
        whisper_sign.WhisperSignView()(clip),
        whisper_sign.WhisperSignView(missing="upstream")(clip),
        atol=2e-4,
        rtol=1e-4,
    )


def test_normalised_hands_do_not_depend_on_place_and_distance():
    clip = without(moving(20), left=[3, 4], right=[19])
    x = whisper_sign.WhisperSignView()(clip)
    moved = dataclasses.replace(clip, landmarks=clip.landmarks * 0.5 + np.float32(0.25))
    np.testing.assert_allclose(whisper_sign.WhisperSignView()(moved), x, atol=1e-3)
    assert not x[:, [0, 21], :3].any()
    np.testing.assert_allclose(hand_joints.hand_lengths(x), 1, atol=1e-5)


def test_hands_that_are_seldom_seen_keep_their_size():
    clip = without(moving(20), left=range(2, 20))
    x = hand_joints.joints(clip, rate=0)
    own, upstream = (hand_joints.hand_lengths(x, missing)[0] for missing in hand_joints.MISSING)
    assert own == pytest.approx(10 * upstream, rel=1e-5)
    never = hand_joints.joints(without(clip, left=range(20)), rate=0)
    assert hand_joints.hand_lengths(never)[0] == 1
    assert hand_joints.hand_lengths(never, "upstream")[0] == pytest.approx(1e-6)


def test_velocities_relative_to_the_wrist():
    plain = whisper_sign.WhisperSignView()(moving(10))
    relative = whisper_sign.WhisperSignView(relative_velocity=True)(moving(10))
    for hand in hand_joints.HANDS:
        wanted = plain[:, hand, 3:6] - plain[:, hand.start : hand.start + 1, 3:6]
        np.testing.assert_allclose(relative[:, hand, 3:6], wanted, atol=1e-5)
    np.testing.assert_array_equal(relative[..., :3], plain[..., :3])


def test_uneven_timestamps():
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 15))
    clip = dataclasses.replace(moving(15), timestamps=times)
    x = hand_joints.joints(clip, rate=0)
    wanted = np.gradient(clip.landmarks[:, LEFT_HAND].astype(float), times, axis=0)
    np.testing.assert_allclose(x[:, :21, 3:6], wanted, atol=1e-4)
    assert len(hand_joints.joints(clip)) == int((times[-1] - times[0]) * 60) + 1


def averaged_in_words(x, window, seen):
    made = np.zeros_like(x)
    for t in range(len(x)):
        for joint in np.flatnonzero(seen[t]):
            near = range(max(0, t - window // 2), min(len(x), t + window // 2 + 1))
            made[t, joint] = np.mean([x[i, joint] for i in near if seen[i, joint]], axis=0)
    return made


@pytest.mark.parametrize("window", [1, 4, 5])
def test_moving_average(window):
    x = hand_joints.joints(without(moving(9), left=[3, 4, 8]), rate=0)
    for missing, seen in (("present", x[..., 6] > 0), ("upstream", np.ones((9, 42), bool))):
        made = hand_joints.moving_average(x, window, missing)
        np.testing.assert_allclose(made, averaged_in_words(x, window, seen), atol=1e-5)
    with pytest.raises(UserError, match="over 0 frames"):
        hand_joints.moving_average(x, 0)


def test_feature_scaler():
    x = np.random.default_rng(0).normal(3, 2, (4, 9, 42, 7))
    x[..., 6] = 0.9
    made = hand_joints.FeatureScaler.fit(x)(x).reshape(-1, 7)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made.std(axis=0), [1] * 6 + [0], atol=1e-5)
    made = hand_joints.FeatureScaler.fit(x, "minmax")(x).reshape(-1, 7)
    np.testing.assert_allclose(made.min(axis=0), -1, atol=1e-5)
    np.testing.assert_allclose(made.max(axis=0), [1] * 6 + [-1], atol=1e-5)
    with pytest.raises(UserError, match="'minmax'"):
        hand_joints.FeatureScaler.fit(x, "robust")


@pytest.mark.parametrize("method", hand_joints.SCALINGS)
def test_a_scaling_fitted_to_a_training_set(method):
    clips = [without(moving(20, seed=n), left=range(5, 9)) for n in range(3)]
    told = whisper_sign.WhisperSignView(feature_scaling=method, rate=0.0).fit(clips)
    assert whisper_sign.WhisperSignView(rate=0.0).fit(clips) == {}
    made = [
        whisper_sign.WhisperSignView(rate=0.0, feature_scaling=method, **told)(c) for c in clips
    ]
    plain = np.concatenate([whisper_sign.WhisperSignView(rate=0.0)(c) for c in clips])
    seen = (plain != 0).any(axis=-1)
    rows, absent = np.concatenate(made)[seen], np.concatenate(made)[~seen]
    assert not absent.any() and len(absent)
    np.testing.assert_allclose(
        rows, hand_joints.FeatureScaler.fit(plain[seen], method)(plain[seen]), atol=1e-5
    )


def test_stored_arrays_are_normalised_alone():
    stored = hand_joints.joints(moving(10))
    kept = stored.copy()
    made = views.get_view({"name": "whisper_sign"})(stored)
    np.testing.assert_allclose(made, whisper_sign.WhisperSignView()(moving(10)), atol=1e-6)
    np.testing.assert_array_equal(whisper_sign.WhisperSignView(normalise=False)(stored), kept)
    whisper_sign.WhisperSignView(normalise=False, relative_velocity=True)(stored)
    np.testing.assert_array_equal(stored, kept)
    with pytest.raises(UserError, match=r"\[3, 21, 7\]"):
        whisper_sign.WhisperSignView()(np.zeros((3, 21, 7)))
    with pytest.raises(UserError, match="Did you mean 'upstream'"):
        whisper_sign.WhisperSignView(missing="upsteam")(stored)
