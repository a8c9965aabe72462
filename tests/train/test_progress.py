"""What a run's position tells a net whose regularisation changes with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.train import optimizer, step
from jaxsign.train import state as states


class Scaled(nets.Net):
    """Logits [a, 0] with a = epoch * 100 + step + parameter: the loss shows what came in."""

    uses_progress = True

    @nn.compact
    def __call__(self, x, valid=None, *, train=False, progress=None):
        offset = self.param("offset", nn.initializers.zeros, ())
        position = 0.0
        if train:
            position = progress.epoch * 100 + progress.step.astype(jnp.float32)
        first = jnp.full(len(x), position) + offset
        return {"logits": {"gloss": jnp.stack([first, jnp.zeros_like(first)], -1)}}


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_net_that_asks_gets_epoch_and_step(epoch):
    config = configs.base()
    config.task.heads, config.loss.weights = ("gloss",), (1.0,)
    config.optim.update(name="sgd", momentum=0.0)
    task = tasks.build(config, Scaled())
    batch = {
        "x": np.zeros((1, 2, 3, 1), np.float32),
        "valid": np.ones((1, 2, 3), bool),
        "weight": np.ones((1, 2), np.float32),
        "gloss": np.ones((1, 2), np.int32),
    }
    transform = optimizer.build(config.optim)
    steps = step.build(task, transform, ("offset",), devices=jax.local_devices()[:1])
    variables = {"params": {"offset": jnp.float32(0)}}
    state = steps.place(states.create(variables, transform, ("offset",), seed=0, step=7))
    rates = {"lr": jnp.float32(0), "loss_weights": jnp.ones(1), "epoch": jnp.float32(epoch)}
    for done in (7, 8):
        state, metrics = steps.train(state, steps.put_train(batch), rates)
        # Cross entropy of the wrong class: log(1 + exp(a)).
        wanted = np.logaddexp(0, epoch * 100 + done)
        assert float(metrics["loss"]) / 2 == pytest.approx(wanted, rel=1e-5)
