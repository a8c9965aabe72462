"""The loop knows no clips: boxes in videos, of two ragged axes, train through it unchanged."""

import json
import subprocess
import sys

import boxes
import jax
import numpy as np
import optax
import pytest
from helpers import ROOT
from running import environment

from jaxsign.train import inputs, records, state, weights

ON_FOUR = """
import sys
import boxes
boxes.train(sys.argv[1], boxes.recipe())
"""


def same(one, other, check=np.testing.assert_array_equal):
    for which in ("last", "best"):
        pair = (weights.load_variables(folder, which)[0] for folder in (one, other))
        jax.tree.map(check, *pair)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    boxes.train(folder, boxes.recipe())
    return folder


def test_it_learns_and_keeps_what_the_data_told(whole):
    rows = records.read_csv(whole / "metrics.csv")
    assert len(rows) == 3 and float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert 0 <= float(rows[-1]["val_right"]) <= 1
    assert json.loads((whole / "config.json").read_text())["net"]["classes"] == 2


def test_what_a_task_renews_at_an_epochs_end_is_validated_with_and_saved(whole):
    config = boxes.recipe()
    kept = weights.load_variables(whole, "last")[0]
    examples = boxes.Task.open(config, "train", training=True)
    task = boxes.Task(boxes.Net(classes=2))
    batches = list(inputs.evaluation(config, examples))
    found = task.renew(kept, [{**task.look(kept, batch), **batch} for batch in batches])
    assert np.abs(kept["memory"]["mean"]).max() > 0.01
    np.testing.assert_allclose(kept["memory"]["mean"], found["memory"]["mean"], rtol=1e-5)
    val = inputs.evaluation(config, boxes.Task.open(config, "val"))
    sums = [task.evaluate(kept, batch, {}).sums for batch in val]
    loss = sum(float(s["loss"]) for s in sums) / sum(float(s["examples"]) for s in sums)
    assert float(records.read_csv(whole / "metrics.csv")[-1]["val_loss"]) == pytest.approx(loss)


def test_a_moving_average_takes_over_what_was_renewed():
    made = state.create(
        {"params": {"a": np.zeros(2), "b": np.zeros(2)}, "memory": {"c": np.zeros(3)}},
        optax.sgd(1.0), ("a", "b"), seed=0, average=True,
    )  # fmt: skip
    made = made.replace(average={"a": np.ones(2), "b": np.ones(2)})
    new = {"params": {**made.params, "a": np.full(2, 5.0)}, "memory": {"c": np.ones(3)}}
    found = made.renewed(jax.tree.map(np.float32, new)).variables
    assert [found["params"][name][0] for name in "ab"] == [5, 1]
    assert found["memory"]["c"][0] == 1
    with pytest.raises(ValueError, match="renewed variables"):
        made.renewed({**new, "memory": {"c": np.ones(4, np.float32)}})


def test_stopping_anywhere_changes_nothing(whole, tmp_path):
    calls, interrupted = 0, True
    while interrupted:
        calls += 1
        interrupted = boxes.train(tmp_path / "parts", boxes.recipe(), steps=5).interrupted
    assert calls == 5  # 21 steps
    assert (whole / "metrics.csv").read_bytes() == (tmp_path / "parts/metrics.csv").read_bytes()
    same(whole, tmp_path / "parts")


def test_four_devices_compute_what_one_computes(whole, tmp_path):
    path = {"PYTHONPATH": f"{ROOT}:{ROOT}/tests"}
    done = subprocess.run(
        [sys.executable, "-c", ON_FOUR, str(tmp_path / "four")],
        env={**environment(4), **path}, capture_output=True, text=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, four = (records.read_csv(f / "metrics.csv") for f in (whole, tmp_path / "four"))
    for a, b in zip(one, four, strict=True):
        assert float(a["val_loss"]) == pytest.approx(float(b["val_loss"]), rel=1e-4)
    same(
        whole, tmp_path / "four",
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
    )  # fmt: skip
