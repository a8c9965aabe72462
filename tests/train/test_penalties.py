"""Penalties on parameters, and classifiers that start at the classes' shares."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.train import initial, optimizer, penalties, step
from jaxsign.train import state as states

PARAMS = {
    "a/kernel": jnp.array([[3.0, -4.0]]),
    "a/bias": jnp.array([0.0, 0.0]),
    "b/kernel": jnp.array([6.0, 8.0]),
}


def test_norms_of_the_arrays_that_a_pattern_matches():
    rows = (("^a/", "l1", 0.5), ("kernel$", "l2norm", 0.1))
    found = penalties.resolve(rows, list(PARAMS))
    value, grads = jax.value_and_grad(lambda p: penalties.total(found, p))(PARAMS)
    assert float(value) == pytest.approx(0.5 * 7 + 0.1 * (5 + 10))
    np.testing.assert_allclose(grads["a/kernel"], [[0.5 + 0.06, -0.5 - 0.08]], rtol=1e-6)
    np.testing.assert_allclose(grads["b/kernel"], [0.06, 0.08], rtol=1e-6)
    (largest,) = penalties.resolve((("kernel$", "spectral", 1.0),), list(PARAMS))
    matrix = {"a/kernel": jnp.array([[3.0, 0.0], [0.0, -2.0]]), "b/kernel": PARAMS["b/kernel"]}
    assert float(penalties.total([largest], matrix)) == pytest.approx(3 + 10)
    zero = jax.grad(lambda p: penalties.total(found, p))({k: 0 * v for k, v in PARAMS.items()})
    assert all(np.isfinite(g).all() for g in zero.values())
    with pytest.raises(UserError, match="loss.penalties: the pattern '.c' matches no parameter"):
        penalties.resolve((("^c", "l1", 1.0),), list(PARAMS))


class Shifted(nets.Net):
    """Logits [a, 0] with a parameter a."""

    class_biases = {"gloss": "offset"}

    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        first = jnp.zeros(len(x)) + self.param("offset", nn.initializers.constant(2.0), (1,))
        return {"logits": {"gloss": jnp.stack([first, jnp.zeros_like(first)], -1)}}


def test_they_are_part_of_the_loss_of_training_once_a_step():
    config = configs.base()
    config.task.heads, config.loss.weights = ("gloss",), (1.0,)
    config.optim.update(name="sgd", momentum=0.0)
    task, transform = tasks.build(config, Shifted()), optimizer.build(config.optim)
    found = penalties.resolve((("offset", "l1", 0.25),), ["offset"])
    steps = step.build(
        task, transform, ("offset",), penalties=found, devices=jax.local_devices()[:1]
    )
    batch = {
        "x": np.zeros((2, 3, 4, 1), np.float32),  # two micro-batches
        "valid": np.ones((2, 3, 4), bool),
        "weight": np.ones((2, 3), np.float32),
        "gloss": np.zeros((2, 3), np.int32),
    }
    variables = {"params": {"offset": jnp.array([2.0])}}
    state = steps.place(states.create(variables, transform, ("offset",), seed=0))
    rates = {"lr": jnp.float32(1), "loss_weights": jnp.ones(1)}
    after, sums = steps.train(state, steps.put_train(batch), rates)
    loss = np.log1p(np.exp(-2.0))
    assert task.means(sums)["loss"] == pytest.approx(loss + 0.5, rel=1e-6)
    slope = -1 / (1 + np.exp(2.0)) + 0.25
    assert float(after.params["offset"][0]) == pytest.approx(2 - slope, rel=1e-5)
    evaluated = steps.evaluate(after, steps.put_eval({k: v[0] for k, v in batch.items()}), rates)
    at = float(after.params["offset"][0])
    assert float(evaluated.sums["loss"]) / 3 == pytest.approx(np.log1p(np.exp(-at)), rel=1e-5)


def test_a_classifier_starts_at_the_classes_shares():
    params = {"offset": np.zeros(4), "other": np.ones(2)}
    found = initial.with_biases(params, Shifted(), {"gloss": np.array([6, 0, 2, 0])})
    np.testing.assert_allclose(found["offset"], np.log([6 / 8, 1 / 8, 2 / 8, 1 / 8]), rtol=1e-6)
    np.testing.assert_array_equal(found["other"], 1)
    with pytest.raises(UserError, match="train.bias_init: the net .* names no classifier's bias"):
        initial.with_biases({"other": np.ones(2)}, Shifted(), {"gloss": np.array([1])})
