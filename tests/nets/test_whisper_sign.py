"""WhisperSign: sizes, keys, and that padding changes nothing unless it is asked to."""

import functools

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.nets import state_dict, whisper_sign

SMALL = {
    "num_gloss": 6,
    "num_joints": 3,
    "num_features": 2,
    "dim": 16,
    "num_heads": 2,
    "num_layers": 1,
    "ff_dim": 24,
    "max_target": 9,
    "max_relative": 6,
}
NO_DROPOUT = {"dropout": 0.0, "frontend_dropout": 0.0, "spatial_dropout": 0.0}


def _clips(seed, lengths, frames):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(lengths), frames, 3, 2)).astype(np.float32)
    valid = np.arange(frames) < np.asarray(lengths)[:, None]
    return np.where(valid[..., None, None], x, 0).astype(np.float32), valid


def _fresh(net):
    return fresh.variables(net, jnp.zeros((1, 4, 3, 2)))


# Compiled once a shape: most tests here differ in numbers only.
_run = jax.jit(lambda net, *arguments: net.apply(*arguments), static_argnums=0)


@functools.partial(jax.jit, static_argnums=0)
def _trained(net, variables, x, valid):
    collections = ["batch_stats", "intermediates"]
    return net.apply(variables, x, valid, train=True, mutable=collections)


@pytest.fixture(scope="module")
def small():
    net = whisper_sign.WhisperSign(**SMALL)
    return net, _fresh(net)


@pytest.mark.parametrize(
    ("fields", "trained"),
    [
        ({}, 55_226_912),
        ({"dim": 128, "num_layers": 2, "num_heads": 4, "ff_dim": 512}, 2_028_576),
        ({"dim": 256, "num_layers": 4, "num_heads": 4, "ff_dim": 1024}, 10_943_008),
        ({"dim": 768, "num_layers": 8, "num_heads": 12, "ff_dim": 3072}, 158_532_128),
    ],
)
def test_keys_and_counts_are_the_originals(fields, trained):
    net = whisper_sign.WhisperSign(**fields)
    table = net.key_table()
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 8, 42, 7)))
    found = {
        tuple(part.key for part in path): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)
    }
    sizes = {entry.path: int(np.prod(entry.shape)) for entry in table}
    assert {path: int(np.prod(shape)) for path, shape in found.items()} == sizes
    count = sum(size for path, size in sizes.items() if path[0] == "params")
    assert count == trained
    assert fields or len(table) == 250
    assert sum(sizes.values()) - count == 2 * net.dim + 1


def test_default_parts_have_the_originals_sizes():
    net = whisper_sign.WhisperSign()
    sizes: dict[str, int] = {}
    for entry in net.key_table():
        if entry.path[0] == "params":
            sizes[entry.path[1]] = sizes.get(entry.path[1], 0) + int(np.prod(entry.shape))
    assert sizes == {
        "frontend": 1_144_832,
        "encoder": 26_761_216,
        "ctc_head": 664_848,
        "attention_decoder": 26_656_016,
    }


def test_fields_are_told_by_the_shapes(small):
    net, variables = small
    weights = state_dict.to_state_dict(net.key_table(), variables)
    found = whisper_sign.NET.fields_from_state_dict(weights)
    assert whisper_sign.NET.matches(weights)
    assert found.pop("padding") == "upstream"
    assert found == {k: v for k, v in SMALL.items() if k not in ("num_joints", "num_features")}


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.sampled_from([1, 6, 11]), min_size=2, max_size=2),
    frames=st.sampled_from([11, 19]),
    seed=st.integers(0, 99),
)
def test_padding_changes_no_valid_output(small, lengths, frames, seed):
    net, variables = small
    x, valid = _clips(seed, lengths, frames)
    x[~valid] = np.nan  # what stands there must not matter
    tokens = np.array([[0, 3, 1]] * len(lengths))
    padded = _run(net, variables, x, valid, tokens)
    for row, length in enumerate(lengths):
        alone = _run(net, variables, x[row : row + 1, :length], None, tokens[:1])
        patches = -(-length // net.patch_size)
        assert padded["output_valid"][row].sum() == patches
        for name in ("ctc_log_probs", "encoder_output"):
            np.testing.assert_allclose(padded[name][row, :patches], alone[name][0], atol=2e-5)
        np.testing.assert_allclose(padded["att_logits"][row], alone["att_logits"][0], atol=2e-5)


@settings(max_examples=10, deadline=None)
@given(extra=st.sampled_from([1, 6]), seed=st.integers(0, 99))
def test_padding_changes_no_statistics_in_training(extra, seed):
    net = whisper_sign.WhisperSign(**SMALL, **NO_DROPOUT)
    x, valid = _clips(seed, [8, 5, 2], 8)
    variables = _fresh(net)
    wider, wider_valid = (
        np.pad(a, [(0, 0), (0, extra), (0, 0), (0, 0)][: a.ndim]) for a in (x, valid)
    )
    wider[~wider_valid] = np.nan
    small, state = _trained(net, variables, x, valid)
    large, wider_state = _trained(net, variables, wider, wider_valid)
    seen = np.asarray(small["output_valid"])
    np.testing.assert_allclose(
        np.asarray(large["ctc_log_probs"])[:, : seen.shape[1]][seen],
        np.asarray(small["ctc_log_probs"])[seen],
        atol=2e-5,
    )
    for a, b in zip(
        *(jax.tree.leaves(s["batch_stats"]) for s in (state, wider_state)), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_running_variance_is_the_unbiased_one_of_valid_patches():
    net = whisper_sign.WhisperSign(**SMALL, **NO_DROPOUT)
    x, valid = _clips(3, [12, 6], 12)
    variables = _fresh(net)
    _, state = _trained(net, variables, x, valid)
    before = np.asarray(state["intermediates"]["frontend"]["convolved"][0], np.float64)
    seen = np.array([[True, True, True], [True, True, False]])
    old, norm = (v["batch_stats"]["frontend"]["norm"] for v in (variables, state))
    wanted = 0.9 * old["mean"] + 0.1 * before[seen].mean(0)
    np.testing.assert_allclose(norm["mean"], wanted, rtol=1e-4, atol=1e-6)
    unbiased = before[seen].var(0, ddof=1)
    np.testing.assert_allclose(norm["var"], 0.9 * old["var"] + 0.1 * unbiased, rtol=1e-5)


@pytest.mark.parametrize("padding", whisper_sign.PADDING)
@pytest.mark.parametrize("train", [False, True])
def test_a_clip_without_a_frame_is_never_nan(padding, train):
    net = whisper_sign.WhisperSign(**SMALL, **NO_DROPOUT, padding=padding)
    x, valid = _clips(0, [7, 0], 7)
    tokens = np.zeros((2, 2), np.int32)
    variables = _fresh(net)

    @jax.jit
    def total(params):
        result, _ = net.apply(
            {**variables, "params": params}, x, valid, tokens, train=train, mutable=["batch_stats"]
        )
        return result["ctc_log_probs"].sum() + result["att_logits"].sum()

    value, grads = jax.value_and_grad(total)(variables["params"])
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_upstream_padding_counts(small):
    _, variables = small
    net = whisper_sign.WhisperSign(**SMALL, padding="upstream")
    x, valid = _clips(5, [8], 16)
    alone = net.apply(variables, x[:, :8], valid[:, :8])["ctc_log_probs"]
    padded = net.apply(variables, x, valid)["ctc_log_probs"]
    assert np.abs(padded[:, :2] - alone).max() > 1e-3
    assert net.padding_counts
    assert not whisper_sign.WhisperSign(**SMALL).padding_counts


@pytest.mark.parametrize("padding", whisper_sign.PADDING)
def test_the_attention_head_alone_gives_the_same(small, padding):
    _, variables = small
    net = whisper_sign.WhisperSign(**SMALL, padding=padding)
    x, valid = _clips(6, [16, 7, 1], 16)
    tokens = np.random.default_rng(0).integers(0, 7, (3, 9))
    tokens[:, 0] = 0
    encoded = net.apply(variables, x, valid)
    memory = (encoded["encoder_output"], encoded["output_valid"])
    whole = net.apply(variables, *memory, tokens, method="decode_tokens")
    np.testing.assert_allclose(net.apply(variables, x, valid, tokens)["att_logits"], whole)


def test_logits_do_not_see_later_tokens_nor_log_probs_any(small):
    net, variables = small
    x, valid = _clips(7, [12, 9], 12)
    tokens = np.array([[0, 1, 2, 3], [0, 4, 5, 6]])
    other = tokens.copy()
    other[:, 3] = 1
    first, second = (_run(net, variables, x, valid, t) for t in (tokens, other))
    np.testing.assert_array_equal(first["att_logits"][:, :3], second["att_logits"][:, :3])
    assert np.abs(first["att_logits"][:, 3] - second["att_logits"][:, 3]).max() > 1e-3
    np.testing.assert_array_equal(first["ctc_log_probs"], second["ctc_log_probs"])
    assert "att_logits" not in jax.eval_shape(net.apply, variables, x, valid)


def test_too_many_tokens_are_refused(small):
    net, variables = small
    x, valid = _clips(7, [12], 12)
    with pytest.raises(ValueError, match=r"10 tokens are more than the decoder's 9"):
        jax.eval_shape(net.apply, variables, x, valid, np.zeros((1, 10), np.int32))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"padding": "none"}, "none of masked, upstream"),
        ({"num_heads": 3}, "num_heads=3 must divide dim=16"),
        ({"patch_size": 0}, "patch_size=0"),
    ],
)
def test_fields_that_do_not_fit_are_named(fields, words):
    net = whisper_sign.WhisperSign(**{**SMALL, **fields})
    with pytest.raises(ValueError, match=words):
        net.init(jax.random.key(0), jnp.zeros((1, 4, 3, 2)))


def test_shapes_that_do_not_fit_are_named(small):
    net, variables = small
    with pytest.raises(ValueError, match=r"expected \[B, T, 3, 2\]"):
        net.apply(variables, jnp.zeros((1, 4, 42, 7)))
    with pytest.raises(ValueError, match="valid has shape"):
        net.apply(variables, jnp.zeros((1, 4, 3, 2)), jnp.ones((1, 5), bool))


def test_auxiliary_head_reads_the_frontend():
    net = whisper_sign.WhisperSign(**SMALL, auxiliary_ctc=True)
    x, valid = _clips(8, [12, 9], 12)
    variables = _fresh(net)

    @jax.jit
    def total(params):
        result = net.apply({**variables, "params": params}, x, valid)
        return (result["aux_log_probs"][..., 1:] * jnp.arange(6)).sum()

    grads = jax.grad(total)(variables["params"])
    size = {
        name: sum(float(abs(g).sum()) for g in jax.tree.leaves(part))
        for name, part in grads.items()
    }
    assert size["auxiliary_head"] > 0
    assert size["frontend"] > 0
    assert size["encoder"] == size["ctc_head"] == size["attention_decoder"] == 0


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_small_types_give_float32_answers_near_the_full_ones(small, dtype):
    net, variables = small
    x, valid = _clips(9, [12, 9], 12)
    tokens = np.array([[0, 1], [0, 4]])
    full = _run(net, variables, x, valid, tokens)
    half = _run(whisper_sign.WhisperSign(**SMALL, dtype=dtype), variables, x, valid, tokens)
    for name in ("ctc_log_probs", "att_logits"):
        assert half[name].dtype == jnp.float32
        np.testing.assert_allclose(half[name], full[name], atol=0.1)
    assert half["encoder_output"].dtype == dtype
    np.testing.assert_allclose(np.exp(half["ctc_log_probs"]).sum(-1), 1, atol=1e-5)


def test_initial_numbers_are_torchs():
    net = whisper_sign.WhisperSign(**{**SMALL, "dim": 64, "ff_dim": 128})
    params = jax.jit(net.init)(jax.random.key(0), jnp.zeros((1, 8, 3, 2)))["params"]
    layer = params["encoder"]["layer_0"]
    bounds = {
        1 / 24**0.5: params["frontend"]["patch1"]["kernel"],
        1 / 31**0.5: params["frontend"]["convolution"]["depthwise"],
        1 / 64**0.5: layer["spatial"]["qkv"]["bias"],
        1 / 32**0.5: layer["temporal"]["positions"]["projection"],
        (6 / 256) ** 0.5: params["attention_decoder"]["layer_0"]["self_attention"]["kernel"],
        1 / 128**0.5: params["attention_decoder"]["layer_0"]["linear2"]["kernel"],
    }
    for bound, value in bounds.items():
        assert 0.85 * bound < np.abs(value).max() <= bound
    assert not params["attention_decoder"]["layer_0"]["self_attention"]["bias"].any()
    for name in ("tokens", "positions"):
        assert 0.8 < np.std(params["attention_decoder"][name]) < 1.2
    assert 0.8 < np.std(layer["temporal"]["positions"]["table"]) < 1.2
