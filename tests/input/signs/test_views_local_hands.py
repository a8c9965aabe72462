"""Views whose hands are local: what moves and scales leaves their shapes alone."""

import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from view_helpers import moving, stream_hands, without

from jaxsign import local_hands
from jaxsign.errors import UserError
from jaxsign.input.signs import clean, hand_joints, keypoints, views
from jaxsign.input.signs.augment import keypoints as operations
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND
from jaxsign.input.signs.rows import Rows, join
from jaxsign.input.signs.views import fslr156, whisper_sign

FINGERS = keypoints.FINGERS
OTHERS = np.delete(np.arange(keypoints.COUNT), FINGERS)


def local(clip, normalise="shoulders", hands="local"):
    """float32 [T, 78, 2] of a clip."""
    x = fslr156.Fslr156View(normalise=normalise, hands=hands, max_gap=0)(clip)
    return x.reshape(len(x), keypoints.COUNT, 2)


def changed(clip, change):
    return dataclasses.replace(clip, landmarks=change(clip.landmarks.copy()))


@pytest.mark.parametrize("normalise", fslr156.NORMALISE)
def test_wrists_are_with_the_body_and_fingers_around_them(normalise):
    clip = without(moving(), left=[3])
    made, plain = local(clip, normalise), local(clip, normalise, "body")
    np.testing.assert_array_equal(made[:, OTHERS], plain[:, OTHERS])
    square = clip.landmarks[..., :2] * np.float32([640 / 480, 1])
    wanted = local_hands.around_wrist(square[:, RIGHT_HAND])
    np.testing.assert_allclose(made[:, 46 + 1 : 67], wanted[:, 1:], atol=1e-5)
    assert not made[3, keypoints.LEFT_HAND].any() and made[2, keypoints.LEFT_HAND].all()


@hypothesis.given(st.floats(0.3, 1.2), st.floats(-0.05, 0.05), st.booleans())
@hypothesis.settings(max_examples=25, deadline=None)
def test_fingers_do_not_depend_on_where_and_how_large_a_hand_is(scale, shift, whole):
    clip = without(moving(6), right=[2])

    def change(landmarks):
        part = slice(None) if whole else LEFT_HAND
        landmarks[:, part] = 0.5 + (landmarks[:, part] - 0.5) * scale + shift
        return np.clip(landmarks, 0, 1)

    def inside(landmarks):
        return 0.5 + (landmarks - 0.5) * 0.5

    clip = changed(clip, inside)
    made, again = local(clip), local(changed(clip, change))
    np.testing.assert_allclose(again[:, FINGERS], made[:, FINGERS], atol=2e-4)
    if whole:
        np.testing.assert_allclose(again, made, atol=2e-3)


@pytest.mark.parametrize("normalise", fslr156.NORMALISE)
def test_a_mirrored_clip_has_mirrored_local_hands(normalise):
    clip = without(moving(), left=[3])
    normalised = normalise == "shoulders"
    made = operations.mirror(local(clip, normalise), normalised, local=True)
    np.testing.assert_allclose(made, local(clean.mirror(clip), normalise), atol=1e-5)
    twice = operations.mirror(made, normalised, local=True)
    np.testing.assert_allclose(twice, local(clip, normalise), atol=1e-6)


def test_other_options_and_stored_features():
    clip = moving()
    stored, _ = fslr156.keypoints(clip)
    square = dataclasses.replace(clip, frame_size=(0, 0))
    np.testing.assert_array_equal(
        fslr156.Fslr156View(hands="local")(stored), fslr156.Fslr156View(hands="local")(square)
    )
    with pytest.raises(UserError, match="Did you mean 'local'"):
        fslr156.Fslr156View(hands="locals")(clip)
    with pytest.raises(UserError, match=r"keypoints \[T, 156\], found \[3, 4\]"):
        fslr156.Fslr156View(hands="local")(np.zeros((3, 4), np.float32))


@pytest.mark.parametrize(
    "change",
    [
        lambda x, **local: operations.move(x, np.array([0.3, -0.2]), **local),
        lambda x, **local: operations.resize(x, 1.7, **local),
        lambda x, **local: operations.turn(x, 25.0, **local),
    ],
)
def test_augmentation_of_local_hands_is_that_of_the_points(change):
    clip = without(moving(), left=[3])
    plain = local(clip, hands="body")
    moved = change(plain)
    made = change(local(clip), local=True)
    seen = np.where((plain != 0).any(-1, keepdims=True), moved, np.nan)
    for hand in (keypoints.LEFT_HAND, keypoints.RIGHT_HAND):
        wanted = np.nan_to_num(local_hands.around_wrist(seen[:, hand]))[:, 1:]
        np.testing.assert_allclose(made[:, hand][:, 1:], wanted, atol=1e-4)
    # The rest moves among itself as the points do, whatever they turn about.
    body, ours = moved[:, fslr156.POSE_POINTS], made[:, fslr156.POSE_POINTS]
    np.testing.assert_allclose(ours - ours[:, :1], body - body[:, :1], atol=1e-4)


def test_a_recipe_tells_its_augmentation_that_hands_are_local():
    x = local(moving()).reshape(12, -1)
    moved = recipe.build({"shift": 0.5}, normalised=True, local=True)(x, np.random.default_rng(0))
    same = (moved == x).reshape(12, 78, 2)
    assert same[:, FINGERS].all() and not same[:, OTHERS].any()


def options(**own):
    return {"rate": 0.0, "hands": "local", **own}


@hypothesis.given(st.floats(0.3, 3), st.floats(-2, 2), st.booleans())
@hypothesis.settings(max_examples=20, deadline=None)
def test_joints_have_local_hands_behind_them(scale, shift, normalise):
    clip = without(moving(8), left=[0, 5])
    made = whisper_sign.WhisperSignView(**options(normalise=normalise))(clip)
    plain = whisper_sign.WhisperSignView(rate=0.0, normalise=normalise)(clip)
    np.testing.assert_array_equal(made[..., :7], plain)
    assert made.shape == (8, 42, 10) and made.dtype == np.float32
    assert not made[[0, 5], :21].any() and made[1, 1:21, 7:].all()
    moved = changed(clip, lambda landmarks: landmarks * np.float32(scale) + np.float32(shift))
    again = whisper_sign.WhisperSignView(**options(normalise=normalise))(moved)
    np.testing.assert_allclose(again[..., 7:], made[..., 7:], atol=1e-3)


SCALED = {
    "feature_scaling": "standard",
    "feature_shift": tuple(0.1 * n for n in range(10)),
    "feature_scale": tuple(1.0 + n for n in range(10)),
}


@pytest.mark.parametrize("own", [{}, {"smooth": 5}, {"normalise": False}, SCALED], ids=str)
@pytest.mark.parametrize("size", [1, 7, 40])
def test_streamed_local_hands_are_those_of_the_whole(own, size):
    clip = without(moving(40), left=range(10, 15), right=[39])
    lengths = hand_joints.hand_lengths(hand_joints.joints(clip, rate=0))
    stage = stream_hands(lengths=lengths, recorded_rate=clip.fps, **options(**own))
    parts = []
    for start in range(0, len(clip), size):
        part = slice(start, start + size)
        times = clip.timestamps[part]
        parts.append(stage.push(Rows(clip.landmarks[part], times, times)))
    made = join([part for part in [*parts, stage.finish()] if len(part)])
    np.testing.assert_allclose(
        made.x, whisper_sign.WhisperSignView(**options(**own))(clip), atol=1e-6
    )


def test_a_scaling_is_fitted_to_all_ten_numbers():
    told = whisper_sign.WhisperSignView(feature_scaling="standard", **options()).fit([moving(9)])
    assert len(told["feature_shift"]) == len(told["feature_scale"]) == 10
    view = views.get_view({"name": "whisper_sign", **options(feature_scaling="standard", **told)})
    assert view(moving(9)).shape == (9, 42, 10)
    plain = views.get_view({"name": "whisper_sign", **options()})
    shown = plain.shows_hand(plain(without(moving(9), left=[2], right=[2])))
    np.testing.assert_array_equal(shown, np.arange(9) != 2)
