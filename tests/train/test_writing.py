"""When checkpoints are written: what waits, and how much time writing takes."""

import errno
import itertools
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import assert_same, train_here

from jaxsign.train import checkpoint, outputs, records, weights, writing


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def write(made, clock, seconds):
    """A checkpoint that takes so many seconds."""
    with made.now():
        clock.now += seconds


@given(st.floats(0.001, 20), st.floats(0.001, 2), st.integers(50, 300))
def test_writing_takes_a_tenth_of_the_time_or_each_epoch_is_written(epoch, seconds, count):
    clock, written = Clock(), []
    made = writing.Writing(clock=clock)
    waited = longest = 0.0
    for number in range(count):
        clock.now += epoch
        waited += epoch
        longest = max(longest, waited)
        if made.pays():
            write(made, clock, seconds)
            written.append(number)
            waited = 0.0
    if epoch > 9.001 * seconds:
        assert written == list(range(count))
    elif epoch < 8.999 * seconds:
        assert seconds * len(written) <= 0.1 * clock.now + seconds
        assert longest <= 9 * seconds + epoch + 1e-6


def test_what_waits_is_written_once_and_before_the_rest():
    told = []
    made = writing.Writing(clock=Clock())
    made.later({"best": lambda: told.append("best 1"), "best-loss": lambda: told.append("loss 1")})
    made.later({"best": lambda: told.append("best 2")})
    assert made.behind
    for _ in range(2):
        with made.now():
            told.append("last")
        assert not made.behind
    assert set(told[:2]) == {"best 2", "loss 1"} and told[2:] == ["last", "last"]


def test_what_could_not_be_written_goes_on_waiting():
    told, full = [], [True]

    def best():
        if full:
            raise OSError("the disk is full")
        told.append("best")

    made = writing.Writing(clock=Clock())
    made.later({"best": best})
    with pytest.raises(OSError, match="full"), made.now():
        told.append("last")
    assert told == [] and made.behind
    full.clear()
    made.best()
    assert told == ["best"]


def test_several_processes_write_each_epoch_and_nobody_waits_for_minutes():
    for always in (True, False):
        clock = Clock()
        made = writing.Writing(always=always, clock=clock)
        write(made, clock, 100.0)
        assert made.pays() is always
        clock.now += 60
        assert made.pays()


WORDS = ("train.epochs=5", "deterministic=True", "checkpoint.keep_every=2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run") / "whole"
    train_here(workdir, *WORDS)
    return workdir


def only_the_first(patch):
    """Writing pays behind the first epoch alone."""
    answers = itertools.chain([True], itertools.repeat(False))
    patch.setattr(writing.Writing, "pays", lambda self: next(answers))


def in_the_fourth_epoch(patch):
    shown = outputs.Outputs.epoch

    def killed(self, task, at, *rest):
        if at.epoch == 4:
            raise KeyboardInterrupt
        shown(self, task, at, *rest)

    patch.setattr(outputs.Outputs, "epoch", killed)


def between_best_and_last(patch):
    save = checkpoint.Checkpoints.save_last

    def killed(self, number, state, entries):
        if entries["epoch"] == 5:
            raise KeyboardInterrupt
        save(self, number, state, entries)

    patch.setattr(checkpoint.Checkpoints, "save_last", killed)


@pytest.mark.parametrize(("kill", "ended"), [(in_the_fourth_epoch, 4), (between_best_and_last, 5)])
def test_a_kill_while_checkpoints_wait_changes_nothing(whole, tmp_path, monkeypatch, kill, ended):
    with monkeypatch.context() as patch:
        only_the_first(patch)
        kill(patch)
        with pytest.raises(KeyboardInterrupt):
            train_here(tmp_path, *WORDS)
    assert weights.load_variables(tmp_path, "last")[1]["epoch"] == 1
    # A run that fails tells of all its epochs.
    assert len(records.read_csv(tmp_path / "metrics.csv")) == ended
    train_here(tmp_path, *WORDS)
    assert_same_runs(whole, tmp_path)


def test_why_a_run_failed_is_told_where_its_files_cannot_be_written_either(
    tmp_path, monkeypatch, capsys
):
    only_the_first(monkeypatch)
    in_the_fourth_epoch(monkeypatch)

    def full(*args):
        raise OSError(errno.ENOSPC, "the disk is full")

    write = outputs.Outputs._write
    monkeypatch.setattr(
        outputs.Outputs, "_write", lambda self, *a: full() if a[1].epoch > 1 else write(self, *a)
    )
    with pytest.raises(KeyboardInterrupt):
        train_here(tmp_path, *WORDS)
    out = capsys.readouterr().out
    assert "warning  " in out and "cannot be written (the disk is full)" in out


def test_who_stops_a_run_loses_no_epoch(whole, tmp_path, monkeypatch):
    shown = outputs.Outputs.epoch

    def stopped(self, task, at, *rest):
        shown(self, task, at, *rest)
        if at.epoch == 4:
            # What tells of an epoch waits for its checkpoint.
            assert len(records.read_csv(tmp_path / "metrics.csv")) == 1
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        only_the_first(patch)
        patch.setattr(outputs.Outputs, "epoch", stopped)
        assert train_here(tmp_path, *WORDS).interrupted
    assert weights.load_variables(tmp_path, "last")[1]["epoch"] == 4
    train_here(tmp_path, *WORDS)
    assert_same_runs(whole, tmp_path)


def assert_same_runs(whole, again):
    tables = [(run / "metrics.csv").read_bytes() for run in (whole, again)]
    assert tables[0] == tables[1]
    for which in ("best", "last", "2", "4"):
        found = [weights.load_variables(run, which) for run in (whole, again)]
        (one, about), (other, about_other) = found
        assert_same(one, other)
        assert about == about_other
