"""What a run shows of its epochs."""

import io

import pytest

from jaxsign.screen import Console
from jaxsign.train import log


@pytest.mark.parametrize(
    ("seconds", "left"),
    [((2.0, 1.0, 1.0), ("", "0:01", "")), ((60.0, 20.0, 20.0), ("2:00", "0:20", ""))],
)
def test_the_time_left_waits_for_an_epoch_that_tells_of_the_others(seconds, left):
    """A first epoch of seconds is mostly start; one of a minute tells more than nothing."""
    now, text = [0.0], io.StringIO()
    display = log.TrainingDisplay(
        live=False, console=Console(file=text, width=200), clock=lambda: now[0]
    )
    for epoch, took in enumerate(seconds, 1):
        display.start_epoch(epoch, len(seconds), steps=1, done=0)
        now[0] += took
        display.end_epoch(epoch, len(seconds), "done")
    told = [line.partition("  left ")[2] for line in text.getvalue().splitlines()]
    assert tuple(told) == left
