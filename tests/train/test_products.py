"""Matrix products whose factors are rounded to bfloat16."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import train_here

from jaxsign.nets.layers import backend
from jaxsign.train import products, records, step

LEFT, RIGHT = (
    np.random.default_rng(0).standard_normal(shape, np.float32)
    for shape in ((300, 256), (256, 300))
)


def rounded(a):
    return np.asarray(jnp.asarray(a).astype(jnp.bfloat16).astype(jnp.float32), np.float64)


def assert_rounded(found, left, right):
    """It is the product of rounded factors, which most numbers of the exact one differ from."""
    near, exact = rounded(left) @ rounded(right), left.astype(float) @ right
    np.testing.assert_allclose(found, near, rtol=1e-4, atol=1e-4)
    assert (~np.isclose(exact, near, rtol=1e-4, atol=1e-4)).mean() > 0.9


def test_factors_are_rounded_and_sums_are_not():
    found = products.in_bfloat16(jnp.matmul)(LEFT, RIGHT)
    assert found.dtype == jnp.float32
    assert_rounded(found, LEFT, RIGHT)


@pytest.mark.parametrize(
    "exact",
    [
        lambda a, b: jnp.matmul(a, b, precision="highest"),
        lambda a, b: a[:8] @ b,  # small
        lambda a, b: jnp.einsum("nij,njk->nik", a[None], b[None]),
        lambda a, b: a.astype(jnp.float16) @ b.astype(jnp.float16),
    ],
)
def test_what_is_exact_or_not_for_a_processor_stays(exact):
    found = products.in_bfloat16(exact)(LEFT, RIGHT)
    np.testing.assert_allclose(found, exact(LEFT, RIGHT), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "around",
    [
        jax.jit,
        lambda f: jax.jit(lambda a, b: f(b.T, a.T).T),
        jax.checkpoint,
        lambda f: lambda a, b: jax.lax.scan(lambda c, x: (c, f(x, b)), 0, a[None])[1][0],
        lambda f: lambda a, b: jax.lax.cond(a[0, 0] > 0, f, lambda a, b: b.T @ a.T, a, b),
        lambda f: lambda a, b: jax.pmap(f)(a[None], b[None])[0],
    ],
)
def test_products_inside_of_other_programs_change_too(around):
    found = products.in_bfloat16(around(jnp.matmul))(LEFT, RIGHT)
    assert_rounded(found, LEFT, RIGHT)


def test_products_of_gradients_change_too():
    def gradient(a, b):
        return jax.grad(lambda a: ((a @ b) * weights).sum())(a)

    weights = np.random.default_rng(1).standard_normal((300, 300), np.float32)
    found = products.in_bfloat16(gradient)(LEFT, RIGHT)
    assert_rounded(found, weights, RIGHT.T)


def test_on_an_accelerator_all_change_but_exact_ones():
    def function(a, b):
        small = jnp.einsum("nij,njk->nik", a[None, :2], b[None])
        return small @ small.mT, jnp.matmul(a, b, precision="highest"), a.astype(jnp.float16) @ b

    with backend.plain():
        text = str(jax.make_jaxpr(products.in_bfloat16(function))(LEFT, RIGHT))
    assert text.count("preferred_element_type=float32") >= 2
    assert text.count("new_dtype=bfloat16") == 4  # two factors of two products


def test_named_arguments_and_trees_come_as_they_were_given():
    def function(tree, *, more):
        return {"sum": tree["a"] + more, "same": tree["b"]}

    found = products.in_bfloat16(function)({"a": 1.0, "b": 2.0}, more=3.0)
    assert {key: float(value) for key, value in found.items()} == {"sum": 4.0, "same": 2.0}


def test_a_run_trains_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr(
        step.products, "in_bfloat16", functools.partial(products.in_bfloat16, large=1)
    )
    losses = {}
    for precision in ("float32", "bfloat16_products"):
        run = tmp_path / precision
        train_here(run, f"precision={precision}", "train.epochs=1")
        (epoch,) = records.read_csv(run / "metrics.csv")
        losses[precision] = float(epoch["train_loss"])
    near, exact = losses["bfloat16_products"], losses["float32"]
    assert near != exact and near == pytest.approx(exact, rel=0.02)
