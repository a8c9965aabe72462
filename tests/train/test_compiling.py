"""What a person is told of compiles, and when."""

import io

import numpy as np
from rich.console import Console

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
