"""Optimizers follow torch's, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import optimizer, precision

torch = pytest.importorskip("torch")


def options(**changes):
    base = configs.base().optim
    base.update(changes)
    return base


CASES = {
    "adam": (dict(name="adam", weight_decay=0.01), torch.optim.Adam, dict(weight_decay=0.01)),
    "adamw": (dict(name="adamw", weight_decay=0.1), torch.optim.AdamW, dict(weight_decay=0.1)),
    "sgd": (
        dict(name="sgd", weight_decay=0.01, momentum=0.8),
        torch.optim.SGD,
        dict(weight_decay=0.01, momentum=0.8),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_ten_steps_equal_torch(name):
    changes, cls, arguments = CASES[name]
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3)).astype(np.float32)
    gradients = rng.normal(size=(10, 4, 3)).astype(np.float32) * 5
    weight = torch.nn.Parameter(torch.tensor(start))
    reference = cls([weight], lr=0.01, **arguments)
    ours = optimizer.build(options(grad_clip=1.0, **changes))
    params = {"w": jnp.asarray(start)}
    state = ours.init(params)
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        torch.nn.utils.clip_grad_norm_([weight], 1.0)
        reference.step()
        updates, state = ours.update({"w": jnp.asarray(gradient)}, state, params)
        params = jax.tree.map(lambda p, u: p - 0.01 * u, params, updates)
    np.testing.assert_allclose(params["w"], weight.detach().numpy(), rtol=2e-5, atol=1e-6)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="Did you mean 'adamw'"):
        optimizer.build(options(name="adamww"))
    with pytest.raises(UserError, match="Did you mean 'bfloat16'"):
        precision.compute_dtype("bfloat")


def test_loss_scale_halves_on_overflow_and_grows_after_a_streak():
    scale = precision.LossScale(jnp.float32(8.0), jnp.int32(0), interval=3)
    seen = []
    for finite in (True, True, True, False, True):
        scale = scale.update(jnp.bool_(finite))
        seen.append(float(scale.scale))
    assert seen == [8, 8, 16, 8, 8]


def test_auto_precision_is_float32_on_a_cpu():
    assert precision.compute_dtype("auto") == jnp.float32
