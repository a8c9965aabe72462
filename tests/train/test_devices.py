"""N devices compute what one device computes."""

import json
import subprocess
import sys

import numpy as np
import pytest
import scene_devices
from helpers import ROOT
from running import environment, train_apart

from jaxsign.train import checkpoint, records


def told_by(script, devices, *words):
    done = subprocess.run(
        [sys.executable, f"tests/train/{script}", *words],
        env=environment(devices), capture_output=True, text=True, timeout=500, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def compared():
    return told_by("four_devices.py", 4)


@pytest.mark.parametrize("parallel", ["pmap", "jit"])
@pytest.mark.parametrize("kind", ["transformer", "bn", "whisper_sign"])
def test_four_devices_equal_one(compared, kind, parallel):
    found = compared[kind][parallel]
    assert found["devices"] == 4
    # Adam turns rounding differences of tiny gradients into steps of up to lr / 1000.
    assert found["params"] < 2e-5
    assert found["sums"] < 2e-4


# Detected boxes are learned as those of sgcls, and answered of as those of predcls. A net takes a
# minute to compile for both: most are tried with the long tests.
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind.startswith("sttran") else pytest.mark.shared)
        for kind in scene_devices.NETS
    ],
)
def test_two_devices_equal_one_for_scenes(kind):
    found = told_by("scene_devices.py", 2, kind)[kind]["pmap"]
    assert found["devices"] == 2
    assert found["params"] < 2e-6
    assert found["sums"] < 2e-4


def test_two_devices_equal_one_for_a_detector_and_its_moving_average():
    found = told_by("detector_devices.py", 2)["pmap"]
    assert found["devices"] == 2
    assert found["params"] < 2e-6
    assert found["sums"] < 2e-4


def test_a_run_on_four_devices_from_the_command_line(tmp_path):
    done = train_apart(tmp_path / "four", "input.batch_size=8", "train.epochs=3", devices=4)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 x cpu" in done.stdout
    assert len(records.read_csv(tmp_path / "four" / "metrics.csv")) == 3
    params = checkpoint.load_variables(tmp_path / "four", "last")[0]["params"]
    assert all(np.isfinite(leaf).all() for leaf in _leaves(params))


def test_a_batch_that_four_devices_cannot_share_is_refused(tmp_path):
    done = train_apart(tmp_path / "x", "input.batch_size=6", devices=4)
    assert done.returncode == 1
    assert "6 rows cannot be shared by 4 devices" in done.stderr


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)
