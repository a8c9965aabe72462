"""Two processes train what one process with two devices trains."""

import json
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from helpers import ROOT
from running import environment

from jaxsign.machines import links
from jaxsign.train import records, weights


def start(devices, *words):
    return subprocess.Popen(
        [sys.executable, "tests/train/together.py", *map(str, words)],
        env=environment(devices), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder, and what the first of two processes and one alone told."""
    folder = tmp_path_factory.mktemp("together")
    port = links.free_port("127.0.0.1")
    pair = [start(1, folder, port, index) for index in (0, 1)]
    printed, wrong = pair[0].communicate(timeout=300)
    pair[1].communicate(timeout=60)
    assert [process.returncode for process in pair] == [0, -signal.SIGKILL], wrong[-2000:]
    one = start(2, folder, "alone")
    apart, wrong = one.communicate(timeout=300)
    assert one.returncode == 0, wrong[-2000:]
    return folder, *(json.loads(text.splitlines()[-1]) for text in (printed, apart))


def assert_same(one, other):
    rows = [records.read_csv(run / "metrics.csv") for run in (one, other)]
    assert len(rows[0]) == 4
    numbers = ([[float(cell) for cell in row.values()] for row in table] for table in rows)
    np.testing.assert_allclose(*numbers, atol=2e-6)
    pair = (jax.tree.leaves(weights.load_variables(run, "last")[0]) for run in (one, other))
    for a, b in zip(*pair, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_two_processes_are_as_one_with_two_devices(trained):
    folder, two, one = trained
    assert two["pmap"] == one["pmap"] == 12
    assert_same(folder / "pmap", folder / "one-pmap")


def test_a_signal_to_one_stops_both_and_nothing_is_lost(trained):
    _, two, _ = trained
    assert two["interrupted"]
    assert 3 < two["stopped"] < 12


def test_another_recipe_in_one_of_them_is_refused(trained):
    folder, two, _ = trained
    assert "config.optim.lr: 0.001 in process 0" in two["differs"]
    assert "0.002 in process 1" in two["differs"]
    assert not (folder / "other").exists()


def test_who_is_killed_is_named_and_one_process_may_go_on(trained):
    folder, two, one = trained
    assert "process 1" in two["ended"] and "is gone: it was killed" in two["ended"]
    assert one["killed"] == one["jit"] == 12
    assert_same(folder / "jit", folder / "one-jit")
