"""What a run shows of its epochs."""

import io

import pytest
from matplotlib import axes

from jaxsign.screen import Console
from jaxsign.tasks import measures
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


def test_what_is_waited_for_is_in_no_estimate():
    text, now = io.StringIO(), [0.0]
    display = log.TrainingDisplay(live=False, console=Console(file=text), clock=lambda: now[0])
    display.start_epoch(1, 3, 4, 0)
    with display.waiting():
        now[0] += 100
    now[0] += 50
    display.end_epoch(1, 3, "done")
    assert text.getvalue().rstrip().endswith("left 1:40")


def test_a_long_epoch_says_every_minute_how_far_it_is():
    """So does who reads a file of what was printed see that it goes on."""
    text, now = io.StringIO(), [0.0]
    display = log.TrainingDisplay(
        live=False, console=Console(file=text, width=200), clock=lambda: now[0]
    )
    display.start_epoch(1, 2, steps=10, done=2)
    for done in range(3, 11):
        now[0] += 25
        display.step(done, f"loss 0.{done}")
    display.end_epoch(1, 2, "done")
    told = text.getvalue().splitlines()
    assert told[0] == "epoch 1/2  step 5/10  loss 0.5  its steps left 2:05"
    assert [line.split("  ")[1] for line in told] == ["step 5/10", "step 8/10", "done"]
    # What is left is not told from an epoch of which a part was made in another process.
    assert "left" not in told[-1]
    display.start_epoch(2, 3, steps=1, done=0)
    now[0] += 30
    display.end_epoch(2, 3, "done")
    assert text.getvalue().endswith("done  left 0:30\n")


def test_epochs_of_milliseconds_have_a_line_where_they_are_validated(capsys):
    now = [0.0]
    display = log.TrainingDisplay(live=False, clock=lambda: now[0])
    for epoch in range(1, 8):
        display.start_epoch(epoch, 7, 1, 0)
        now[0] += 0.3
        display.end_epoch(epoch, 7, "text", validated=epoch == 3)
    told = [line.split("/")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["epoch 1", "epoch 3", "epoch 7"]


def test_the_pictures_best_epoch_is_the_checkpoints(tmp_path, monkeypatch):
    """Of equal scores the one with the lower loss, of equal losses the first."""
    seen = [(0.5, 1.0), (0.8, 0.9), (0.8, 0.7), (0.8, 0.7), ("", "")]
    rows = [
        {"epoch": i, "lr": 1e-3, "train_loss": 1.0, "val_loss": loss, "val_acc": score}
        for i, (score, loss) in enumerate(seen, 1)
    ]
    titles, kept = [], axes.Axes.set_title

    def noting(axis, text, *words, **named):
        titles.append(text)
        return kept(axis, text, *words, **named)

    monkeypatch.setattr(axes.Axes, "set_title", noting)
    panel = measures.Panel("accuracy", {"val_acc": "all"}, percent=True)
    log.draw_history(rows, tmp_path / "history.png", "a run", panel)
    assert titles[-1] == "accuracy\nbest 80.0 % (epoch 3)"
