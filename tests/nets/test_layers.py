"""Each fast layer equals its plain form in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.nets.layers import (
    attention,
    backend,
    dense,
    depthwise,
    long_attention,
    mixture_head,
    norm,
    recurrent,
    whole_attention,
)


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def assert_same_with_gradients(fast, plain, *arguments, rtol=2e-5):
    """Values and gradients with respect to all arguments, for a random cotangent."""
    y = plain(*arguments)
    cotangent = normal(99, *y.shape)

    def pulled(f):
        out, back = jax.vjp(f, *arguments)
        return out, back(cotangent)

    (a, grads_a), (b, grads_b) = jax.jit(lambda: pulled(fast))(), jax.jit(lambda: pulled(plain))()
    for x, y in zip(jax.tree.leaves((a, grads_a)), jax.tree.leaves((b, grads_b)), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * float(jnp.abs(y).max() + 1e-6))


def test_a_parameter_of_another_shape_is_refused_by_name():
    layer, x = dense.Dense(3), jnp.ones((2, 4))
    variables = {"params": {"kernel": jnp.ones((4, 3)), "bias": jnp.ones(2)}}
    with pytest.raises(errors.ScopeParamShapeError, match=r'"bias" in "/".*\(3,\).*\(2,\)'):
        layer.apply(variables, x)


def test_the_fast_forms_are_the_ones_tested():
    assert backend.on_cpu()


@pytest.mark.parametrize(("shape", "features"), [((3, 5, 7), 11), ((2, 512, 130), 128)])
def test_dense(shape, features):
    arguments = normal(0, *shape), normal(1, shape[-1], features), normal(2, features)
    assert_same_with_gradients(dense.dense, lambda x, w, b: x @ w + b, *arguments)


@pytest.mark.parametrize(("rows", "features"), [(5, 11), (20, 11), (1030, 70)])
def test_dense_rows(rows, features):
    arguments = normal(0, rows, 7), normal(1, features, 7), normal(2, features)
    assert_same_with_gradients(dense.dense_rows, lambda x, w, b: x @ w.T + b, *arguments)


def test_few_rows_of_many_terms_are_summed_in_blocks():
    """The squared error is far below that of a sum of one term after the other."""
    x, kernel = normal(0, 9, 1936), normal(1, 1936, 64)
    assert_same_with_gradients(dense.dense, lambda x, w: x @ w, x, kernel)
    exact = np.asarray(x, np.float64) @ np.asarray(kernel, np.float64)
    in_a_row = np.cumsum(np.asarray(x)[:, :, None] * np.asarray(kernel), axis=1)[:, -1]
    for found in (jax.jit(dense.dense)(x, kernel), jax.jit(dense.dense_rows)(x, kernel.T)):
        assert np.square(found - exact).mean() < 0.2 * np.square(in_a_row - exact).mean()


def test_layer_norm():
    def plain(x, scale, bias):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return scale * (x - mean) / jnp.sqrt(var + 1e-6) + bias

    arguments = 3 * normal(0, 4, 6, 16) + 1, normal(1, 16), normal(2, 16)
    assert_same_with_gradients(lambda *a: norm.layer_norm(*a, 1e-6), plain, *arguments)


def test_softmax():
    assert_same_with_gradients(
        attention.softmax, lambda s: jax.nn.softmax(s, axis=-1), 5 * normal(0, 2, 3, 9)
    )


def plain_attention(q, k, v, valid, keep, rate):
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(q.shape[-1])
    weights = jax.nn.softmax(jnp.where(valid[:, None, None], scores, -jnp.inf), axis=-1)
    weights = jnp.where(keep, weights / (1 - rate), 0)
    return jnp.einsum("bhqk,bhkd->bhqd", weights, v)


FORMS = {
    "plain": lambda *a: attention.attend(*a)[0],
    "whole": whole_attention.attend,
    "blocks": long_attention.attend,
}


@pytest.mark.parametrize("frames", [6, 64])
@pytest.mark.parametrize("form", FORMS)
def test_attention(form, frames):
    q, k, v = (normal(i, 3, 2, frames, 4) for i in range(3))
    valid = jnp.arange(frames) < jnp.array([frames, 4, 1])[:, None]
    keep = jax.random.bernoulli(jax.random.key(5), 0.8, (3, 2, frames, frames))
    assert_same_with_gradients(
        lambda q, k, v: FORMS[form](q, k, v, valid, keep, 0.2),
        lambda q, k, v: plain_attention(q, k, v, valid, keep, 0.2),
        q, k, v,
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_without_a_mask_the_rate_of_dropout_does_not_matter(form):
    q = normal(0, 1, 2, 6, 4)
    asked, expected = (FORMS[form](q, q, q, None, None, rate) for rate in (0.3, 0.0))
    np.testing.assert_allclose(asked, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7), (3, 1, 5, 7), (1, 2, 1, 7)])
@pytest.mark.parametrize("seen", ["all", "keys", "pairs"])
def test_attention_with_a_bias(seen, shape):
    """Some see none of the keys: they have equal weights, which have no gradient."""
    q, k, v = normal(0, 3, 2, 5, 4), normal(1, 3, 2, 7, 4), normal(2, 3, 2, 7, 4)
    valid = {
        "all": None,
        "keys": jnp.arange(7) < jnp.array([7, 4, 0])[:, None],
        "pairs": jnp.tril(jnp.ones((5, 7), bool), -1)[None, None],
    }[seen]
    assert_same_with_gradients(
        lambda q, k, v, bias: whole_attention.attend(q, k, v, valid, None, 0.0, bias),
        lambda q, k, v, bias: attention.attend(q, k, v, valid, None, 0.0, bias)[0],
        q, k, v, normal(3, *shape),
    )  # fmt: skip


def test_attention_layer_gives_the_same_in_blocks(monkeypatch):
    layer = attention.MultiHeadAttention(2, dropout=0.3)
    x, valid = normal(0, 3, 6, 8), jnp.arange(6) < jnp.array([6, 4, 1])[:, None]
    variables = layer.init(jax.random.key(0), x)
    whole = layer.apply(variables, x, valid)
    monkeypatch.setattr(attention, "BLOCK_SCORES", 1)
    np.testing.assert_allclose(layer.apply(variables, x, valid), whole, rtol=1e-5, atol=1e-6)


def test_a_row_without_valid_keys_stays_finite():
    q = normal(0, 1, 2, 3, 4)

    def total(q):
        return attention.mix(q, q, q, jnp.zeros((1, 3), bool), None, 0.0).sum()

    assert np.isfinite(jax.grad(total)(q)).all()


def test_attention_heads_must_divide_the_width():
    layer = attention.MultiHeadAttention(3)
    with pytest.raises(ValueError, match="num_heads=3 must divide the width 8"):
        layer.init(jax.random.key(0), normal(0, 1, 2, 8))


@settings(deadline=None, max_examples=15)
@given(
    length=st.integers(1, 12),
    taps=st.integers(1, 5),
    dilation=st.integers(1, 4),
)
def test_depthwise_convolution(length, taps, dilation):
    x, kernel = normal(0, 2, length, 3), normal(1, taps, 3)
    assert_same_with_gradients(
        lambda x, w: depthwise.causal_depthwise(x, w, dilation),
        lambda x, w: depthwise.grouped_convolution(x, w, dilation),
        x,
        kernel,
    )


def test_depthwise_convolution_is_causal():
    x, kernel = normal(0, 1, 9, 2), normal(1, 3, 2)
    later = x.at[:, 5:].set(0.0)
    a = depthwise.causal_depthwise(x, kernel, 2)
    b = depthwise.causal_depthwise(later, kernel, 2)
    np.testing.assert_array_equal(a[:, :5], b[:, :5])


def gru_in_numpy(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """torch's GRU written out, one clip."""

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    h, states = np.zeros(weight_hh.shape[1]), []
    for frame in x:
        r, z, n = np.split(weight_ih @ frame + bias_ih, 3)
        hr, hz, hn = np.split(weight_hh @ h + bias_hh, 3)
        z = sigmoid(z + hz)
        n = np.tanh(n + sigmoid(r + hr) * hn)
        h = (1 - z) * n + z * h
        states.append(h)
    return np.array(states)


def test_gru_equals_torchs_formula_on_every_length():
    layer = recurrent.GRU(4)
    x = normal(0, 3, 7, 5)
    variables = layer.init(jax.random.key(1), x)
    params = {k: np.asarray(v, np.float64) for k, v in variables["params"].items()}
    params["bias_ih"] += 0.3
    params["bias_hh"] -= 0.2
    variables = {"params": jax.tree.map(jnp.float32, params)}
    lengths = np.array([7, 3, 1])
    valid = jnp.arange(7) < lengths[:, None]
    states, last = layer.apply(variables, x, valid)
    for row, length in enumerate(lengths):
        expected = gru_in_numpy(np.asarray(x[row, :length], np.float64), **params)
        np.testing.assert_allclose(states[row, :length], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(states[row, length:], 0)
        np.testing.assert_allclose(last[row], expected[-1], rtol=1e-5, atol=1e-6)


def test_a_mixture_whose_variance_is_0_has_a_gradient():
    head = mixture_head.MixtureHead(classes=3, members=2, one=True)
    far = 500.0 * jax.random.normal(jax.random.key(0), (8, 4))  # variances of exp(-200), too
    variables = head.init({"params": jax.random.key(1), "dropout": jax.random.key(2)}, far)

    def told(variables):
        found = head.apply(variables, far, train=True, rngs={"dropout": jax.random.key(3)})
        return jnp.square(found.logits).sum(), found.aleatoric

    grads, aleatoric = jax.grad(told, has_aux=True)(variables)
    assert float(aleatoric.min()) == 0.0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("first", [0.0, -0.0, 3.0, np.nan, -np.inf])
def test_what_is_made_once_is_what_was_given(first):
    x = jnp.asarray([first, 1.5, np.nan, np.inf])
    for narrow in (x, x.astype(jnp.bfloat16), x.astype(jnp.float16)):
        found = jax.jit(backend.made_once)(narrow)
        assert found.dtype == narrow.dtype
        np.testing.assert_array_equal(found.astype(jnp.float32), narrow.astype(jnp.float32))
    gradient = jax.grad(lambda x: jnp.where(jnp.isfinite(x), backend.made_once(x), 0).sum())(x)
    np.testing.assert_array_equal(gradient, np.isfinite(x))
