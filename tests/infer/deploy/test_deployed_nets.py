"""Every net that tells signs or sentences says in every format what it says in JAX."""

import jax
import numpy as np
import pytest

from jaxsign import nets
from jaxsign.infer.deploy import formats, program

pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("litert_converter")
SMALL = {
    "sign_transformer": {"emb_dim": 16, "n_heads": 2, "n_layers": 1, "pooling": "cls"},
    "iv3_gru": {"hidden1": 4, "hidden2": 3},
    "asl_hybrid": {"dim": 16, "hands": "local", "missing": "ignore"},
    "poseformer": {"emb_dim": 16, "n_heads": 2, "n_layers": 1},
    "ptn": {"emb_dim": 16, "n_heads": 2, "n_layers": 1},
    "vtn": {"emb_dim": 16, "n_heads": 2, "n_layers": 1},
    "whisper_sign": {"dim": 16, "num_heads": 2, "num_layers": 1, "ff_dim": 16},
}
FRAMES, REAL = 8, 5


def asked(name):
    """A program of a net with random weights, and what it is asked."""
    net = nets.build(name, num_gloss=3, **SMALL[name])
    rng = np.random.default_rng(0)
    batch = {
        "valid": np.arange(FRAMES)[None] < REAL,
        "x": rng.random((1, FRAMES, *net.frame_shape), np.float32),
    }
    tokens = {"tokens": np.zeros((1, 1), np.int32)}
    rows = [{**batch, **tokens}.get(field) for field in net.inputs]
    shapes = jax.eval_shape(net.init, jax.random.key(0), *rows)
    weights = jax.tree.map(lambda a: 0.3 * rng.random(a.shape, np.float32), shapes)
    variables = {key: tree for key, tree in weights.items() if key != "intermediates"}

    def function(arrays):
        found = nets.call(net, variables, arrays)
        if "logits" in net.outputs:
            return dict(nets.logits_of(found))
        return {key: found[key] for key in ("ctc_log_probs", "output_valid")}

    inputs = {key: jax.ShapeDtypeStruct(a.shape, a.dtype) for key, a in batch.items()}
    return program.Program(FRAMES, inputs, function), batch


@pytest.mark.parametrize("name", SMALL)
def test_a_net_says_in_every_format_what_it_says(name, tmp_path):
    one, batch = asked(name)
    with jax.default_matmul_precision("highest"):
        wanted = jax.jit(one.function)(batch)
    for form in map(formats.get, ("onnx", "tflite")):  # the third is JAX's own
        path = tmp_path / f"file{form.suffix}"
        path.write_bytes(form.content(one))
        said = form.opened(path)(batch)
        assert said.keys() == wanted.keys()
        for key, array in wanted.items():
            np.testing.assert_allclose(said[key], array, rtol=1e-5, atol=1e-5)
