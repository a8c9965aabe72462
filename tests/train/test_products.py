"""Matrix products whose factors are rounded to bfloat16."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import train_here

from jaxsign.train import products, records

# Powers of two apart: what is rounded and what is not shows in every number.
LEFT = 1 + 2.0**-10 * np.arange(300 * 256, dtype=np.float32).reshape(300, 256) / (300 * 256)
RIGHT = np.linspace(-1, 1, 256 * 300, dtype=np.float32).reshape(256, 300)


def rounded(a):
    return np.asarray(jnp.asarray(a).astype(jnp.bfloat16).astype(jnp.float32), np.float64)


FAR = np.abs(rounded(LEFT) @ rounded(RIGHT) - LEFT.astype(float) @ RIGHT).max()


def test_factors_are_rounded_and_sums_are_not():
    found = products.in_bfloat16(jnp.matmul)(LEFT, RIGHT)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, rounded(LEFT) @ rounded(RIGHT), rtol=1e-4, atol=1e-4)


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
    np.testing.assert_allclose(found, exact(LEFT, RIGHT), rtol=0, atol=FAR / 10)


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
    np.testing.assert_allclose(found, rounded(LEFT) @ rounded(RIGHT), rtol=1e-4, atol=1e-4)


def test_products_of_gradients_change_too():
    def gradient(a, b):
        return jax.grad(lambda a: (a @ b).sum())(a)

    ones = np.ones((300, 300))
    found = products.in_bfloat16(gradient)(LEFT, RIGHT)
    np.testing.assert_allclose(found, ones @ rounded(RIGHT).T, rtol=1e-4, atol=1e-4)


def test_named_arguments_and_trees_come_as_they_were_given():
    def function(tree, *, more):
        return {"sum": tree["a"] + more, "same": tree["b"]}

    found = products.in_bfloat16(function)({"a": 1.0, "b": 2.0}, more=3.0)
    assert {key: float(value) for key, value in found.items()} == {"sum": 4.0, "same": 2.0}


@pytest.mark.parametrize("parallel", ["pmap", "jit"])
def test_a_run_trains_with_them(tmp_path, monkeypatch, parallel):
    monkeypatch.setattr(products, "_LARGE", 1)
    losses = {}
    for precision in ("float32", "bfloat16_products"):
        run = tmp_path / precision
        train_here(run, f"parallel={parallel}", f"precision={precision}", "train.epochs=1")
        (epoch,) = records.read_csv(run / "metrics.csv")
        losses[precision] = float(epoch["train_loss"])
    near, exact = losses["bfloat16_products"], losses["float32"]
    assert near != exact and near == pytest.approx(exact, rel=0.02)
