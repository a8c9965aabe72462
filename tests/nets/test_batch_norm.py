"""BatchNorm: torch's numbers, masks, and one set of statistics over several devices."""

import os
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import GOLDEN, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.nets.layers import batch_norm, inception_blocks
from parity import cases


def _init(net, x):
    return net.init(jax.random.key(0), x)


def _train(net, variables, x, valid=None):
    y, updates = net.apply(variables, x, valid, train=True, mutable=["batch_stats"])
    return np.asarray(y), jax.tree.map(np.asarray, updates["batch_stats"])


@pytest.fixture
def x():
    # A mean far from zero: a one-pass variance would lose its digits here.
    return 100 + np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)


def test_original_conv_unit_in_train_mode():
    case = cases.load(GOLDEN / "fslr" / "basicconv_train_bn.npz")
    stored = case.under("param/")
    unit = inception_blocks.Unit("unit", 8, (3, 3), 2, False)
    variables = {
        "params": {
            "conv": {"kernel": stored["conv.weight"].transpose(2, 3, 1, 0)},
            "bn": {"scale": stored["bn.weight"], "bias": stored["bn.bias"]},
        },
        "batch_stats": {
            "bn": {
                "mean": stored["bn.running_mean"],
                "var": stored["bn.running_var"],
                "count": stored["bn.num_batches_tracked"].astype(np.int32),
            }
        },
    }
    frames = case.inputs["x"].transpose(0, 2, 3, 1)
    y, updates = inception_blocks.ConvUnit(unit).apply(
        variables, frames, train=True, mutable=["batch_stats"]
    )
    wanted = case.expected
    _, atol = case.meta["tolerance"]["default"]
    stats = updates["batch_stats"]["bn"]
    np.testing.assert_allclose(np.moveaxis(y, -1, 1), wanted["output/y"], rtol=0, atol=atol)
    np.testing.assert_allclose(stats["mean"], wanted["after/bn.running_mean"], rtol=0, atol=atol)
    np.testing.assert_allclose(stats["var"], wanted["after/bn.running_var"], rtol=0, atol=atol)
    assert int(stats["count"]) == int(wanted["after/bn.num_batches_tracked"])


def test_init_leaves_the_statistics_alone(x):
    variables = batch_norm.BatchNorm().init(jax.random.key(0), x, train=True)
    stats = variables["batch_stats"]
    assert np.all(stats["mean"] == 0) and np.all(stats["var"] == 1) and stats["count"] == 0
    assert stats["count"].dtype == jnp.int32


def test_train_mode_against_numpy(x):
    net = batch_norm.BatchNorm(momentum=0.25, epsilon=1e-3)
    y, stats = _train(net, _init(net, x), x)
    flat = x.reshape(-1, 3).astype(np.float64)
    want = (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-3)
    np.testing.assert_allclose(y, want, atol=2e-4)
    np.testing.assert_allclose(stats["mean"], 0.25 * flat.mean(0), rtol=1e-6)
    np.testing.assert_allclose(stats["var"], 0.75 + 0.25 * flat.var(0, ddof=1), rtol=1e-5)
    assert stats["count"] == 1


def test_eval_mode_uses_the_running_statistics(x):
    net = batch_norm.BatchNorm()
    variables = _init(net, x)
    variables["batch_stats"] |= {"mean": np.float32([1, 2, 3]), "var": np.float32([4, 9, 16])}
    want = (x - np.float32([1, 2, 3])) / np.sqrt(np.float32([4, 9, 16]) + 1e-5)
    np.testing.assert_allclose(net.apply(variables, x), want, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(0, 7), min_size=5, max_size=5), fill=st.floats(-1e3, 1e3))
def test_invalid_positions_do_not_count(lengths, fill):
    values = np.random.default_rng(1).normal(size=(5, 7, 3)).astype(np.float32)
    valid = np.arange(7) < np.array(lengths)[:, None]
    padded = np.where(valid[..., None], values, np.float32(fill))
    net = batch_norm.BatchNorm()
    variables = _init(net, values)
    y, stats = _train(net, variables, padded, valid)
    if not valid.any():
        np.testing.assert_array_equal(stats["mean"], 0)
        np.testing.assert_array_equal(stats["var"], 1)
        return
    alone, wanted = _train(net, variables, values[valid])
    np.testing.assert_allclose(y[valid], alone, atol=1e-4)
    if valid.sum() > 1:
        np.testing.assert_allclose(stats["mean"], wanted["mean"], atol=1e-6)
        np.testing.assert_allclose(stats["var"], wanted["var"], rtol=1e-5)


def test_padding_may_hold_nan(x):
    valid = np.ones((5, 7), bool)
    valid[:, 5:] = False
    net = batch_norm.BatchNorm()
    y, stats = _train(net, _init(net, x), np.where(valid[..., None], x, np.nan), valid)
    assert np.isfinite(y[valid]).all() and np.isfinite(stats["var"]).all()


def test_statistics_stay_float32_under_bfloat16(x):
    net = batch_norm.BatchNorm(dtype=jnp.bfloat16)
    variables = _init(net, x)
    y, updates = net.apply(variables, x.astype(jnp.bfloat16), train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert updates["batch_stats"]["mean"].dtype == updates["batch_stats"]["var"].dtype == np.float32


def test_four_devices_share_their_statistics():
    """Uneven masks on four devices give the output, statistics and gradients of one device."""
    program = textwrap.dedent(
        """
        import jax, numpy as np
        from jaxsign.nets.layers import batch_norm
        assert jax.device_count() == 4
        rng = np.random.default_rng(0)
        x = rng.normal(3, 2, (8, 6, 5)).astype(np.float32)
        probe = rng.normal(size=x.shape).astype(np.float32)
        valid = np.arange(6) < np.array([6, 1, 2, 6, 0, 0, 3, 5])[:, None]
        one, four = batch_norm.BatchNorm(), batch_norm.BatchNorm(axis_name='data')
        variables = one.init(jax.random.key(0), x)

        def run(net, x, valid, probe):
            def loss(x):
                y, new = net.apply(variables, x, valid, train=True, mutable=['batch_stats'])
                return (y * probe * valid[..., None]).sum(), (y, new['batch_stats'])
            gradient, (y, stats) = jax.grad(loss, has_aux=True)(x)
            return y, stats, gradient

        want = run(one, x, valid, probe)
        split = [a.reshape(4, 2, *a.shape[1:]) for a in (x, valid, probe)]
        y, stats, gradient = jax.pmap(lambda *a: run(four, *a), axis_name='data')(*split)
        np.testing.assert_allclose(y.reshape(x.shape), want[0], atol=1e-5)
        np.testing.assert_allclose(gradient.reshape(x.shape), want[2], atol=1e-5)
        for name in ('mean', 'var', 'count'):
            for row in stats[name]:
                np.testing.assert_allclose(row, want[1][name], atol=1e-6)
        """
    )
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, **flags}
    )
