"""A clip alone and the same clip in a padded batch give the same answer."""

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.nets import iv3_gru, sign_transformer

BUCKETS = (12, 20, 32)
TRANSFORMER = dict(input_dim=10, emb_dim=16, n_heads=4, n_layers=2, num_gloss=5, num_cat=3)


def nets():
    for pooling in ("mean", "max", "cls"):
        yield sign_transformer.SignTransformer(**TRANSFORMER, max_len=33, pooling=pooling), 10
    yield iv3_gru.InceptionV3GRU(num_gloss=5, num_cat=3, hidden1=6, hidden2=4), 2048


CASES = {f"{type(net).__name__}-{getattr(net, 'pooling', '')}": (net, n) for net, n in nets()}
VARIABLES = {name: fresh.variables(net, jnp.ones((1, 4, n))) for name, (net, n) in CASES.items()}
APPLY = {name: jax.jit(net.apply) for name, (net, _) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
@settings(deadline=None, max_examples=12)
@given(
    lengths=st.lists(st.sampled_from((1, 2, 7, 12)), min_size=1, max_size=3),
    bucket=st.sampled_from(BUCKETS),
    seed=st.integers(0, 99),
)
def test_padding_never_changes_an_answer(name, lengths, bucket, seed):
    width = CASES[name][1]
    rng = np.random.default_rng(seed)
    clips = [rng.normal(size=(n, width)).astype(np.float32) for n in lengths]
    # Noise, not zeros, in the padding: it must not matter what stands there.
    batch = rng.normal(size=(3, bucket, width)).astype(np.float32)
    valid = np.zeros((3, bucket), bool)
    for row, clip in enumerate(clips):
        batch[row, : len(clip)] = clip
        valid[row, : len(clip)] = True
    apply = APPLY[name]
    together = apply(VARIABLES[name], batch, valid)["logits"]
    for row, clip in enumerate(clips):
        alone = apply(VARIABLES[name], clip[None])["logits"]
        for head in ("gloss", "cat"):
            wanted = np.asarray(alone[head][0])
            # A sum rounds by its largest terms: a logit near 0 is no surer than its neighbours.
            rounding = 2e-6 + 2e-5 * np.abs(wanted).max()
            np.testing.assert_allclose(together[head][row], wanted, rtol=0, atol=rounding)
    if len(lengths) < 3 and name != "InceptionV3GRU-":
        assert all(np.isfinite(x).all() for x in together.values())
