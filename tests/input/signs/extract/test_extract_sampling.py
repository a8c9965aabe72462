"""Which frames are kept, and clocks that never stand still."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.input.signs.extract import sampling

GAPS = st.lists(st.integers(1, 400), min_size=1, max_size=80)


def _reference(times, target):
    """The rule in the words of the FSLR preprocessing, in whole thousandths."""
    kept, tick = [], 0
    for i, time in enumerate(times):
        if time * target >= tick * 1000:
            kept.append(i)
            tick += 1
    return kept


@given(GAPS, st.integers(1, 60))
def test_target_fps_is_the_rule_of_fslr(gaps, target):
    times = np.cumsum([0, *gaps])
    sampler = sampling.Sampler(target_fps=target)
    kept = [i for i, time in enumerate(times) if sampler.keep(time / 1000)]
    assert kept == _reference(times.tolist(), target)


def test_a_video_of_the_target_rate_keeps_every_frame():
    for rate in (24, 25, 30, 50, 60):
        sampler = sampling.Sampler(target_fps=rate)
        assert all(sampler.keep(i / rate) for i in range(10_000))


def test_every_nth():
    sampler = sampling.Sampler(every_nth=3)
    assert [i for i in range(10) if sampler.keep(i / 30)] == [0, 3, 6, 9]


STORED = st.lists(st.one_of(st.none(), st.floats(-100, 100)), min_size=1, max_size=50)


@given(STORED)
def test_the_clock_starts_at_nothing_and_never_goes_back(stored):
    clock = sampling.Clock(0.04)
    times = [clock.read(time) for time in stored]
    assert times[0] == 0 and (np.diff(times) >= 0).all()


def test_a_jump_back_goes_on_one_frame_later():
    clock = sampling.Clock(0.04)
    times = [clock.read(time) for time in (7.0, 7.1, None, 2.0, 2.5)]
    np.testing.assert_allclose(times, [0, 0.1, 0.14, 0.18, 0.68])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_milliseconds_always_increase(gaps):
    clock = sampling.Milliseconds()
    read = [clock.read(time) for time in np.cumsum(gaps) / 100]
    assert (np.diff(read) > 0).all()


def test_milliseconds_are_those_of_the_frame():
    clock = sampling.Milliseconds()
    assert [clock.read(time) for time in (0, 0.0334, 0.0335, 0.1)] == [0, 33, 34, 100]
