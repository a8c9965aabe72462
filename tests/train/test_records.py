"""What a run remembers: sums that may be arrays, and the scores that choose and stop."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.tasks.classes import loss as losses
from jaxsign.tasks.classes import task as classes
from jaxsign.train import optimizer, records, step
from jaxsign.train import state as states

CLASSES = 3


class Chosen(nn.Module):
    """Logits [B, 3] that are the input and a parameter."""

    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        offset = self.param("offset", nn.initializers.zeros, ())
        return {"logits": {"gloss": x[:, 0] + offset}}


class MacroF1(classes.Classify):
    """Counts right answers, answers and examples of every class."""

    def loss(self, variables, batch, rng, now):
        logits = variables["params"]["offset"] + batch["x"][:, 0]
        ones = jax.nn.one_hot(batch["gloss"], CLASSES) * batch["weight"][:, None]
        found = jax.nn.one_hot(logits.argmax(-1), CLASSES) * batch["weight"][:, None]
        sums = {"right": (ones * found).sum(0), "found": found.sum(0), "there": ones.sum(0)}
        loss = (logits.sum(-1) * batch["share"]).sum()
        return tasks.Learnt(loss, {"examples": batch["weight"].sum(), "loss": loss, **sums}, {})

    def summarise(self, sums):
        f1 = 2 * sums["right"] / np.maximum(sums["found"] + sums["there"], 1)
        return {"loss": 0.0, "f1": float(f1.mean())}


def test_sums_may_be_arrays_on_their_way_from_the_step_to_the_checkpoint_and_back():
    config = configs.base()
    task = MacroF1(Chosen(), losses.HeadLosses(("gloss",), "ce"))
    transform = optimizer.build(config.optim)
    steps = step.build(task, transform, ("offset",), devices=jax.local_devices()[:1])
    variables = {"params": {"offset": jnp.float32(0)}}
    state = steps.place(states.create(variables, transform, ("offset",), seed=0))
    answers, truth = np.array([[0, 1, 2], [2, 2, 0]]), np.array([[0, 1, 1], [2, 1, 0]])
    batch = {
        "x": np.eye(CLASSES, dtype=np.float32)[answers][:, :, None],
        "weight": np.array([[1, 1, 1], [1, 1, 0]], np.float32),
        "gloss": truth.astype(np.int32),
    }
    at = records.Records()
    for _ in range(2):  # of two micro-batches each
        state, metrics = steps.train(state, steps.put_train(batch), {"lr": jnp.float32(0)})
        values = steps.scalars(metrics)
        at.add({k: v for k, v in values.items() if k not in ("grad_norm", "finite")})
        at = records.Records.from_json(json.loads(json.dumps(at.to_json())))
    np.testing.assert_array_equal(at.sums["right"], [2, 2, 2])
    np.testing.assert_array_equal(at.sums["there"], [2, 6, 2])
    assert at.sums["examples"] == 10.0
    means = task.summarise(at.sums)
    assert means["f1"] == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_numbers_that_are_not_finite_come_back():
    at = records.Records(
        best=records.Best(-math.inf), sums={"loss": math.nan, "each": np.array([1.0, math.nan])}
    )
    back = records.Records.from_json(json.loads(json.dumps(at.to_json(), allow_nan=False)))
    assert back.best.score == -math.inf and math.isnan(back.sums["loss"])
    np.testing.assert_array_equal(back.sums["each"], [1.0, math.nan])


def test_what_stops_need_not_be_what_is_best():
    at = records.Records()
    for epoch, (accuracy, loss) in enumerate([(0.5, 1.0), (0.4, 0.8), (0.6, 0.75)], 1):
        at.epoch = epoch
        at.best.observe(epoch, accuracy)
        at.observe_stopping(-loss, min_delta=0.1)
    assert (at.best.score, at.best.epoch) == (0.6, 3)
    assert (at.stop_best, at.since_best) == (-0.8, 1)
    at.next_stage(reset_best=False, reset_stop=True)
    assert (at.best.score, at.stop_best, at.since_best) == (0.6, None, 0)


@pytest.mark.parametrize(
    ("resets", "kept", "after"),
    [
        ({}, False, (0.5, 0)),
        ({}, True, (0.5, 2)),
        ({"reset_stop": True}, True, (None, 0)),
        ({"reset_best": True}, True, (None, 0)),
    ],
)
def test_early_stopping_counts_on_in_the_next_stage_or_anew(resets, kept, after):
    at = records.Records(stop_best=0.5, since_best=2)
    at.next_stage(**{"reset_best": False, "reset_stop": False, **resets}, keep_count=kept)
    assert (at.stop_best, at.since_best) == after


def test_of_equal_scores_the_lower_loss_is_best_and_then_the_first():
    at, best = records.Best(), []
    scores = [(0.5, 1.0), (1.0, 0.9), (1.0, 0.7), (1.0, 0.7), (0.9, 0.1), (1.0, math.nan)]
    for epoch, (score, loss) in enumerate(scores, 1):
        best.append(at.observe(epoch, score, loss))
    assert best == [True, True, True, False, False, False]
    assert (at.score, at.epoch, at.loss) == (1.0, 3, 0.7)


def test_a_run_from_before_ties_were_told_apart_goes_on_as_it_began():
    entries = {**records.Records().to_json(), "best": 0.5, "best_epoch": 2}
    at = records.Records.from_json(entries)
    for epoch, score in ((3, 0.5), (4, 0.6), (5, 0.6)):
        at.best.observe(epoch, score, 1 / epoch)
        at = records.Records.from_json(json.loads(json.dumps(at.to_json(), allow_nan=False)))
    assert (at.best.score, at.best.epoch) == (0.6, 4)


def test_records_made_with_one_score_for_both_go_on():
    entries = {**records.Records(since_best=2).to_json(), "best": 0.5, "best_epoch": 2}
    del entries["stop_best"]
    assert records.Records.from_json(entries).stop_best == 0.5
