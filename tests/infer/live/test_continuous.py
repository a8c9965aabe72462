"""A stream's glosses: the same however it is cut, told once nothing can change them."""

import numpy as np
import pytest
import stream_runs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs import rows
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND
from jaxsign.tasks.sequences import following

SHORT = {"seconds": 0.7, "overlap": 0.4}
make = stream_runs.recogniser


def stream(recogniser, x, sizes=(), times=None):
    """Everything that is told of frames cut into chunks of these sizes, the rest in one."""
    told, start = [], 0
    for size in [*sizes, len(x)]:
        part = slice(start, start + size)
        if len(x[part]):
            told += pushed(recogniser, x[part], None if times is None else times[part])
        start += size
    return told + [*recogniser.finish().signs]


def pushed(recogniser, x, times=None):
    """What is told of a chunk."""
    return [sign for heard in recogniser.push(rows.Chunk(x, times)) for sign in heard.signs]


def moving(frames=150, seed=0):
    """Landmarks at about 30 frames/s of hands that wander, vanish and come back."""
    rng = np.random.default_rng(seed)
    x = 0.5 + rng.normal(0, 0.02, (frames, 543, 3)).cumsum(0)
    x[40:55, LEFT_HAND] = np.nan
    x[90:91, RIGHT_HAND] = np.nan
    x[110:, RIGHT_HAND] = np.nan
    times = np.cumsum(rng.uniform(0.02, 0.05, frames))
    return x.astype(np.float32), times


def test_a_local_nets_glosses_are_those_of_the_whole_recording():
    ids = [0, 1, 0, 2, 2, 3, 0, 3, 4, 0, 0, 1, 4]
    x = stream_runs.signed(ids, frames=36)
    recogniser = make(stream_runs.run(normalise=False))
    told = stream(recogniser, x)
    assert [sign.number + 1 for sign in told] == [1, 2, 3, 3, 4, 1, 4]
    assert [sign.name for sign in told][:2] == ["HELLO", "YES"]
    spans = [(36, 71), (108, 179), (180, 215), (252, 287), (288, 323), (396, 431), (432, 467)]
    assert [(sign.start, sign.end) for sign in told] == [(a / 60, b / 60) for a, b in spans]
    assert all(0.9 < sign.confidence <= 1 for sign in told)
    # Certain once the next window begins behind it: half a window to a window later.
    assert all(87 <= round(60 * (sign.emitted - sign.end)) <= 180 for sign in told[:-3])
    assert recogniser.cost.hops == len(windows.cover(len(x), 180, 90))
    assert recogniser.cost.glosses == len(told) and recogniser.cost.rows == len(x)


CASES = {
    "landmarks": {},
    "landmarks as recorded": {"rate": 0.0},
    "smoothed": {"smooth": 5},
    "as the original": {"missing": "upstream", "smooth": 3},
}


@pytest.mark.parametrize("view", CASES.values(), ids=CASES)
@pytest.mark.parametrize("merge", following.MERGES)
def test_the_answer_does_not_depend_on_how_the_stream_is_cut(view, merge):
    x, times = moving()
    traced = []
    run = stream_runs.run(stream_runs.WideNet(), **view)
    recogniser = make(run, **SHORT, merge=merge, fps=30.0, trace=traced.append)

    def answers(sizes):
        traced.clear()
        recogniser.reset()
        told = stream(recogniser, x, sizes, times)
        return told, np.concatenate([part.log_probs for part in traced])

    whole, log_probs = answers([])
    assert len(whole) > 3

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(1, 40), max_size=20))
    @example([1] * len(x))
    def check(sizes):
        told, found = answers(sizes)
        assert told == whole
        np.testing.assert_array_equal(found, log_probs)

    check()


def test_hours_of_stream_keep_times_exact_and_memory_bounded():
    run = stream_runs.run(normalise=False, rate=1.0)
    recogniser = make(run, seconds=400.0, overlap=0.5)
    once = stream_runs.signed([1, 0], frames=2000)
    told = []
    for _ in range(20):  # 80,000 s at a frame a second
        told += pushed(recogniser, once)
    held = sum(len(part) for part in recogniser._cutter._parts)
    assert held <= 400 + len(once) and len(recogniser.follower._stitcher.peek()) <= 100
    told += recogniser.finish().signs
    assert [sign.start for sign in told] == [4000.0 * i for i in range(20)]
    assert [sign.end for sign in told] == [4000.0 * i + 1999 for i in range(20)]


def test_resampled_times_stay_on_the_grid_after_hours():
    x, _ = moving(90)
    hours = 36_000.0
    run = stream_runs.run(stream_runs.WideNet())
    times = hours + np.arange(90) / 29.97
    told = stream(make(run, **SHORT), x, [7] * 5, times)
    frames = (np.array([sign.start for sign in told]) - hours) * 60
    assert len(told) > 1 and np.abs(frames - frames.round()).max() < 1e-6


def test_the_originals_windows_and_merge():
    ids = [1, 2, 2, 0, 3]
    x = stream_runs.signed(ids, frames=60)
    run = stream_runs.run(normalise=False)
    recogniser = make(run, merge="upstream")
    told = [sign.number + 1 for sign in stream(recogniser, x, [50, 3])]
    # Windows of 180 rows every 90 until the end, each collapsed, then equal neighbours dropped.
    assert recogniser.cost.hops == len(windows.stream(300, 180, 90)) == 4
    # 0-179: 1 2; 90-269: 2 3; 180-299: 3; 270-299: 3.
    assert told == [1, 2, 3]


def test_behind_the_end_another_stream_begins():
    x = stream_runs.signed([0, 1, 0, 2], frames=60)
    recogniser = make(stream_runs.run(normalise=False))
    first = stream(recogniser, x)
    assert [sign.name for sign in first] == ["HELLO", "YES"]
    assert not recogniser.finish().accepted and len(recogniser) == 0
    assert stream(recogniser, x, [100]) == first


def test_a_stream_without_frames_or_glosses_tells_nothing():
    recogniser = make(**SHORT)
    assert not recogniser.finish().accepted and recogniser.cost.hops == 0
    recogniser.reset()
    assert stream(recogniser, np.zeros((100, 42, 7), np.float32)) == []


def test_glosses_at_the_end_are_shown_before_they_are_certain():
    recogniser = make(stream_runs.run(normalise=False), seconds=1.0)
    (heard,) = recogniser.push(rows.Chunk(stream_runs.signed([0, 1], frames=30)))
    assert not heard.accepted and heard.tentative == ("HELLO",)
    assert [sign.name for sign in recogniser.finish().signs] == ["HELLO"]


def test_a_run_without_a_view_streams_its_own_features():
    class Net(stream_runs.LocalNet):
        frame_shape = (3, 4)

    run = stream_runs.run(Net(), name="")
    x = np.zeros((50, 3, 4), np.float32)
    x[10:30, 0, 0] = 2
    assert make(run, seconds=1.0, fps=20.0).follower.rate == 60.0  # the recipe has one
    run.config.view.rate = 0.0
    told = stream(make(run, seconds=1.0, fps=20.0), x, [9])
    assert [(s.name, s.start, s.end) for s in told] == [("YES", 8 / 20, 31 / 20)]


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"overlap": 1.0}, "--overlap 1.0: expected 0 to below 1"),
        ({"overlap": 0.999}, "expected at least 1 of each"),
        ({"overlap": 0.95}, "would lie 2 apart, less than the 4 frames"),
        ({"seconds": 0.0}, "--window 0: expected seconds above 0"),
        ({"seconds": float("nan")}, "--window nan"),
        ({"merge": "best"}, "--merge best: expected one of average, upstream"),
        ({"fps": -1.0}, "--fps -1.0"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, reason):
    with pytest.raises(UserError, match=reason):
        make(**{**SHORT, **changes})


def test_frames_that_cannot_be_a_stream_are_refused():
    def refused(*chunks, **view):
        recogniser = make(stream_runs.run(**view), **SHORT)
        for chunk in chunks:
            recogniser.push(chunk)

    good, points = stream_runs.signed([1]), np.zeros((2, 543, 3), np.float32)
    later = rows.Chunk(points, np.array([1.0, 2.0]))
    for chunks, reason in (
        ([rows.Chunk(good), rows.Chunk(good[:, :3])], "frames of .* after frames of"),
        ([rows.Chunk(good[:, :3])], r"takes landmarks \[543, 3\] or its view's features \[42, 7\]"),
        ([rows.Chunk(good + np.inf)], "infinite numbers"),
        ([rows.Chunk(good * np.nan)], "NaN; a point that is absent is 0"),
        ([later, later], "must not decrease"),
        ([rows.Chunk(points, np.array([0.0, 1000.0]))], "Are these milliseconds"),
        ([rows.Chunk(points, np.array([66.0, 99.0]) + 66 * i) for i in range(3)], "milliseconds"),
        ([rows.Chunk(points)], "have no times.*--fps"),
    ):
        with pytest.raises(UserError, match=reason):
            refused(*chunks)


def test_the_recipe_names_the_windows():
    run = stream_runs.run()
    run.config.input.windows.seconds = 2.0

    def cut(**asked):
        made = run.task.follower(run, asked)
        return made.seconds, made.overlap

    assert cut() == (2.0, 0.5)
    assert cut(overlap=0.25, window=None) == (2.0, 0.25)
    del run.config.input.windows
    assert cut() == (3.0, 0.5)


def test_a_stream_may_pause_for_long():
    clock, points = rows.StreamClock(0.0), np.zeros((1, 543, 3), np.float32)
    for seconds in (0.0, 100.0, 200.0, 200.03, *np.arange(300.0, 4000.0, 100.0)):
        assert len(clock.rows(rows.Chunk(points, np.array([seconds])))) == 1
