"""JAX's operations as ONNX nodes: each says what JAX says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxsign.infer.deploy import flat, formats
from jaxsign.nets.layers import lstm, recurrent

onnxruntime = pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
HOLES = np.where(RNG.random((2, 3, 4)) < 0.3, np.nan, X).astype(np.float32)
ODD = np.array([[[0, -0.5, 0.5, 0]], [[0, 0, -1, 2]]], np.float32)
KERNEL = RNG.normal(size=(3, 2, 4)).astype(np.float32)  # taps, in, out
PLACES = np.array([[0, 2], [1, 1], [0, 0]], np.int32)
VALID = np.array([[True, True, False], [True, True, True]])  # two clips, three frames
GATES = [RNG.normal(size=(12, n)).astype(np.float32) for n in (4, 3)]  # of an LSTM
BIASES = RNG.normal(size=(2, 12)).astype(np.float32)


def both_directions(x, valid):
    """An LSTM over two clips."""
    frames, real = x.swapaxes(0, 1), None if valid is None else valid.T[..., None]
    return [
        lstm.lstm_scan(frames, *GATES, BIASES[0], real, reverse=reverse)
        for reverse in (False, True)
    ]


def gru(x, valid):
    """A GRU over two clips."""
    return recurrent.gru_scan(x, *(part[:9] for part in (*GATES, *BIASES)), valid)


CASES = {
    "angle": (lambda x, y: jnp.arctan2(x, y[:, :1]), ODD, X),
    "bools": (lambda x: jnp.where((x > 0) ^ (x < 1) & ~(x == 0), (x > 0).any(), x.max() > 1), X),
    "casts": (lambda x: (x.astype(jnp.int32) % 2).astype(bool), 3 * X),
    "clamp": (lambda x: jnp.clip(x, -0.5, 0.5), X),
    "convolution": (
        lambda x: lax.conv_general_dilated(
            x, KERNEL, (2,), ((2, 0),), rhs_dilation=(1,), feature_group_count=2,
            dimension_numbers=("NTC", "TIO", "NTC"),
        ),
        X,
    ),
    "gather": (lambda x: x[:, np.array([2, 0, 2])][..., np.array([1, 3])], X),
    "gather at places": (lambda x, i: x[i[:, 0], i[:, 1] % 3], X, np.abs(PLACES) % 2),
    "GRU": (gru, X, VALID),
    "GRU of whole clips": (lambda x: gru(x, None), X),
    "loop": (
        lambda x: lax.scan(lambda h, y: (jnp.tanh(h + y), h * y), x[0], x, reverse=True), X,
    ),
    "LSTM": (both_directions, X, VALID),
    "LSTM of whole clips": (lambda x: both_directions(x, None), X),
    "maxima": (
        lambda x: lax.reduce_window(
            x, -jnp.inf, lax.max, (1, 2, 1), (1, 2, 1), ((0, 0), (1, 0), (0, 0))
        ),
        X,
    ),
    "missing": (lambda x: jnp.where(jnp.isnan(x), 0, x) + jnp.isfinite(x).sum(), HOLES),
    "numbers": (
        lambda x: jnp.exp(x) + lax.rsqrt(x * x + 1) + jax.nn.gelu(x) + jnp.log1p(x**2) + x**3, X,
    ),
    "padding": (lambda x: lax.pad(x, 2.0, ((1, 0, 0), (-1, 2, 0), (0, -1, 0))), X),
    "products": (
        lambda x: (
            jnp.einsum("bij,bkj->bik", x, x), jnp.einsum("bij,jc->cbi", x, X[0].T),
            x[0, 0] @ x[0, 1],
        ),
        X,
    ),
    "reduced": (lambda x: (x.mean((0, 2)), x.min(1), x.argmax(-1), (x > 9).all()), X),
    "running sum": (lambda x: jnp.cumsum(x, axis=1), X),
    "shapes": (
        lambda x: jnp.concatenate([x[:, ::-1].swapaxes(1, 2), jnp.ones((2, 4, 1))], 2)[None], X,
    ),
    "softmax": (lambda x: (jax.nn.softmax(x), jax.nn.log_softmax(x)), X),
    "stacked": (lambda x: (jnp.stack([x, -x], 1), jnp.unstack(x, axis=1), jnp.tile(x, (1, 2))), X),
    "split": (lambda x: jnp.split(x, [1, 3], axis=-1), X),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_operation_says_what_jax_says(case):
    function, *arrays = CASES[case]
    named = {f"a{i}": array for i, array in enumerate(arrays)}

    def by_name(inputs):
        leaves = jax.tree.leaves(function(*[inputs[name] for name in named]))
        return {f"r{i}": leaf for i, leaf in enumerate(leaves)}

    wanted = by_name({name: jnp.asarray(array) for name, array in named.items()})
    from jaxsign.infer.deploy.onnx_graph import recurrent as forms
    from jaxsign.infer.deploy.onnx_graph import translating

    traced = jax.make_jaxpr(flat.flat(by_name, named, forms.RECURRENT))(named)
    model = translating.translated(traced, list(named), list(wanted))
    kinds = [node.op_type for node in model.graph.node]
    assert all(case.startswith(kind) == (kind in kinds) for kind in ("GRU", "LSTM"))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(list(wanted), named)
    for one, array in zip(found, wanted.values(), strict=True):
        assert one.dtype == array.dtype and one.shape == array.shape
        np.testing.assert_allclose(one, array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("cholesky", jnp.linalg.cholesky),
        ("reduce", lambda x: lax.reduce(x, np.float32(0), lambda a, b: a + 2 * b, (1,))),
    ],
)
def test_an_operation_without_a_form_is_named(name, function):
    one = np.eye(3, dtype=np.float32)
    traced = jax.make_jaxpr(flat.flat(lambda x: {"y": function(x["x"])}, {"x": one}))({"x": one})
    from jaxsign.infer.deploy.onnx_graph import translating

    with pytest.raises(formats.Unwritable, match=f"the operation {name} of JAX"):
        translating.translated(traced, ["x"], ["y"])
