"""Cleaning of whole clips: gaps, frame rates, still ends, what is missing."""

import dataclasses

import helpers
import hypothesis
import numpy as np
import pytest
from clean_helpers import WRIST, at, clip_of, recordings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input.signs import clean, views
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND, Clip

CLEANERS = {
    "fill_gaps": lambda clip: clean.fill_gaps(clip, 2),
    "mirror": clean.mirror,
    "one_euro": clean.one_euro,
    "resample": lambda clip: clean.resample(clip, 40),
    "savitzky_golay": lambda clip: clean.savitzky_golay(clip, 5, 2),
    "trim": clean.trim,
}


@pytest.mark.parametrize("name", CLEANERS)
@hypothesis.given(clip=recordings())
@hypothesis.settings(max_examples=15, deadline=None)
def test_the_given_clip_stays_as_it_was(name, clip):
    before = clip.landmarks.copy(), clip.timestamps.copy(), clip.visibility.copy()
    made = CLEANERS[name](clip)
    for array, kept in zip((clip.landmarks, clip.timestamps, clip.visibility), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert not np.shares_memory(made.landmarks, clip.landmarks)
    assert made.frame_size == clip.frame_size
    assert made.visibility.shape == (len(made), 33) and made.landmarks.dtype == np.float32


@hypothesis.given(clip=recordings(), limit=st.integers(0, 5))
@hypothesis.settings(max_examples=40, deadline=None)
def test_gaps_follow_the_rule_of_the_keypoints(clip, limit):
    """With even timestamps a point's gaps are those that `interpolate_gaps` fills."""
    even = dataclasses.replace(clip, timestamps=np.arange(len(clip)) / 25)
    made = clean.fill_gaps(even, limit)
    seen = clean.present(even)
    x = np.where(seen[..., None], even.landmarks[..., :2], 0).reshape(len(even), -1)
    wanted, visible = clean.interpolate_gaps(x, seen, limit)
    np.testing.assert_array_equal(clean.present(made), visible)
    found = np.nan_to_num(made.landmarks[..., :2]).reshape(len(even), -1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(made.landmarks[seen], even.landmarks[seen])


def test_gaps_lie_on_the_line_in_time_and_bring_visibility():
    clip = at(
        clip_of(4, timestamps=[0.0, 0.1, 0.2, 0.4]), WRIST, np.float32([0.2, np.nan, np.nan, 0.6])
    )
    clip.visibility[:, 15] = [0.5, 0, 0, 0.9]
    made = clean.fill_gaps(clip, max_seconds=0.4)
    np.testing.assert_allclose(made.landmarks[:, WRIST, 0], [0.2, 0.3, 0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(made.visibility[:, 15], [0.5, 0.6, 0.7, 0.9], atol=1e-6)
    assert np.isnan(clean.fill_gaps(clip, max_seconds=0.39).landmarks[1, WRIST, 0])
    assert np.isnan(clean.fill_gaps(clip, 1, max_seconds=1).landmarks[1, WRIST, 0])
    with pytest.raises(UserError, match="at least one limit"):
        clean.fill_gaps(clip)


@hypothesis.given(recordings(), st.floats(-4e-6, 4e-6))
@hypothesis.settings(max_examples=40, deadline=None)
def test_the_clips_own_times_change_nothing(clip, rounding):
    made = clean.at_times(clip, clip.timestamps + rounding)
    np.testing.assert_array_equal(made.landmarks, clip.landmarks)
    np.testing.assert_array_equal(made.visibility, clip.visibility)
    assert made.fps == clip.fps


def test_resampling_goes_by_time():
    clip = at(
        clip_of(5, timestamps=[0.0, 0.1, 0.2, 0.35, 0.4]), 7, np.float32([0, 0.1, 0.2, 0.35, 0.4])
    )
    made = clean.resample(clip, 20)
    np.testing.assert_allclose(made.timestamps, np.arange(9) / 20, atol=1e-12)
    np.testing.assert_allclose(made.landmarks[:, 7, 0], made.timestamps, atol=1e-6)
    assert made.fps == 20 and len(made.visibility) == 9


def test_resampling_does_not_cross_an_absence():
    x = np.float32([0.1, 0.2, np.nan, np.nan, 0.5, 0.6])
    clip = at(clip_of(6, fps=10), 500, x)
    made = clean.resample(clip, 20)
    known = ~np.isnan(made.landmarks[:, 500, 0])
    np.testing.assert_array_equal(np.flatnonzero(known), [0, 1, 2, 8, 9, 10])
    made = clean.resample(clip, 20, max_gap=0.3)
    np.testing.assert_allclose(made.landmarks[:, 500, 0], 0.1 + np.arange(11) / 20, atol=1e-6)
    made = clean.resample(clip, 20, max_gap=0.29)
    np.testing.assert_array_equal(~np.isnan(made.landmarks[:, 500, 0]), known)


def test_resampling_does_not_cross_a_hole_in_the_recording():
    clip = clip_of(6, timestamps=[0, 0.1, 0.2, 1.2, 1.3, 1.4])
    made = clean.resample(clip, 10)
    seen = clean.present(made).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(~seen), np.arange(3, 12))
    outside = clean.at_times(clip, np.array([-0.1, 0.0, 1.5]))
    np.testing.assert_array_equal(clean.present(outside)[:, 0], [False, True, False])
    with pytest.raises(UserError, match="rate=0 frames a second"):
        clean.resample(clip, 0)


def test_still_ends_are_cut():
    x = np.full(60, 0.3, np.float32)
    x[20:40] += 0.02 * np.arange(20, dtype=np.float32)
    x[40:] = x[39]
    clip = at(clip_of(60), WRIST, x)
    made = clean.trim(clip, margin=0)
    assert 14 <= made.timestamps[0] * 30 <= 21 and 39 <= made.timestamps[-1] * 30 <= 44
    wider = clean.trim(clip, margin=0.2)
    assert len(wider) == len(made) + 12
    row = int(round(made.timestamps[0] * 30))
    np.testing.assert_array_equal(made.landmarks, clip.landmarks[row : row + len(made)])


def test_what_does_not_move_is_not_cut():
    clip = clip_of(20)
    assert len(clean.trim(clip)) == 20 and not clean.motion(clip).any()
    clip.landmarks[:, LEFT_HAND] = np.nan
    clip.landmarks[::2, RIGHT_HAND] = np.nan
    assert len(clean.trim(clip)) == 20
    assert len(clean.trim(clip_of(1))) == 1


def test_a_guessed_wrist_does_not_move():
    rng = np.random.default_rng(0)
    clip = at(clip_of(30), WRIST, rng.uniform(0, 1, 30).astype(np.float32))
    assert clean.motion(clip).max() > 1
    clip.visibility[:, 15] = 0.2
    assert not clean.motion(clip).any()


def test_short_rests_grow_to_the_least_length():
    x = np.full(30, 0.3, np.float32)
    x[29] = 0.5
    made = clean.trim(at(clip_of(30), WRIST, x), margin=0, min_frames=12)
    assert len(made) == 12 and made.timestamps[-1] == 29 / 30


def test_what_is_missing():
    clip = clip_of(10, fps=10)
    clip.landmarks[[0, 1, 4, 9], LEFT_HAND] = np.nan
    clip.landmarks[4:7, RIGHT_HAND] = np.nan
    found = clean.missing(clip)
    left = found["left_hand"]
    assert (left.frames, left.missing, left.gaps, left.share) == (10, 4, 3, 0.4)
    assert left.longest == 2
    right = found["right_hand"]
    assert (right.missing, right.longest) == (3, 3)
    assert right.longest_seconds == pytest.approx(0.4)
    assert found["any_hand"].missing == 1 and found["pose"].missing == found["face"].missing == 0


@pytest.mark.shared
def test_a_real_clip():
    folder = helpers.SHARED / "data" / "sign_clip_mit"
    with np.load(folder / "landmarks543" / "test_video.npz") as stored:
        landmarks, fps = stored["landmarks"], float(stored["fps"])
    clip = Clip(landmarks, np.arange(len(landmarks)) / fps, (405, 540), fps)
    found = clean.missing(clip)
    assert found["left_hand"].share == 1 and found["right_hand"].share == pytest.approx(
        0.58, abs=0.01
    )
    # The hand comes up, signs and goes down again.
    made = clean.trim(clip)
    assert 0.5 < made.timestamps[-1] - made.timestamps[0] < 1.6
    hand = clean.present(clip)[:, RIGHT_HAND].any(axis=1)
    first, last = np.flatnonzero(hand)[[0, -1]]
    assert made.timestamps[0] <= clip.timestamps[first] + 0.2
    assert made.timestamps[-1] >= clip.timestamps[last] - 0.2


@pytest.mark.filterwarnings("error")
def test_parts_that_are_never_seen_need_no_filling():
    clip = Clip(np.full((3, 543, 3), np.nan), np.arange(3) / 30)
    assert np.isnan(clean.fill_gaps(clip, max_seconds=1.0).landmarks).all()


@pytest.mark.parametrize("times", [[0, 0.04, 1.7e9], [0, 40_000, 80_000]])
def test_timestamps_that_are_no_seconds_do_not_fill_the_memory(times):
    clip = Clip(np.zeros((3, 543, 3)), times)
    with pytest.raises(UserError, match="3 frames span .* s: at 60 frames/s"):
        clean.resample(clip, 60)
    with pytest.raises(UserError, match="3 frames span .* s: at 60 frames/s"):
        views.get_view({"name": "whisper_sign"})(clip)
