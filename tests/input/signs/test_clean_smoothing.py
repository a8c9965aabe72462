import dataclasses

import hypothesis
import numpy as np
import pytest
from clean_helpers import clip_of, recordings
from scipy import signal

from jaxsign.errors import UserError
from jaxsign.input.signs import clean

FILTERS = {"one_euro": clean.one_euro, "savitzky_golay": clean.savitzky_golay}


def noisy(frames=120, seed=0):
    rng = np.random.default_rng(seed)
    clip = clip_of(frames)
    return dataclasses.replace(
        clip, landmarks=clip.landmarks + rng.normal(0, 0.003, clip.landmarks.shape)
    )


@pytest.mark.parametrize("name", FILTERS)
@hypothesis.given(clip=recordings())
@hypothesis.settings(max_examples=30, deadline=None)
def test_absent_points_stay_absent_and_others_present(name, clip):
    made = FILTERS[name](clip)
    np.testing.assert_array_equal(np.isnan(made.landmarks), np.isnan(clip.landmarks))
    np.testing.assert_array_equal(made.timestamps, clip.timestamps)


@pytest.mark.parametrize("name", FILTERS)
def test_rest_becomes_calmer_and_stays_in_its_place(name):
    clip, still = noisy(), clip_of(120)
    made = FILTERS[name](clip)
    error = np.abs(made.landmarks - still.landmarks)[10:].mean()
    assert error < 0.75 * np.abs(clip.landmarks - still.landmarks)[10:].mean()
    np.testing.assert_allclose(FILTERS[name](still).landmarks, still.landmarks, atol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_an_absence_starts_anew(name):
    """What comes before an absence does not reach what comes after it."""
    clip = noisy(30)
    clip.landmarks[12:15] = np.nan
    other = dataclasses.replace(clip, landmarks=clip.landmarks.copy())
    other.landmarks[:12] += 0.4
    made, changed = FILTERS[name](clip).landmarks, FILTERS[name](other).landmarks
    np.testing.assert_array_equal(made[15:], changed[15:])
    assert np.abs(made[:12] - changed[:12]).min() > 0.3


def one_euro_in_words(x, times, min_cutoff, beta, cutoff):
    """One number after the other, as the paper tells it."""

    def alpha(hz, step):
        tau = 1 / (2 * np.pi * hz)
        return 1 / (1 + tau / step)

    out, speed = [x[0]], 0.0
    for t in range(1, len(x)):
        step = times[t] - times[t - 1]
        a = alpha(cutoff, step)
        speed = a * (x[t] - out[-1]) / step + (1 - a) * speed
        a = alpha(min_cutoff + beta * abs(speed), step)
        out.append(a * x[t] + (1 - a) * out[-1])
    return np.array(out)


def test_one_euro_as_the_paper_tells_it():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.02, 0.06, 40))
    clip = dataclasses.replace(noisy(40), timestamps=times)
    clip.landmarks[:, 5, 0] += np.linspace(0, 1, 40, dtype=np.float32)
    made = clean.one_euro(clip, min_cutoff=0.8, beta=3.0, derivative_cutoff=1.2)
    for row, axis in ((5, 0), (200, 1)):
        wanted = one_euro_in_words(clip.landmarks[:, row, axis].astype(float), times, 0.8, 3.0, 1.2)
        np.testing.assert_allclose(made.landmarks[:, row, axis], wanted, atol=1e-6)


def test_savitzky_golay_within_runs():
    clip = noisy(40)
    clip.landmarks[10, 468:489] = np.nan
    clip.landmarks[12:14, 468:489] = np.nan
    made = clean.savitzky_golay(clip, 7, 2).landmarks
    wanted = signal.savgol_filter(clip.landmarks[:10, 470].astype(float), 7, 2, axis=0)
    np.testing.assert_allclose(made[:10, 470], wanted, atol=1e-6)
    np.testing.assert_array_equal(made[11, 470], clip.landmarks[11, 470])  # too short to smooth
    wanted = signal.savgol_filter(clip.landmarks[:, 3].astype(float), 7, 2, axis=0)
    np.testing.assert_allclose(made[:, 3], wanted, atol=1e-6)


def test_a_hole_in_the_recording_ends_a_run():
    clip = noisy(30)
    clip.timestamps[15:] += 1
    made = clean.savitzky_golay(clip, 7, 2).landmarks
    for part in (slice(0, 15), slice(15, 30)):
        wanted = signal.savgol_filter(clip.landmarks[part, 3].astype(float), 7, 2, axis=0)
        np.testing.assert_allclose(made[part, 3], wanted, atol=1e-6)


@pytest.mark.parametrize(("window", "order"), [(4, 2), (5, 5), (0, 0), (5, -1)])
def test_windows_that_do_not_work_are_said(window, order):
    with pytest.raises(UserError, match="odd window"):
        clean.savitzky_golay(clip_of(3), window, order)
    with pytest.raises(UserError, match="cutoffs above 0"):
        clean.one_euro(clip_of(3), min_cutoff=0)
