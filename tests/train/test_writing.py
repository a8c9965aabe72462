"""When checkpoints are written: what waits, and how much time writing takes."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import tiny_config, train_here

from jaxsign.train import log, loop, outputs, weights, writing


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Slow:
    """Checkpoints that take so many seconds."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.written = clock, seconds, []

    def save_last(self, number, host, records):
        self.clock.now += self.seconds
        self.written.append(number)


@given(st.floats(0.001, 20), st.floats(0.001, 2), st.integers(50, 300))
def test_writing_takes_a_tenth_of_the_time_or_each_epoch_is_written(epoch, seconds, count):
    clock = Clock()
    slow = Slow(clock, seconds)
    made = writing.Writing(slow, clock=clock)
    waited = longest = 0.0
    for number in range(count):
        clock.now += epoch
        waited += epoch
        longest = max(longest, waited)
        if made.pays():
            made.now(number, None, {})
            waited = 0.0
    if epoch > 9 * seconds:
        assert slow.written == list(range(count))
    else:
        assert seconds * len(slow.written) <= 0.1 * clock.now + seconds
        assert longest <= 9 * seconds + epoch + 1e-6


@pytest.mark.parametrize("always", [True, False])
def test_what_waits_is_written_once_and_before_the_rest(always):
    clock, told = Clock(), []
    slow = Slow(clock, 1.0)
    slow.save_last = lambda number, host, records: told.append("last")
    made = writing.Writing(slow, always=always, clock=clock)
    made.later({"best": lambda: told.append("best 1"), "epoch 1": lambda: told.append("epoch 1")})
    made.later({"best": lambda: told.append("best 2")})
    made.now(1, None, {})
    made.now(2, None, {})
    assert told == ["best 2", "epoch 1", "last", "last"]
    assert made.pays()


def test_a_kill_while_checkpoints_wait_changes_nothing(tmp_path, monkeypatch):
    words = ("train.epochs=5", "deterministic=True", "checkpoint.keep_every=2")
    train_here(tmp_path / "whole", *words)
    shown = outputs.Outputs.epoch

    def killed(self, task, at, *rest):
        if at.epoch == 4:
            raise KeyboardInterrupt
        shown(self, task, at, *rest)

    with monkeypatch.context() as patch:
        answers = itertools.chain([True], itertools.repeat(False))
        patch.setattr(writing.Writing, "pays", lambda self: next(answers))
        patch.setattr(outputs.Outputs, "epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            config = tiny_config(*words)
            loop.train(config, tmp_path / "killed", log.TrainingDisplay(live=False))
    assert weights.load_variables(tmp_path / "killed", "best")[1]["epoch"] == 1
    train_here(tmp_path / "killed", *words)
    whole, again = (tmp_path / run / "metrics.csv" for run in ("whole", "killed"))
    assert whole.read_bytes() == again.read_bytes()
    for which in ("best", "last", "2", "4"):
        found = [weights.load_variables(tmp_path / run, which)[0] for run in ("whole", "killed")]
        assert jax.tree.all(jax.tree.map(np.array_equal, *found)), which
