"""The hands' view while the stream still comes, against the view of the whole recording."""

import numpy as np
import pytest
from view_helpers import stream_hands

from jaxsign.input.signs import hand_joints, rows, streamed_hands
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND, Clip
from jaxsign.input.signs.views import whisper_sign


def recording(frames=120, rate=30.0):
    rng = np.random.default_rng(0)
    x = (0.5 + rng.normal(0, 0.01, (frames, 543, 3)).cumsum(0)).astype(np.float32)
    x[20:30, LEFT_HAND] = np.nan
    x[50:51, RIGHT_HAND] = np.nan
    x[100:, RIGHT_HAND] = np.nan
    return Clip(x, np.arange(frames) / rate, fps=rate)


def streamed(stage, x, times, size=7):
    parts = []
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        parts.append(stage.push(rows.Rows(x[part], times[part], times[part])))
    return rows.join([part for part in [*parts, stage.finish()] if len(part)])


def of_clip(clip, lengths=None, **options):
    stage = stream_hands(lengths=lengths, recorded_rate=clip.fps, **options)
    return streamed(stage, clip.landmarks, clip.timestamps)


SCALED = {
    "feature_scaling": "minmax",
    "feature_shift": tuple(0.1 * n for n in range(7)),
    "feature_scale": tuple(1.0 + n for n in range(7)),
}


@pytest.mark.parametrize("missing", hand_joints.MISSING)
@pytest.mark.parametrize(
    "options",
    [{}, {"smooth": 5}, {"smooth": 4, "relative_velocity": True}, {"normalise": False}, SCALED],
    ids=str,
)
def test_as_recorded_and_with_known_lengths_it_is_the_view(missing, options):
    clip = recording()
    options = {"rate": 0.0, "missing": missing, **options}
    lengths = hand_joints.hand_lengths(hand_joints.joints(clip, rate=0, missing=missing), missing)
    made = of_clip(clip, lengths, **options)
    np.testing.assert_array_equal(made.x, whisper_sign.WhisperSignView(**options)(clip))
    np.testing.assert_array_equal(made.times, clip.timestamps)


def test_resampled_rows_lie_where_the_views_do_and_close_to_them():
    clip = recording()
    made = of_clip(clip, normalise=False)
    view = whisper_sign.WhisperSignView(normalise=False)(clip)
    assert made.x.shape == view.shape
    np.testing.assert_allclose(made.times, np.arange(len(view)) / 60, atol=1e-12)
    # The same hands are shown at the same times, half a frame around a single sighting too.
    np.testing.assert_array_equal(made.x[..., 6], view[..., 6])
    # At the recording's own frames there is nothing to interpolate.
    np.testing.assert_allclose(made.x[::2], view[::2], atol=2e-3)


def test_rows_between_two_frames_lie_on_the_line():
    clip = recording()
    recorded = hand_joints.joints(clip, rate=0)
    made = of_clip(clip, normalise=False, rate=120.0)
    quarter = 0.75 * recorded[10] + 0.25 * recorded[11]
    np.testing.assert_allclose(made.x[41], quarter, atol=1e-4)


def test_a_hole_in_the_recording_is_not_bridged():
    clip = recording()
    times = clip.timestamps + np.where(np.arange(len(clip)) >= 10, 1.0, 0.0)
    made = of_clip(Clip(clip.landmarks, times, fps=30.0))
    shown = made.times[made.x[:, 0, 6] > 0]
    hole = shown[np.argmax(np.diff(shown))], shown[np.argmax(np.diff(shown)) + 1]
    assert hole[0] == pytest.approx(9 / 30 + 0.5 / 60, abs=1 / 60)
    assert hole[1] == pytest.approx(1 + 10 / 30 - 0.5 / 60, abs=1 / 60)


def test_lengths_are_means_over_the_frames_that_showed_the_hand_so_far():
    clip = recording()
    made = of_clip(clip, rate=0.0)
    for last in (19, 40, 119):
        so_far = Clip(clip.landmarks[: last + 1], clip.timestamps[: last + 1], fps=30.0)
        view = whisper_sign.WhisperSignView(rate=0.0)(so_far)
        # Velocities of the newest frame are one-sided there.
        np.testing.assert_allclose(made.x[last, :, :3], view[-1, :, :3], rtol=2e-5, atol=1e-5)


def test_a_first_hand_seen_edge_on_is_not_blown_up():
    x = np.full((30, 543, 3), np.nan, np.float32)
    x[:, LEFT_HAND] = 0.5
    x[:, LEFT_HAND.start + 9 : LEFT_HAND.start + 13, 0] += 1e-5 * np.arange(1, 5)
    clip = Clip(x, np.arange(30) / 30, fps=30.0)
    made = of_clip(clip, rate=0.0)
    assert np.abs(made.x[: streamed_hands.ENOUGH - 1]).max() <= 1
    assert np.isfinite(made.x).all() and not made.x[:, 21:].any()


def test_stored_features_are_normalised_as_the_view_does():
    stored = hand_joints.joints(recording())
    lengths = hand_joints.hand_lengths(stored)
    stage = streamed_hands.StreamHands(stored=True, lengths=lengths, smooth=3)
    made = streamed(stage, stored, np.arange(len(stored)) / 60, size=13)
    np.testing.assert_array_equal(made.x, whisper_sign.WhisperSignView(smooth=3)(stored))


def test_a_row_is_known_when_the_frames_it_needs_have_come():
    clip = recording()
    made = of_clip(clip, rate=0.0)
    # The velocity needs the next frame.
    np.testing.assert_allclose(made.ready[:-1], clip.timestamps[1:])
    smoothed = of_clip(clip, rate=0.0, smooth=5)
    np.testing.assert_allclose(smoothed.ready[:-3], clip.timestamps[3:])
    assert smoothed.ready[-1] == clip.timestamps[-1]


def test_a_single_frame_is_a_stream_too():
    clip = recording(frames=1)
    made = of_clip(clip, smooth=3)
    np.testing.assert_allclose(
        made.x, whisper_sign.WhisperSignView(smooth=3)(clip), rtol=1e-6, atol=1e-7
    )
