"""What a person is told of compiles, and when."""

import io
import threading

import compiles
import numpy as np
import pytest
from rich.console import Console
from running import TWO_SHAPES, train_here

from jaxsign.train import compiling, log


def told(*steps):
    """The lines for steps of (what, shape, seconds)."""
    text, now = io.StringIO(), [0.0]
    display = log.TrainingDisplay(live=False, console=Console(file=text))
    watch = compiling.Watch(display, clock=lambda: now[0])
    for what, shape, seconds in steps:
        with watch.step(what, {"x": np.zeros(shape), "weight": np.zeros(shape[:1])}):
            now[0] += seconds
    return text.getvalue().splitlines()


def test_a_compile_is_told_before_it_begins_and_once():
    steps = [("training", (4, 16), 3), ("training", (4, 16), 3), ("training", (4, 32), 34)]
    assert told(*steps) == [
        "compiling the training step for batches of 4x16 ...",
        "compiling the training step for batches of 4x32 ...",
        "compiled the training step for batches of 4x32 in 0:34",
    ]


def test_short_ones_are_not_told_one_by_one():
    steps = [("training", (4, n), 0.2) for n in (8, 16, 32)]
    assert told(*steps, ("validation", (4, 8), 0.2)) == [
        "compiling the training step for batches of 4x8 ..."
    ]


def coming(frames, compile_one=lambda: None):
    return compiling.Coming("training", batch_of(frames), compile_one)


def batch_of(frames):
    return {"x": np.zeros((4, frames)), "weight": np.zeros(4)}


@pytest.fixture
def watched():
    text = io.StringIO()
    display = log.TrainingDisplay(live=False, console=Console(file=text))
    watch = compiling.Watch(display, ahead=2)
    yield watch, text
    watch.close()


def test_programs_compile_ahead_each_once_and_before_others_are_asked_for(watched):
    watch, _ = watched
    done, made = threading.Event(), []
    sizes = (8, 16, 32)

    def compiled(size):
        made.append(size)
        if size == sizes[-1]:
            done.set()

    programs = [coming(size, lambda size=size: compiled(size)) for size in sizes]
    watch.ahead(programs)
    watch.ahead(programs)
    assert done.wait(60)  # nobody waits for one
    for size in sizes:
        assert watch.wait("training", batch_of(size))
    watch.ahead(programs)
    assert sorted(made) == [8, 16, 32]


def test_the_bucket_that_is_waited_for_is_told(watched):
    watch, text = watched
    begun = threading.Event()
    watch.ahead([coming(8), coming(16, begun.wait)])
    asked = iter([False, True])
    assert not watch.wait("training", batch_of(16), lambda: next(asked))  # stopped meanwhile
    begun.set()
    assert watch.wait("training", batch_of(16))
    assert text.getvalue().splitlines()[0] == (
        "compiling bucket 2 of 2: the training step for batches of 4x16 ..."
    )


def test_where_nothing_compiles_ahead_it_does_when_it_is_waited_for():
    text, made = io.StringIO(), []
    display = log.TrainingDisplay(live=False, console=Console(file=text))
    watch = compiling.Watch(display, ahead=0)
    watch.ahead([coming(size, lambda size=size: made.append(size)) for size in (8, 16, 32)])
    assert watch.wait("training", batch_of(16))
    assert watch.wait("training", batch_of(16))
    watch.close()
    assert made == [16]


def test_a_stop_does_not_wait_for_a_compile():
    display, done = log.TrainingDisplay(live=False), threading.Event()
    watch = compiling.Watch(display, ahead=0)
    watch.ahead([coming(8, done.wait)])
    assert not watch.wait("training", batch_of(8), lambda: True)
    done.set()
    watch.close()


@pytest.mark.parametrize(
    ("cores", "memory", "many"),
    [(1, 1e12, 0), (2, 1e12, 0), (3, 1e12, 1), (8, 1e12, 3), (8, 4e9, 2), (8, 1e9, 0)],
)
def test_how_many_compile_ahead(cores, memory, many):
    assert compiling.suitable(cores, memory) == many


def test_a_failure_is_told_where_the_program_is_needed(watched):
    watch, _ = watched

    def fail():
        raise MemoryError("no memory is left")

    watch.ahead([coming(8, fail), coming(16)])
    assert watch.wait("training", batch_of(16))
    with (
        pytest.raises(MemoryError, match="no memory is left"),
        watch.step("training", batch_of(8)),
    ):
        pytest.fail("a step without a program")


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_run_compiles_a_program_a_bucket_and_a_smaller_last_batch_none(
    tmp_path, ahead, monkeypatch
):
    monkeypatch.setattr(compiling, "suitable", lambda cores, memory: ahead)
    # 12 training clips and 6 others of two lengths, four to a batch.
    with compiles.noted() as names:
        train_here(tmp_path / "run", TWO_SHAPES, "train.epochs=3")
    steps = [name for name in names if "_step" in name]
    assert sorted(steps) == ["jit(eval_step)"] * 2 + ["jit(train_step)"] * 2
