"""What a run says before its first step."""

import io

from rich.console import Console
from running import tiny_config

from jaxsign.train import log, outputs, setup


def header(workdir, *words):
    """The header's lines of the tiny recipe: 12 training clips and 6 of validation."""
    run = setup.prepare(tiny_config(*words), workdir)
    text = io.StringIO()
    display = log.TrainingDisplay(live=False, console=Console(file=text, width=300))
    outputs.announce(run, setup.begin(run, run.stages[0], None), display, 0)
    return run, text.getvalue()


def test_a_batch_that_no_epoch_fills_is_made_smaller_and_told(tmp_path):
    run, text = header(tmp_path, "input.batch_size=32", "devices=1")
    assert (len(run.train), len(run.val)) == (12, 6)
    assert "batch    12 rows in training, 6 in validation: fewer than input.batch_size=32" in text
    assert run.config.input.batch_size == 32
    assert "batch  " not in header(tmp_path, "devices=1")[1]
