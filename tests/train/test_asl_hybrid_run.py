"""The ASL hybrid's recipe: regularisation that changes over a run, restarts, landmarks with NaN."""

import jax
import numpy as np
import pytest
from running import tiny_asl, train_step_by_step

from jaxsign.errors import UserError
from jaxsign.train import checkpoint, log, loop, records


def train(folder, config):
    return loop.train(config, folder, log.Display(live=False))


def changing(epochs=5):
    """A recipe in the middle of restarts, with dropouts that ramp up and set in late."""
    return tiny_asl(
        deterministic=True,
        net={"late_dropout": 0.5, "dropout_step": 4},
        schedule={"cycle": 2, "warmup": 1},
        checkpoint={"every_steps": 1},
        train={"epochs": epochs},
    )


def test_stopping_within_restarts_and_ramps_changes_nothing(tmp_path, monkeypatch):
    train(tmp_path / "whole", changing(4))  # 12 steps
    result, calls = train_step_by_step(
        monkeypatch, lambda: train(tmp_path / "parts", changing(4)), steps=5
    )
    assert calls == 3 and result.epochs == 4
    whole, parts = (tmp_path / name / "metrics.csv" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    for which in ("last", "best"):
        one, other = (
            checkpoint.load_variables(tmp_path / name, which)[0] for name in ("whole", "parts")
        )
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_rate_restarts(tmp_path):
    train(tmp_path, changing(4))
    rates = [float(row["lr"]) for row in records.read_csv(tmp_path / "metrics.csv")]
    # Warm-up, then a cycle of two epochs, then the next begins.
    assert rates[0] == pytest.approx(4e-4) and rates[1] < 4e-4 / 1.5
    assert rates[2] == pytest.approx(4e-4)


def test_what_changes_over_a_run_has_an_effect(tmp_path):
    """Dropout that sets in at step 4 changes nothing before and everything after."""
    late = changing(4)
    never = changing(4)
    never.net.late_dropout = 0.0
    train(tmp_path / "late", late)
    train(tmp_path / "never", never)
    one, other = (records.read_csv(tmp_path / n / "metrics.csv") for n in ("late", "never"))
    steps = 3  # an epoch: 12 clips by 4
    before = [i for i in range(4) if (i + 1) * steps <= 4]
    assert before and all(one[i]["train_loss"] == other[i]["train_loss"] for i in before)
    assert one[-1]["train_loss"] != other[-1]["train_loss"]


def test_keypoint_augmentation_on_landmarks_is_refused(tmp_path):
    config = tiny_asl(input={"augment": {"noise_std": 0.1}})
    with pytest.raises(UserError, match="not of both"):
        train(tmp_path, config)
