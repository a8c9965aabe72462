"""The hashed dropout masks are as good as random ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.nets import sign_transformer
from jaxsign.nets.layers import dropout

SHAPE = (64, 128, 32)


def mask(seed, rate=0.5, shape=SHAPE):
    return np.asarray(dropout.keep_mask(jax.random.key(seed), shape, rate))


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_rate(rate):
    kept = mask(3, rate).mean()
    error = np.sqrt(rate * (1 - rate) / np.prod(SHAPE))
    assert abs(kept - (1 - rate)) < 4 * error


def correlation(a, b):
    return abs(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])


def test_masks_of_neighbouring_keys_are_independent():
    # Layers, steps and devices differ by what is folded into the key.
    key = jax.random.key(0)
    masks = [
        np.asarray(dropout.keep_mask(jax.random.fold_in(key, i), SHAPE, 0.5)) for i in range(6)
    ]
    limit = 4.5 / np.sqrt(np.prod(SHAPE))
    for i, a in enumerate(masks):
        for b in masks[i + 1 :]:
            assert correlation(a, b) < limit


def test_neighbouring_elements_are_independent():
    m = mask(7)
    limit = 4.5 / np.sqrt(m.size)
    for axis in range(3):
        for lag in (1, 2, 8):
            a = np.take(m, range(m.shape[axis] - lag), axis)
            b = np.take(m, range(lag, m.shape[axis]), axis)
            assert correlation(a, b) < limit


def test_one_key_and_shape_give_one_mask():
    np.testing.assert_array_equal(mask(5), mask(5))
    assert (mask(5) != mask(6)).any()


def test_backward_uses_the_mask_of_the_forward_pass():
    layer = dropout.Dropout(0.5)
    x = jnp.ones((50, 20))

    def total(x):
        y = layer.apply({}, x, train=True, rngs={"dropout": jax.random.key(2)})
        return y.sum(), y

    gradient, y = jax.jit(jax.grad(total, has_aux=True))(x)
    np.testing.assert_array_equal(gradient, y)
    assert set(np.unique(y)) == {0.0, 2.0}


def test_layers_of_a_net_draw_different_masks():
    net = sign_transformer.SignTransformer(
        input_dim=8, emb_dim=16, n_heads=2, n_layers=2, dropout=0.5, num_gloss=3, num_cat=2
    )
    x = jnp.ones((2, 5, 8))
    variables = net.init(jax.random.key(0), x)

    def run(key):
        return net.apply(variables, x, train=True, rngs={"dropout": key})["logits"]["gloss"]

    first = run(jax.random.key(1))
    np.testing.assert_array_equal(first, run(jax.random.key(1)))
    assert (first != run(jax.random.key(2))).any()
    assert (first[0] != first[1]).any()
