"""Runs that earlier code made and left in the middle still answer and go on to the same numbers."""

import csv
import json

import old_runs
import pytest

from jaxsign import config as configs
from jaxsign.train import log, loop

# Processors sum in different orders; six steps of Adam carry that on.
CLOSE = {"rel": 1e-4, "abs": 1e-5}


def alike(found, recorded, where=""):
    """Same structure and words; numbers close."""
    assert type(found) is type(recorded), where
    if isinstance(found, dict):
        assert list(found) == list(recorded), where
        for key, value in found.items():
            alike(value, recorded[key], f"{where}.{key}")
    elif isinstance(found, list):
        assert len(found) == len(recorded), where
        for i, (one, other) in enumerate(zip(found, recorded, strict=True)):
            alike(one, other, f"{where}[{i}]")
    else:
        same = pytest.approx(recorded, **CLOSE) if isinstance(found, float) else recorded
        assert found == same, where


def table(path):
    """The cells of a metrics.csv, numbers as such."""
    with path.open(encoding="utf-8", newline="") as file:
        return [[_cell(text) for text in row] for row in csv.reader(file)]


def _cell(text):
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.slow
@pytest.mark.parametrize("system", old_runs.RUNS)
def test_an_old_run_answers_and_goes_on_as_it_did(system, tmp_path):
    folder = old_runs.FOLDER / system
    run = old_runs.unpack(system, tmp_path)
    for name, found in old_runs.answers(run, tmp_path).items():
        alike(found, json.loads((folder / f"{name}.json").read_text()), name)
    loop.train(configs.load_run_config(run), run, log.TrainingDisplay(live=False))
    alike(table(run / "metrics.csv"), table(folder / "metrics.csv"), "metrics.csv")
