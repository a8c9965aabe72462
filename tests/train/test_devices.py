"""N devices compute what one device computes."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest
import scene_devices
from helpers import ROOT
from running import environment, tiny_config, train_apart

from jaxsign.errors import UserError
from jaxsign.train import log, loop, records, setup, weights


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
SHORT = ("sttran:predcls", "sttran:sgcls", scene_devices.DETECTOR)


def assert_two_equal_one(found):
    assert found["devices"] == 2
    assert found["params"] < 2e-6
    assert found["sums"] < 2e-4


@pytest.fixture(scope="module")
def of_scenes():
    return told_by("scene_devices.py", 2, *SHORT)


@pytest.mark.parametrize("kind", SHORT)
def test_two_devices_equal_one_for_scenes(of_scenes, kind):
    assert_two_equal_one(of_scenes[kind]["pmap"])


@pytest.mark.shared
@pytest.mark.parametrize("kind", [kind for kind in scene_devices.NETS if kind not in SHORT])
def test_two_devices_equal_one_for_other_nets_of_scenes(kind):
    assert_two_equal_one(told_by("scene_devices.py", 2, kind)[kind]["pmap"])


@pytest.mark.parametrize("parallel", ["pmap", "jit"])
def test_a_run_on_four_devices_from_the_command_line(tmp_path, parallel):
    words = ("input.batch_size=8", "train.epochs=3", f"parallel={parallel}")
    done = train_apart(tmp_path / "four", *words, devices=4)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 x cpu" in done.stdout
    assert len(records.read_csv(tmp_path / "four" / "metrics.csv")) == 3
    assert jax.device_count() == 1  # it is read where there are fewer
    params = weights.load_variables(tmp_path / "four", "last")[0]["params"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))


def test_a_batch_that_four_devices_cannot_share_is_refused(tmp_path):
    run = setup.prepare(tiny_config("input.batch_size=6"), tmp_path)
    run.devices = run.devices[:1] * 4
    with pytest.raises(UserError, match="6 rows cannot be shared by 4 devices"):
        loop.Loop(run, log.TrainingDisplay(live=False))
