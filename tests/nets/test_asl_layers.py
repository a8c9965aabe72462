"""The ASL hybrid's layers against plain forms written out by other means."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_layers import assert_same_with_gradients, normal, plain_attention

from jaxsign import local_hands
from jaxsign.nets.layers import landmark_motion, long_attention, lstm, regularisers


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_in_numpy(x, weight_ih, weight_hh, bias):
    """torch's LSTM written out, one clip, one direction."""
    h = c = np.zeros(weight_hh.shape[1])
    states = []
    for frame in x:
        i, f, g, o = np.split(weight_ih @ frame + weight_hh @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("rows", [2, 9])
def test_lstm_equals_torchs_formula_on_every_length(rows):
    layer = lstm.BidirectionalLSTM(3, layers=2)
    x = normal(0, rows, 6, 4)
    params = layer.init(jax.random.key(1), x)["params"]
    params = {k: v + 0.1 * normal(i, *v.shape) for i, (k, v) in enumerate(params.items())}
    lengths = np.resize([6, 1, 4], rows)
    valid = jnp.arange(6) < lengths[:, None]
    states = layer.apply({"params": params}, x, valid)
    exact = {k: np.asarray(v, np.float64) for k, v in params.items()}
    for row, length in enumerate(lengths):
        h = np.asarray(x[row, :length], np.float64)
        for number in (0, 1):
            both = []
            for suffix, turn in (("", 1), ("_reverse", -1)):
                name = f"l{number}{suffix}"
                bias = exact[f"bias_ih_{name}"] + exact[f"bias_hh_{name}"]
                weights = (exact[f"weight_ih_{name}"], exact[f"weight_hh_{name}"])
                both.append(lstm_in_numpy(h[::turn], *weights, bias)[::turn])
            h = np.concatenate(both, axis=-1)
        np.testing.assert_allclose(states[row, :length], h, rtol=1e-5, atol=2e-6)
        np.testing.assert_array_equal(states[row, length:], 0)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_lstm_gradients_equal_autodiffs(reverse, masked):
    x = normal(0, 7, 5, 4)
    weights = normal(1, 4, 12), normal(2, 3, 12), normal(3, 12)
    # Holes too: an invalid frame is passed over wherever it stands.
    valid = jax.random.bernoulli(jax.random.key(4), 0.7, (7, 5, 1)) if masked else None

    def plain(x, weight_ih, weight_hh, bias):
        gates = lstm._in_loop(weight_ih, weight_hh, bias)
        return lstm._scan(gates, x, weight_hh, valid, reverse)[0]

    assert_same_with_gradients(
        lambda *a: lstm._scan_cpu(*a, valid, reverse), plain, x, *weights, rtol=5e-5
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("average", [False, True])
def test_long_attention(masked, average):
    q, k, v = (normal(i, 3, 2, 6, 4) for i in range(3))
    lengths = jnp.array([6, 4, 1])
    valid = jnp.arange(6) < (lengths[:, None] if masked else 6)
    valid = jnp.broadcast_to(valid, (3, 6))
    keep = jax.random.bernoulli(jax.random.key(5), 0.8, (3, 2, 6, 6))

    def fast(q, k, v):
        form = long_attention.attend_and_average if average else long_attention.attend
        return form(q, k, v, valid if masked else None, keep, 0.2)

    def plain(q, k, v):
        mixed = plain_attention(q, k, v, valid, keep, 0.2)
        if not average:
            return mixed
        real = valid[:, None, :, None]
        return jnp.where(real, mixed, 0).sum(2) / valid.sum(1)[:, None, None]

    assert_same_with_gradients(fast, plain, q, k, v)


def test_long_attention_of_a_clip_without_frames_is_finite():
    q = normal(0, 1, 2, 3, 4)
    nothing = jnp.zeros((1, 3), bool)

    def total(q):
        everything = long_attention.attend(q, q, q, nothing, None, 0.0).sum()
        return everything + long_attention.attend_and_average(q, q, q, nothing, None, 0.0).sum()

    assert np.isfinite(jax.grad(total)(q)).all()


POINTS = (17, 4, 2)


def test_motion_features_by_hand():
    # One point at rest, one that goes right and then down, one that is seen twice.
    x = np.zeros((1, 5, 3, 2), np.float32)
    x[0, :, 0] = 0.5
    x[0, :, 1] = [[0, 0], [1, 0], [2, 0], [2, 1], [2, 2]]
    x[0, :, 2] = np.nan
    x[0, 0, 2] = [0.25, 0.5]
    x[0, 1, 2] = [0.5, 0.5]
    centre, spread = jnp.full((1, 1, 1, 2), 0.5), jnp.ones((1, 1, 1, 2))
    features = np.asarray(landmark_motion.motion_features(jnp.asarray(x), centre, spread))[0]
    assert features.shape == (5, 36)
    position, step, second, neighbour, cosine = np.split(features[:, :30].reshape(5, 15, 2), 5, 1)
    length, angle = features[:, 30:33], features[:, 33:]
    np.testing.assert_allclose(position[:, 1], x[0, :, 1] - 0.5, atol=1e-6)
    np.testing.assert_array_equal(position[2:, 2], 0)
    np.testing.assert_allclose(step[:, 1], [[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]], atol=1e-6)
    np.testing.assert_array_equal(step[1:, 2], 0)
    np.testing.assert_allclose(second[:3, 1], [[2, 0], [1, 1], [0, 2]], atol=1e-6)
    np.testing.assert_array_equal(second[3:], 0)
    np.testing.assert_allclose(neighbour[0, 0], [0.5, 0.5], atol=1e-6)  # 0.5 - the second point
    np.testing.assert_allclose(neighbour[0, 1], [0.75, -0.5], atol=1e-6)
    np.testing.assert_array_equal(neighbour[:, 2], 0)
    np.testing.assert_allclose(cosine[:, 1, 0], [1, 0, 1, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(cosine[..., 0], cosine[..., 1])
    np.testing.assert_allclose(length[:, 1], [1, 1, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(angle[:, 1], [0, 0, np.pi / 2, np.pi / 2, 0], atol=1e-6)
    assert not step[:, 0].any() and not length[:, 0].any() and not angle[:, 0].any()


def test_cosine_needs_more_than_three_frames_of_the_clip():
    x = np.cumsum(np.ones((1, 6, 3, 2), np.float32), axis=1)
    for length in (3, 4):
        valid = jnp.arange(6)[None] < length
        features = landmark_motion.preprocess(x, valid, points=POINTS)
        cosine = np.asarray(features)[0, :, 24:30]
        assert cosine.any() == (length > 3)
        assert not np.asarray(features)[0, length:].any()


def test_local_hands_stand_behind_the_motion():
    points = (501, 17, 505, 523, 522, 509)  # wrists 501 and 522, not in their places
    x = np.random.default_rng(0).random((2, 5, 6, 2), dtype=np.float32)
    x[0, 1, 2], x[0, 2, 0] = np.nan, np.nan
    valid = jnp.asarray([[True] * 5, [True] * 3 + [False] * 2])
    make = functools.partial(landmark_motion.preprocess, valid=valid, points=points)
    made = np.asarray(make(x, hands="local"))
    np.testing.assert_array_equal(made[..., :72], make(x))
    left, right = made[..., 72:76].reshape(2, 5, 2, 2), made[..., 76:]
    hand = x[:, :, [0, 2, 5]]
    wanted = local_hands.around_wrist(hand)[:, :, 1:]
    wanted[1, 3:] = np.nan
    np.testing.assert_allclose(left, np.nan_to_num(wanted), atol=1e-6)
    assert not left[0, 2].any() and not left[0, 1, 0].any() and left[0, 1, 1].any()
    np.testing.assert_allclose(np.linalg.norm(right[0], axis=-1), 1, atol=1e-6)
    moved = np.asarray(make(x * 0.5 + 0.2, hands="local"))
    np.testing.assert_allclose(moved[..., 72:], made[..., 72:], atol=1e-5)


@pytest.mark.parametrize("points", [(17, 502), (17, 1)])
def test_local_hands_need_a_wrist(points):
    with pytest.raises(ValueError, match="hands='local'"):
        landmark_motion.fingers(points)


def test_a_point_at_rest_has_no_direction():
    x = np.broadcast_to(
        np.random.default_rng(0).random((1, 1, 3, 2), dtype=np.float32), (1, 9, 3, 2)
    )
    features = jax.jit(landmark_motion.preprocess, static_argnames="points")(x, points=POINTS)
    steps = np.asarray(features)[0, :, 6:]
    # All but the steps to the neighbour.
    assert not np.delete(steps, np.s_[12:18], axis=1).any()


def test_adaptive_dropout_drops_its_rate():
    layer = regularisers.AdaptiveDropout(0.1, 0.6, 30)
    x = jnp.ones(200_000)
    for epoch, rate in ((0, 0.1 + 0.5 / 30), (14, 0.35), (60, 0.6)):
        y = layer.apply(
            {}, x, regularisers.Progress(jnp.float32(epoch), 0), train=True,
            rngs={"dropout": jax.random.key(epoch)},
        )  # fmt: skip
        assert float((y == 0).mean()) == pytest.approx(rate, abs=0.005)
        assert float(y.max()) == pytest.approx(1 / (1 - rate), rel=1e-5)
    np.testing.assert_array_equal(layer.apply({}, x, train=False), x)


def test_drop_path_drops_whole_samples():
    x = 1 + jnp.abs(normal(0, 2000, 3, 2))
    y = regularisers.DropPath(0.2).apply({}, x, train=True, rngs={"dropout": jax.random.key(0)})
    dropped = np.asarray(y == 0)
    assert (dropped.all((1, 2)) == dropped.any((1, 2))).all()
    assert dropped[:, 0, 0].mean() == pytest.approx(0.2, abs=0.03)
    kept = ~dropped[:, 0, 0]
    np.testing.assert_allclose(y[kept], x[kept] / 0.8, rtol=1e-6)
