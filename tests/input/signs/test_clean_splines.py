import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import interpolate

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import splines


def values(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(frames, 5)).astype(np.float32)


@pytest.mark.parametrize("frames", [2, 3, 4, 25, 130])
@pytest.mark.parametrize(("fps", "rate"), [(30, 60), (25, 60), (120, 60), (30, 7.5)])
def test_even_frames_as_scipy(frames, fps, rate):
    """The blocks of the kept matrix against the spline itself."""
    x, times = values(frames), 3 + np.arange(frames) / fps
    new = splines.fixed_rate_times(times, rate)
    made, covered = splines.resample_runs(x, np.ones(frames, bool), times, new)
    wanted = interpolate.CubicSpline(times, x.astype(np.float64))(new)
    assert covered.all() and made.dtype == np.float32
    np.testing.assert_allclose(made, wanted, atol=2e-6)
    exact, again = splines.resample_to_fixed_rate(x, times, rate)
    np.testing.assert_array_equal(exact, wanted)
    np.testing.assert_array_equal(again, new)


def test_rounding_loses_no_frame():
    times = np.arange(30) / 50
    assert (times[-1] - times[0]) * 50 < 29
    assert len(splines.fixed_rate_times(times, 50)) == 29
    np.testing.assert_allclose(splines.fixed_rate_times(times, 50, 1e-3), times, atol=1e-12)


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=60, deadline=None)
def test_each_run_alone(data):
    """What a run gives is the same whatever stands outside it, and every run gives something."""
    frames = data.draw(st.integers(1, 30))
    seen = np.array(data.draw(st.lists(st.booleans(), min_size=frames, max_size=frames)))
    fps, rate = data.draw(st.sampled_from([(30.0, 60.0), (25.0, 60.0), (50.0, 50.0)]))
    times = np.arange(frames) / fps
    new = splines.fixed_rate_times(times, rate, 1e-3)
    x = values(frames)
    made, covered = splines.resample_runs(x, seen, times, new)
    other = np.where(seen[:, None], x, 99).astype(np.float32)
    np.testing.assert_array_equal(made, splines.resample_runs(other, seen, times, new)[0])
    assert not made[~covered].any() and made.shape == (len(new), 5)
    for frame in np.flatnonzero(seen):
        assert np.abs(new[covered] - times[frame]).min() <= 0.5 / rate + 0.5 / fps
    if fps == rate:
        np.testing.assert_array_equal(covered, seen)
        np.testing.assert_allclose(made[seen], x[seen], atol=1e-5)


def test_uneven_frames_and_frames_of_one_time():
    times = np.array([0, 0.03, 0.03, 0.08, 0.1, 0.16, 0.2])
    x = values(7)
    new = splines.fixed_rate_times(times, 60)
    made, covered = splines.resample_runs(x, np.ones(7, bool), times, new)
    first = [0, 1, 3, 4, 5, 6]
    wanted = interpolate.CubicSpline(times[first], x[first].astype(np.float64))(new)
    assert covered.all()
    np.testing.assert_allclose(made, wanted, atol=1e-5)
    with pytest.raises(UserError, match="do not increase"):
        splines.resample_to_fixed_rate(x, times, 60)


def test_a_hole_in_the_recording_is_not_bridged():
    times = np.r_[np.arange(5) / 30, 2 + np.arange(5) / 30]
    new = splines.fixed_rate_times(times, 60)
    _, covered = splines.resample_runs(values(10), np.ones(10, bool), times, new)
    assert not covered[(new > 0.2) & (new < 1.95)].any() and covered[[0, -1]].all()


def test_a_single_frame():
    x, times = values(1), np.array([0.5])
    assert splines.resample_to_fixed_rate(x, times, 60)[0].shape == (1, 5)
    made, covered = splines.resample_runs(x, np.array([True]), times, times)
    np.testing.assert_array_equal(made, x)
    assert covered.all()


@pytest.mark.parametrize("rate", [0, -1, np.nan])
def test_a_rate_that_does_not_work_is_said(rate):
    with pytest.raises(UserError, match="rate="):
        splines.fixed_rate_times(np.arange(3.0), rate)
