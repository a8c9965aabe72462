"""SignON's nets of points: padding, missing bodies, languages, layout of the checkpoints."""

import functools

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import poseformer, ptn, state_dict
from jaxsign.nets.layers import positions, post_norm

SMALL = {"num_gloss": 5, "emb_dim": 8, "n_heads": 2, "n_layers": 1}
POINTS = {
    "poseformer": poseformer.PoseFormer(**SMALL),
    "ptn": ptn.PTN(**SMALL, embedding="none"),
}
UPSTREAM = POINTS["poseformer"].clone(missing="upstream", padding="upstream")
NETS = {**POINTS, "ptn_a": ptn.PTN(**SMALL, generation="A", input_dim=6, embedding="none")}


@pytest.fixture(scope="module")
def answers():
    """By net's name, its compiled call on batches of one size."""
    made = {}
    for name, net in {**NETS, "upstream": UPSTREAM}.items():
        variables = fresh.variables(net, jnp.ones((1, 4, *net.frame_shape)))
        call = jax.jit(lambda batch, net=net, variables=variables: nets.call(net, variables, batch))
        made[name] = call
    return made


def clip(net, frames, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((frames, *net.frame_shape), np.float32)


def padded(one, frames, filler):
    x = np.full((frames, *one.shape[1:]), filler, np.float32)
    x[: len(one)] = one
    return {"x": x[None], "valid": (np.arange(frames) < len(one))[None]}


@pytest.mark.parametrize("name", NETS)
def test_padded_with_zeros_or_nan_or_not_at_all_a_clip_has_one_answer(name, answers):
    one = clip(NETS[name], 6)
    alone = answers[name](padded(one, 6, 0))
    for filler in (0, np.nan, 7):
        found = answers[name](padded(one, 9, filler))
        for output in ("logits", "cls"):
            for a, b in zip(*map(jax.tree.leaves, (found[output], alone[output])), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        for output in ("spatial", "temporal"):
            np.testing.assert_allclose(found[output][:, :6], alone[output], rtol=1e-4, atol=1e-5)


def test_frames_without_a_body_count_as_little_as_padding(answers):
    one = clip(NETS["ptn"], 9)
    one[6:] = 0
    found = answers["ptn"](padded(one, 9, 0))["logits"]["gloss"]
    fewer = answers["ptn"](padded(one[:6], 9, 0))["logits"]["gloss"]
    np.testing.assert_allclose(found, fewer, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", POINTS)
def test_shoulders_that_coincide_make_a_missing_frame_and_hands_without_size_are_zero(
    name, answers
):
    one = clip(NETS[name], 9)
    one[4, 11] = one[4, 12]
    one[2, 33:54] = 0.5
    found = answers[name](padded(one, 9, 0))["logits"]["gloss"]
    assert np.isfinite(found).all()
    one[4], one[2, 33:54] = np.nan, np.nan
    other = answers[name](padded(one, 9, 0))["logits"]["gloss"]
    np.testing.assert_array_equal(found, other)


def test_the_originals_answers_can_be_had(answers):
    net, one = POINTS["poseformer"], clip(POINTS["poseformer"], 6)
    assert UPSTREAM.padding_counts and not net.padding_counts
    # Padding flows back into the clip there.
    ours, theirs = (
        answers[name](padded(one, 9, 0))["logits"]["gloss"] for name in ("poseformer", "upstream")
    )
    assert 1e-3 < np.abs(ours - theirs).max() < 1
    # And shoulders that coincide break it.
    one[4, 11] = one[4, 12]
    assert not np.isfinite(answers["upstream"](padded(one, 9, 0))["logits"]["gloss"]).any()


def test_positions_of_any_length_go_on_as_they_began():
    x = jnp.zeros((1, positions.ROWS + 2, 4))
    module = positions.Sinusoidal()
    found = module.apply(module.init(jax.random.key(0), x), x)[0]
    np.testing.assert_array_equal(found, positions.sinusoidal(positions.ROWS + 2, 4))
    with pytest.raises(ValueError, match="positions of 5 numbers"):
        positions.sinusoidal(3, 5)


def shapes(net, **more):
    batch = {"x": jnp.ones((1, 2, *net.frame_shape)), "language": jnp.zeros(1, int), **more}
    return jax.eval_shape(lambda: nets.init(net, jax.random.key(0), batch))


@pytest.mark.parametrize(
    ("net", "entries", "parameters"),
    [
        (poseformer.PoseFormer(), 96, 2_175_242),
        (poseformer.PoseFormer(num_gloss=292), 96, 2_143_204),
        (poseformer.PoseFormer(num_gloss=33, n_layers=2), 72, 1_499_169),
        (poseformer.PoseFormer(num_gloss=9, languages=3, label_norm=True), 99, None),
        (ptn.PTN(), 70, 1_103_778),
        (ptn.PTN(embedding="none"), 55, 606_538),
        (ptn.PTN(residual=True, languages=2, language_dim=5), 73, None),
        (ptn.PTN(generation="A", input_dim=201, embedding="attn"), 202, None),
        (ptn.PTN(generation="A", input_dim=108), 70, None),
    ],
)  # fmt: skip
def test_layout_of_the_originals_checkpoint(net, entries, parameters):
    table = net.key_table()
    variables = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes(net))
    exported = state_dict.to_state_dict(table, variables)
    assert len(exported) == len(jax.tree.leaves(variables)) == entries
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert parameters in (None, count)
    again = state_dict.to_variables(table, exported)
    assert jax.tree.structure(again) == jax.tree.structure(dict(variables))
    owners = [name for name in nets.names() if nets.get(name).matches(exported)]
    assert owners == [nets.name_of(type(net))]
    fields = type(net).fields_from_state_dict(exported)
    assert fields == {name: getattr(net, name) for name in fields}
    assert net == type(net)(**fields)


def test_an_encoder_starts_as_torchs_with_layers_that_are_copies():
    encoder = post_norm.PostNormEncoder(2, 2, 32)
    params = jax.jit(encoder.init)(jax.random.key(0), jnp.ones((1, 2, 16)))["params"]
    first = params["layer_0"]
    jax.tree.map(np.testing.assert_array_equal, first, params["layer_1"])
    packed = np.abs(first["attention"]["in_proj_weight"])
    assert packed.max() == pytest.approx(np.sqrt(6 / (16 + 48)), rel=0.05)
    assert not np.any(first["attention"]["in_proj_bias"])
    assert not np.any(first["attention"]["out"]["bias"])
    assert np.abs(first["attention"]["out"]["kernel"]).max() == pytest.approx(1 / 4, rel=0.05)
    assert np.abs(first["linear2"]["kernel"]).max() == pytest.approx(32**-0.5, rel=0.05)
    assert np.abs(first["linear1"]["bias"]).max() > 0.1


def test_a_block_of_poseformer_starts_as_the_originals():
    block = poseformer.PreNormBlock(2, 0.0, 0.0)
    init = jax.jit(functools.partial(block.init, train=False))
    params = init(jax.random.key(0), jnp.ones((1, 2, 64)), None)["params"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if path[-1].key == "bias":
            assert not np.any(leaf), path
        if path[-1].key == "kernel":
            assert np.std(leaf) == pytest.approx(0.02, rel=0.05), path


def test_a_head_that_is_told_languages_needs_them():
    net = POINTS["poseformer"].clone(languages=2)
    with pytest.raises(UserError, match="net.languages=2, but these clips come without"):
        shapes(net, language=None)
    shapes(POINTS["poseformer"], language=None)


@pytest.mark.parametrize(
    ("net", "x", "message"),
    [
        (POINTS["ptn"], (1, 4, 74, 3), "expected \\[B, T, 75, 3\\]"),
        (NETS["ptn_a"], (1, 4, 7), "expected \\[B, T, 6\\]"),
        (ptn.PTN(embedding="attn"), (1, 4, 75, 3), "generation B has frames of 134 numbers"),
        (ptn.PTN(generation="A", embedding="attn"), (1, 4, 134), "needs x, y and z"),
        (poseformer.PoseFormer(emb_dim=20), (1, 4, 75, 3), "divisible by n_heads=8"),
        (poseformer.PoseFormer(emb_dim=9, n_heads=3), (1, 4, 75, 3), "need an even width"),
    ],
)
def test_what_does_not_fit_is_refused(net, x, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(net.init, jax.random.key(0), jnp.zeros(x))
