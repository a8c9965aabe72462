"""Every net that tells signs or sentences says in every format what it says in JAX."""

import jax
import numpy as np
import pytest

from benchmarks import deployed
from jaxsign import nets
from jaxsign.infer.deploy import formats

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


@pytest.mark.parametrize("name", SMALL)
def test_a_net_says_in_every_format_what_it_says(name, tmp_path):
    one, batch = deployed.asked(nets.build(name, num_gloss=3, **SMALL[name]), FRAMES, REAL)
    with jax.default_matmul_precision("highest"):
        wanted = jax.jit(one.function)(batch)
    for form in map(formats.get, ("onnx", "tflite")):  # the third is JAX's own
        path = tmp_path / f"file{form.suffix}"
        path.write_bytes(form.content(one))
        said = form.opened(path)(batch)
        assert said.keys() == wanted.keys()
        for key, array in wanted.items():
            np.testing.assert_allclose(said[key], array, rtol=1e-5, atol=1e-5)
