"""A whole sweep from the command line, killed in the middle of a trial and begun again."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import NAME, TINY, environment
from stubs import space_of

from jaxsign import cli, locking
from jaxsign import config as configs
from jaxsign.train import records
from jaxsign.train.sweeps import trials

SPACE = '"optim.lr" = { low = 1e-3, high = 1e-2, log = true }\n"net.dropout" = [0.0, 0.2]\n'
EPOCHS = 100  # of some milliseconds


def command(folder, space):
    words = ["sweep", "--config", NAME, "--workdir", str(folder), "--space", str(space)]
    words += ["--trials", "2", *TINY, f"--config.train.epochs={EPOCHS}"]
    return [sys.executable, "-m", "jaxsign", *words, "--config.deterministic=True"]


def wait_for(there, seconds=120):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_killed_in_a_trial_it_goes_on_with_the_same_values_and_ends_with_all(
    tmp_path, monkeypatch, capsys
):
    space, folder = space_of(tmp_path, SPACE), tmp_path / "s"
    killed = subprocess.Popen(
        command(folder, space), env=environment(), stdout=subprocess.PIPE, text=True
    )
    wait_for((folder / "trial-001" / "metrics.csv").exists)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (before,) = trials.read_all(folder)
    assert not before.ended
    # What it trained does not go on alone.
    wait_for(lambda: not locking.held(folder / "trial-001", ".lock"))
    assert len(records.read_csv(folder / "trial-001" / "metrics.csv")) < EPOCHS
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    assert cli.main(command(folder, space)[3:]) == 0
    assert "trial-001 goes on" in capsys.readouterr().out
    found = trials.read_all(folder)
    assert [t.state for t in found] == ["done", "done"] and found[0].values == before.values
    for trial in found:
        run = folder / trial.name
        rows = records.read_csv(run / "metrics.csv")
        assert len(rows) == EPOCHS
        best = max(float(row["val_gloss_acc"]) for row in rows)
        assert trial.result == pytest.approx(best, abs=1e-6)
        assert [epoch for epoch, _ in trial.course] == list(range(1, EPOCHS + 1))
        stored = json.loads((run / "config.json").read_text())
        assert stored["optim"]["lr"] == trial.values["optim.lr"]
    with open(folder / "trials.csv", newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["done", "done"]
    assert configs.load(str(folder / "best.py")).train.epochs == EPOCHS
    assert cli.main(["evaluate", "--workdir", str(folder / found[0].name)]) == 0
    assert (folder / "sweep.png").stat().st_size > 10_000 and Path(folder / "space.toml").exists()
