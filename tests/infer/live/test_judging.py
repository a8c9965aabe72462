"""Frames in, answers at intervals out."""

import argparse

import live_runs
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.infer.live import commands
from jaxsign.input.signs import rows

FakeRun, face = live_runs.FakeRun, live_runs.face


def make(run, **settings):
    return live_runs.recogniser(run, **settings)


def add(recogniser, points, seconds):
    """The answer to a frame, or None."""
    chunk = rows.Chunk(points[None], np.array([seconds]), np.ones((1, 33), np.float32))
    return next(iter(recogniser.push(chunk)), None)


def feed(recogniser, frames, fps=10, start=0.0, points=None):
    points = face() if points is None else points
    answers = [add(recogniser, points, start + i / fps) for i in range(frames)]
    return [answer for answer in answers if answer is not None]


def test_answers_come_at_intervals_once_there_are_enough_frames():
    run = FakeRun()
    answers = feed(make(run, every=0.5), 21)
    assert [round(a.time, 1) for a in answers] == [0.4, 0.9, 1.4, 1.9]
    assert [a.frames for a in answers] == [5, 10, 15, 20]
    assert answers[0].candidates[0][0] == "hello" and len(answers[0].candidates) == 3
    assert sum(p for _, p in answers[0].candidates) == pytest.approx(1.0)


def test_the_window_holds_the_last_frames_that_show_anything():
    run = FakeRun()
    recogniser = make(run, window=6, every=0.0)
    feed(recogniser, 10)
    feed(recogniser, 10, start=1.0, points=np.full((543, 3), np.nan, np.float32))
    assert len(recogniser) == 6
    add(recogniser, face(0.25), 2.0)
    window = run.seen[-1]
    assert len(window) == 6 and window[-1, 0, 0] == 0.25
    # An absent part keeps its place: nothing slides.
    assert np.isnan(window[:, 468:]).all() and not np.isnan(window[:, :468]).any()


def test_face_only_leaves_the_rest_out():
    run = FakeRun()
    recogniser = make(run, face_only=True)
    feed(recogniser, 5, points=np.full((543, 3), 0.5, np.float32))
    assert np.isnan(run.seen[-1][:, 468:]).all() and (run.seen[-1][:, :468] == 0.5).all()


def test_thinning_spreads_the_frames_over_the_window():
    run = FakeRun()
    recogniser = make(run, target_frames=16, every=0.0)
    for i in range(30):
        add(recogniser, face(i), i / 30)
    assert run.seen[-1][:, 0, 0].tolist() == np.linspace(0, 29, 16).astype(int).tolist()


def test_smoothing_averages_probabilities_and_reset_forgets_them():
    run = FakeRun(lambda n: [10.0, 0.0, 0.0] if n == 1 else [0.0, 10.0, 0.0])
    recogniser = make(run, smoothing=2, every=0.1)
    first, second = feed(recogniser, 6)
    assert first.candidates[0][1] > 0.99
    assert second.candidates[0][1] == pytest.approx(0.5, abs=0.01) and not second.accepted
    recogniser.reset()
    assert len(recogniser) == 0
    assert feed(recogniser, 5, start=1.0)[0].candidates[0][0] == "bye"


def test_an_answer_counts_from_the_threshold_on_unless_it_is_no_sign():
    sure = FakeRun(lambda n: [0.0, 0.0, 9.0])
    for settings, accepted in (
        ({"threshold": 0.9}, True),
        ({"threshold": 1.0}, False),
        ({"threshold": 0.9, "no_sign": "-"}, False),
    ):
        answer = feed(make(sure, **settings), 5)[0]
        assert answer.accepted is accepted
        assert (answer.to_json()["sign"] is None) is not accepted


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"window": 0}, "window=0"),
        ({"threshold": 1.5}, "threshold=1.5"),
        ({"every": float("nan")}, "every=nan"),
        ({"every": float("inf")}, "every=inf"),
        ({"min_frames": 40}, "more than window=30"),
        ({"head": "cat"}, "no head 'cat'; it has gloss"),
        ({"no_sign": "nope"}, "no class of the head gloss"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, reason):
    with pytest.raises(UserError, match=reason):
        make(FakeRun(), **changes)


def test_a_net_of_stored_features_is_refused():
    run = FakeRun()
    run.view = None
    with pytest.raises(UserError, match="takes stored features, not landmarks"):
        commands._recogniser(run, argparse.Namespace(), 0.0)


def test_warming_up_judges_once_a_bucket():
    run = FakeRun()
    run.cut = lambda x: x[:40]
    make(run, window=100).warm_up()
    assert [len(x) for x in run.seen] == [5, 17, 33]  # the first of each bucket of 16
