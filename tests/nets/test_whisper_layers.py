"""WhisperSign's layers against their plain forms, in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_layers import assert_same_with_gradients, normal

from jaxsign.nets.layers import (
    activation,
    attention,
    depthwise,
    patch_frontend,
    relative_attention,
)


def test_gelu_is_the_exact_one():
    x = jnp.concatenate([4 * normal(0, 50), jnp.array([-40.0, -6.0, 0.0, 6.0, 40.0])])
    assert_same_with_gradients(activation.gelu, lambda x: jax.nn.gelu(x, approximate=False), x)
    assert activation.gelu(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize("frames", [1, 4, 33])
def test_centred_depthwise_convolution(frames):
    def plain(x, kernel):
        return depthwise.grouped_convolution(x, kernel, ahead=3)

    def by_hand(x, kernel):
        padded = np.pad(x, ((0, 0), (3, 3), (0, 0)))
        return sum(padded[:, k : k + frames] * kernel[k] for k in range(7))

    x, kernel = normal(0, 2, frames, 5), normal(1, 7, 5)
    np.testing.assert_allclose(plain(x, kernel), by_hand(*map(np.asarray, (x, kernel))), atol=1e-5)
    assert_same_with_gradients(depthwise.centred_depthwise, plain, x, kernel)


@pytest.mark.parametrize("frames", [1, 3, 4, 9])
@pytest.mark.parametrize("reach", [1, 4])
def test_distances_are_spread_as_an_indexed_table(frames, reach):
    def plain(values):
        steps = jnp.arange(frames)
        index = jnp.clip(steps[None] - steps[:, None] + reach - 1, 0, 2 * reach - 2)
        return values[index]

    values = normal(0, 2 * reach - 1)
    assert_same_with_gradients(lambda v: relative_attention.by_distance(v, frames), plain, values)


@pytest.mark.parametrize("frames", [2, 7])
def test_relative_positions_read_the_middle_of_the_table(frames):
    layer = relative_attention.RelativePositions(width=3, reach=5)
    variables = layer.init(jax.random.key(0), frames)
    table = np.asarray(variables["params"]["table"] @ variables["params"]["projection"])[:, 0]
    found = layer.apply(variables, frames)
    for query in range(frames):
        for key in range(frames):
            expected = table[np.clip(key - query + 4, 0, 8)]
            np.testing.assert_allclose(found[query, key], expected, rtol=1e-5)


def test_attention_with_a_bias_and_a_mask_for_pairs():
    query, key, value = normal(0, 2, 3, 4, 5), normal(1, 2, 3, 6, 5), normal(2, 2, 3, 6, 5)
    bias = normal(3, 4, 6)
    allowed = jnp.tril(jnp.ones((4, 6), bool), 1)

    def plain(query, key, value, bias):
        scores = jnp.einsum("bhqd,bhkd->bhqk", query, key) / jnp.sqrt(5.0) + bias
        weights = jax.nn.softmax(jnp.where(allowed, scores, -jnp.inf), -1)
        return jnp.einsum("bhqk,bhkd->bhqd", weights, value)

    def fast(query, key, value, bias):
        return attention.attend(query, key, value, allowed[None, None], bias=bias)[0]

    assert_same_with_gradients(fast, plain, query, key, value, bias)


def test_patches_are_runs_of_whole_frames():
    x = np.arange(2 * 5 * 3).reshape(2, 5, 3)
    found = patch_frontend.patches(jnp.asarray(x), 2)
    assert found.shape == (2, 3, 6)
    np.testing.assert_array_equal(found[1, 1], np.concatenate([x[1, 2], x[1, 3]]))
    np.testing.assert_array_equal(found[0, 2], [*x[0, 4], 0, 0, 0])
