"""The ASL hybrid's recipe: regularisation that changes over a run, restarts, landmarks with NaN."""

import jax
import numpy as np
import pytest
from running import changing_asl, tiny_asl, train, train_step_by_step

from jaxsign.errors import UserError
from jaxsign.train import records, weights


def test_stopping_within_restarts_and_ramps_changes_nothing(asl_run, tmp_path):
    parts = tmp_path / "parts"
    result, calls = train_step_by_step(lambda n: train(parts, changing_asl(), n), steps=5)
    assert calls == 3 and result.epochs == 4
    assert (asl_run / "metrics.csv").read_bytes() == (parts / "metrics.csv").read_bytes()
    for which in ("last", "best"):
        one, other = (weights.load_variables(folder, which)[0] for folder in (asl_run, parts))
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_rate_restarts(asl_run):
    rates = [float(row["lr"]) for row in records.read_csv(asl_run / "metrics.csv")]
    # Warm-up, then a cycle of two epochs, then the next begins.
    assert rates[0] == pytest.approx(4e-4) and rates[1] < 4e-4 / 1.5
    assert rates[2] == pytest.approx(4e-4)


def test_what_sets_in_late_changes_nothing_before(asl_run, tmp_path):
    never = changing_asl(2)
    never.net.late_dropout = 0.0
    train(tmp_path, never)
    late, plain = (
        [float(row["train_loss"]) for row in records.read_csv(folder / "metrics.csv")]
        for folder in (asl_run, tmp_path)
    )
    # The fourth step is the first one of the second epoch; dropout begins with the fifth.
    assert late[0] == plain[0] and late[1] != plain[1]


def test_keypoint_augmentation_on_landmarks_is_refused(tmp_path):
    config = tiny_asl(input={"augment": {"noise_std": 0.1}})
    with pytest.raises(UserError, match="not of several"):
        train(tmp_path, config)
