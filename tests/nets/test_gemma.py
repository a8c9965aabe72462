"""The language model of Gemma 2's shape and LoRA: beside torch, over windows, and switched off."""

import functools

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.nets import gemma_rows, state_dict
from jaxsign.nets.layers import gemma, lora

SIZES = gemma.GemmaSizes(
    hidden=12, layers=3, heads=4, kv_heads=2, head_dim=6, ff=20, query_scalar=5.0, window=3, cap=0.5
)
LORA = lora.Lora(("q_proj", "v_proj", "down_proj"), rank=2, alpha=3.0, dropout=0.0)
BATCH, TOKENS = 2, 6


def model(adapted=LORA, **sizes):
    return gemma.Gemma(gemma.GemmaSizes(**{**vars(SIZES), **sizes}), adapted)


def embeddings(tokens=TOKENS, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((BATCH, tokens, SIZES.hidden)).astype(np.float32)


@functools.cache
def variables():
    return fresh.variables(model(), embeddings())


@functools.cache
def answer(net):
    return jax.jit(net.apply)


@functools.cache
def both_sides():
    """Values and gradients of sum(y * some numbers), ours and torch's, by torch's names."""
    torch = pytest.importorskip("torch")
    from parity.reference import gemma as reference

    x, aim = embeddings(), embeddings(seed=1)
    table = gemma_rows.model("", (), SIZES, LORA)
    theirs = reference.GemmaModel(SIZES, LORA)
    weights = state_dict.to_state_dict(table, variables())
    theirs.load_state_dict({key: torch.tensor(value) for key, value in weights.items()})
    assert [*theirs.state_dict()] == [entry.key for entry in table]
    given = torch.tensor(x, requires_grad=True)
    y = theirs(given)
    (y * torch.tensor(aim)).sum().backward()
    found = {"": y, "x": given.grad} | {key: p.grad for key, p in theirs.named_parameters()}

    def loss(params, x):
        told = model().apply({"params": params}, x)
        return (told * aim).sum(), told

    run = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    (_, told), (grads, of_x) = run(variables()["params"], x)
    ours = {"": told, "x": of_x} | state_dict.to_state_dict(table, {"params": grads})
    return ours, {key: value.detach().numpy() for key, value in found.items()}


def test_values_and_every_gradient_are_those_of_torch():
    ours, theirs = both_sides()
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        assert np.abs(expected).max() > 1e-4, key  # nothing is compared with nothing
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours[key], expected, rtol=2e-5, atol=2e-5 * scale, err_msg=key)


def test_keys_go_to_torch_and_back_unchanged():
    table = gemma_rows.model("llm.", ("language",), SIZES, LORA)
    given = {"params": {"language": variables()["params"]}}
    back = state_dict.to_variables(table, state_dict.to_state_dict(table, given))
    assert jax.tree.structure(back) == jax.tree.structure(given)
    jax.tree.map(np.testing.assert_array_equal, back, given)


def test_lora_that_is_fresh_changes_nothing():
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 0 * leaf if path[-1].key == "lora_b" else leaf, variables()["params"]
    )
    x = embeddings()
    with_it = answer(model())({"params": params}, x)
    without = answer(model(lora.Lora()))({"params": params}, x)  # which looks at no LoRA
    np.testing.assert_array_equal(with_it, without)
    changed = answer(model())(variables(), x)
    assert np.abs(changed - without).max() > 1e-3


def test_lora_starts_at_zero_with_the_ranks_shapes():
    shapes = jax.eval_shape(model().init, jax.random.key(0), embeddings())["params"]
    own = shapes["layer_0"]["mlp"]["down_proj"]
    assert own["lora_a"].shape == (SIZES.ff, 2) and own["lora_b"].shape == (2, SIZES.hidden)
    made = lora.LoraDense(3, rank=2).init(jax.random.key(0), jnp.ones((1, 4)))["params"]
    assert not made["lora_b"].any() and made["lora_a"].all()


def test_loras_dropout_touches_only_what_lora_reads():
    layer = lora.LoraDense(3, rank=2, rate=0.5)
    x = jnp.ones((64, 4))
    given = fresh.variables(layer, x)

    def told(params, seed):
        return layer.apply(
            {"params": params}, x, train=True, rngs={"dropout": jax.random.key(seed)}
        )

    params = given["params"]
    assert (told(params, 0) != told(params, 1)).any()
    still = {**params, "lora_b": 0 * params["lora_b"]}
    np.testing.assert_array_equal(told(still, 0), layer.apply({"params": still}, x))


def test_a_token_is_told_of_none_behind_it_and_padding_counts_for_nothing():
    x = embeddings()
    whole = answer(model())(variables(), x)
    begun = answer(model())(variables(), x[:, :4])
    np.testing.assert_allclose(whole[:, :4], begun, atol=2e-6)
    valid = np.arange(TOKENS) >= 2
    masked = [
        answer(model())(variables(), np.where(valid[:, None], x, fill), np.tile(valid, (BATCH, 1)))
        for fill in (0.0, 7.0)
    ]
    np.testing.assert_array_equal(masked[0][:, 2:], masked[1][:, 2:])


def test_a_local_layer_forgets_what_lies_before_its_window():
    """One layer, window 3: token 5 sees 3, 4 and 5; with two layers the second sees all."""
    x = embeddings()
    other = x.copy()
    other[:, 2] += 1
    one, two = (answer(model(layers=1))(variables(), a)[:, 5] for a in (x, other))
    np.testing.assert_array_equal(one, two)
    one, two = (answer(model(layers=2))(variables(), a)[:, 5] for a in (x, other))
    assert (one != two).any()


def test_weights_kept_in_bfloat16_leave_lora_in_float32():
    net = gemma.Gemma(SIZES, LORA, param_dtype=jnp.bfloat16)
    shapes = jax.eval_shape(net.init, jax.random.key(0), embeddings())["params"]
    types = {k: str(v.dtype) for k, v in shapes["layer_0"]["self_attn"]["q_proj"].items()}
    assert types == {"kernel": "bfloat16", "lora_a": "float32", "lora_b": "float32"}
    told = jax.eval_shape(net.apply, {"params": shapes}, embeddings())
    assert told.dtype == jnp.float32  # only what is kept is small


def test_lora_of_a_layer_that_is_not_there_names_the_nearest():
    with pytest.raises(UserError, match=r"no layer 'q_pro'.*q_proj.*Known: q_proj, k_proj"):
        model(lora.Lora(("q_pro",))).init(jax.random.key(0), embeddings())


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="width 5, expected 12"):
        model().init(jax.random.key(0), jnp.zeros((1, 1, 5)))
    with pytest.raises(ValueError, match="kv_heads must divide heads"):
        model(kv_heads=3).init(jax.random.key(0), embeddings())
