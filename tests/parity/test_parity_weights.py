"""Weights between jaxsign and the torch references, both ways, for sizes drawn at random."""

import jax
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.nets import iv3_gru, sign_transformer, state_dict
from jaxsign.nets.layers import positions
from parity import cases, jobs, weights
from parity.reference import fslr, fslr_iv3_gru, fslr_transformer

sizes = st.fixed_dictionaries(
    {
        "input_dim": st.integers(1, 9),
        "n_heads": st.sampled_from([1, 2]),
        "emb_dim": st.sampled_from([4, 8]),
        "n_layers": st.integers(0, 3),
        "num_gloss": st.integers(1, 5),
        "num_cat": st.integers(1, 4),
        "max_len": st.integers(6, 12),
        "ff_dim": st.one_of(st.none(), st.integers(1, 7)),
    }
)


def random_state_dict(shapes, seed):
    rng = np.random.default_rng(seed)
    return {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}


@settings(max_examples=6, deadline=None)
@given(sizes, st.integers(0, 2**16))
def test_transformer_weights_go_round_exactly_and_mean_the_same(fields, seed):
    reference = fslr_transformer.SignTransformer(**fields).eval()
    own = fslr.state_dict_of(reference)
    given_weights = random_state_dict({k: v.shape for k, v in own.items()}, seed)
    net = sign_transformer.SignTransformer(**fields)
    table = net.key_table()
    assert [(e.key, e.shape) for e in table] == [(k, v.shape) for k, v in own.items()]
    variables = state_dict.to_variables(table, given_weights)
    exported = state_dict.to_state_dict(table, variables)
    weights.check_round_trip(given_weights, exported, where="test")
    reference.load_state_dict(fslr.tensors(exported))
    x = np.random.default_rng(seed).standard_normal((2, 5, fields["input_dim"])).astype(np.float32)
    gloss, cat = reference(torch.from_numpy(x))
    logits = jax.jit(net.apply)(variables, x)["logits"]
    for ours, theirs in ((logits["gloss"], gloss), (logits["cat"], cat)):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-3, atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**16))
def test_gru_weights_go_round_exactly(hidden1, hidden2, seed):
    net = iv3_gru.InceptionV3GRU(num_gloss=3, num_cat=2, hidden1=hidden1, hidden2=hidden2)
    table = [e for e in net.key_table() if not e.key.startswith("feat_extractor.")]
    given_weights = random_state_dict({e.key: e.shape for e in table}, seed)
    exported = state_dict.to_state_dict(table, state_dict.to_variables(table, given_weights))
    weights.check_round_trip(given_weights, exported, where="test")


def test_the_table_of_iv3_gru_is_the_reference_s_state_dict():
    own = fslr_iv3_gru.InceptionV3GRU(105, 10).state_dict()
    table = iv3_gru.InceptionV3GRU().key_table()
    assert [(e.key, e.shape) for e in table] == [(k, tuple(v.shape)) for k, v in own.items()]


def test_own_weights_load_into_the_reference():
    net = sign_transformer.SignTransformer(emb_dim=8, n_heads=2, n_layers=1, max_len=9)
    shapes = jax.eval_shape(net.init, jax.random.key(0), np.zeros((1, 2, 156), np.float32))
    variables = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), shapes)
    table = net.key_table()
    exported = state_dict.to_state_dict(table, variables)
    reference = fslr_transformer.SignTransformer(emb_dim=8, n_heads=2, n_layers=1, max_len=9)
    reference.load_state_dict(fslr.tensors(exported), strict=True)


def test_position_tables_agree_to_rounding():
    """Not to the bit: exponentials differ in the last place, times 300 positions."""
    theirs = fslr_transformer.PositionalEncoding(256, 300, 0.0).pe[0].numpy()
    np.testing.assert_allclose(positions.sinusoidal(300, 256), theirs, rtol=0, atol=5e-5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda a: a.astype(np.float64),
        lambda a: a.reshape(1, -1),
        lambda a: np.where(a == a[0], a + 1e-6, a).astype(a.dtype),
    ],
)
def test_a_round_trip_that_changes_anything_is_told(damage):
    good = {"a": np.arange(3, dtype=np.float32), "b": np.zeros(2)}
    weights.check_round_trip(good, good, where="x")
    with pytest.raises(UserError, match="a: float32"):
        weights.check_round_trip(good, {**good, "a": damage(good["a"])}, where="x")
    with pytest.raises(UserError, match="b is lost"):
        weights.check_round_trip(good, {"a": good["a"]}, where="x")
    with pytest.raises(UserError, match="b is new"):
        weights.check_round_trip({"a": good["a"]}, good, where="x")


def test_the_recipe_makes_the_recorded_weights():
    """The checksum catches a wrong recipe before the net is blamed."""
    case = cases.load(jobs.SHIPPED / "fslr" / "transformer_default_recipe.npz")
    table = sign_transformer.SignTransformer().key_table()
    _, produced = weights.load(case, table, fslr.is_norm)
    assert produced["output/weights_crc32"] == case.expected["output/weights_crc32"]
    _, wrong = weights.load(case, table, lambda key: False)
    assert wrong["output/weights_crc32"] != case.expected["output/weights_crc32"]


@pytest.mark.parametrize("kind", ["uniform", "relu"])
def test_inputs_made_by_recipe(kind):
    made = cases.input_recipe("0", "x", [4, 5], kind, 3.0)
    assert made.shape == (4, 5) and made.dtype == np.float32
    assert made.max() <= 3 and made.min() >= (0 if kind == "relu" else -3) and made.std() > 0.3
    longer = cases.input_recipe("0", "x", [40], kind, 3.0)
    np.testing.assert_array_equal(longer[:20], made.ravel())
