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


def test_eps_may_stand_before_the_bias_correction():
    """As the old AdamW that STTran has copied; it shows where gradients are as small as eps."""
    weight, mean, square = 1.0, 0.0, 0.0
    given = options(name="adamw", eps=1e-3, eps_corrected=False, weight_decay=0.1)
    ours = optimizer.build(given)
    params = {"w": jnp.float32(weight)}
    state = ours.init(params)
    for step, gradient in enumerate((1e-3, -2e-3, 3e-3), start=1):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        weight *= 1 - 0.01 * 0.1
        size = 0.01 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        weight -= size * mean / (square**0.5 + 1e-3)
        updates, state = ours.update({"w": jnp.float32(gradient)}, state, params)
        params = jax.tree.map(lambda p, u: p - 0.01 * u, params, updates)
        np.testing.assert_allclose(params["w"], weight, rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_thawed_parameters_with_factors_equal_torchs_groups(name):
    """Torch counts steps for each parameter: one that joins later has its own bias correction."""
    changes, cls, arguments = CASES[name]
    rng = np.random.default_rng(1)
    start = rng.normal(size=(2, 4)).astype(np.float32)
    gradients = rng.normal(size=(8, 2, 4)).astype(np.float32)
    head, body = (torch.nn.Parameter(torch.tensor(one)) for one in start)
    reference = cls([{"params": [head], "lr": 0.01}], **arguments)
    params, factors = {"head": jnp.asarray(start[0]), "body": jnp.asarray(start[1])}, {"body": 0.1}
    chosen = {"head": params["head"]}
    ours = optimizer.build(options(**changes))
    state = ours.init(chosen)
    for step, (of_head, of_body) in enumerate(gradients):
        if step == 4:
            reference.add_param_group({"params": [body], "lr": 0.001, **arguments})
            chosen = {**chosen, "body": params["body"]}
            ours = optimizer.build(options(grad_clip=1e9, **changes), factors, apart=True)
            state = optimizer.with_moments(ours.init(chosen), state)
        head.grad, body.grad = torch.tensor(of_head), torch.tensor(of_body)
        reference.step()
        now = {"head": jnp.asarray(of_head), "body": jnp.asarray(of_body)}
        updates, state = ours.update({k: now[k] for k in chosen}, state, chosen)
        chosen = jax.tree.map(lambda p, u: p - 0.01 * u, chosen, updates)
    for found, wanted in ((chosen["head"], head), (chosen["body"], body)):
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=2e-5, atol=1e-6)


def test_factors_by_patterns():
    paths = ("backbone/a", "backbone/b", "head/a")
    patterns = (("backbone/a", 0.01), ("^backbone/", 0.1))
    assert optimizer.lr_factors(paths, patterns) == {"backbone/a": 0.01, "backbone/b": 0.1}
    with pytest.raises(UserError, match="optim.lr_factors: the pattern '.boddy' matches no"):
        optimizer.lr_factors(paths, [("^boddy", 0.1)])


def test_loss_scale_halves_on_overflow_and_grows_after_a_streak():
    scale = precision.LossScale(jnp.float32(8.0), jnp.int32(0), interval=3)
    seen = []
    for finite in (True, True, True, False, True):
        scale = scale.update(jnp.bool_(finite))
        seen.append(float(scale.scale))
    assert seen == [8, 8, 16, 8, 8]


def test_auto_precision_is_float32_on_a_cpu():
    assert precision.compute_dtype("auto") == jnp.float32


def test_numbers_of_the_gradient_are_clipped_one_by_one():
    changes = {"name": "sgd", "momentum": 0.0, "grad_clip": 0.5, "clip_by": "value"}
    ours = optimizer.build(options(**changes))
    gradient = {"a": jnp.array([0.2, -3.0]), "b": jnp.array([0.5])}
    found, _ = ours.update(gradient, ours.init(gradient), gradient)
    np.testing.assert_allclose(found["a"], [0.2, -0.5])
    np.testing.assert_allclose(found["b"], [0.5])
