"""The ASL hybrid: padding, dropout over a run, and the original's checkpoint layout."""

import functools

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign import local_hands, nets
from jaxsign.errors import UserError
from jaxsign.nets import asl_hybrid, state_dict
from jaxsign.nets.layers import landmark_motion

FIELDS = {"num_gloss": 5, "dim": 16}
POINTS = len(landmark_motion.POINTS)


def clip(rng, frames):
    """Landmarks that drift, a tenth of them not seen."""
    steps = rng.normal(0, 0.01, (frames, POINTS, 2)).cumsum(0)
    x = (rng.random((1, POINTS, 2)) + steps).astype(np.float32)
    x[rng.random((frames, POINTS)) < 0.1] = np.nan
    return x


def padded(clips, rows, frames, filler):
    """Clips in a batch [rows, frames]; what lies outside of them comes from `filler(shape)`."""
    x = filler((rows, frames, POINTS, 2)).astype(np.float32)
    valid = np.zeros((rows, frames), bool)
    for row, one in enumerate(clips):
        x[row, : len(one)], valid[row, : len(one)] = one, True
    return x, valid


def five_clips():
    """Several, because the norm over clips leaves of two only which is the larger."""
    return jnp.asarray(np.stack([clip(np.random.default_rng(i), 6) for i in range(5)]))


def zeros(shape):
    return np.zeros(shape)


def noise_and_nan(seed):
    def filler(shape):
        rng = np.random.default_rng(seed)
        return np.where(rng.random(shape) < 0.3, np.nan, rng.normal(0, 100, shape))

    return filler


def started(net):
    return fresh.variables(net, jnp.ones((1, 4, POINTS, 2)))


def test_local_hands_widen_the_stem_alone():
    kinds = [nets.build(name="asl_hybrid", hands=h, **FIELDS) for h in local_hands.HANDS]
    plain, local = (jax.tree.map(np.shape, started(net)["params"]) for net in kinds)
    assert local["stem"]["kernel"] == (12 * POINTS + 2 * 40, 16)
    assert kinds[1].key_table()[0].shape == (16, 12 * POINTS + 2 * 40)
    assert {**local, "stem": {}} == {**plain, "stem": {}}


@pytest.fixture(scope="module")
def predict():
    net = asl_hybrid.ASLHybrid(**FIELDS)
    variables = started(net)
    apply = jax.jit(net.apply)
    return lambda x, valid=None: np.asarray(apply(variables, x, valid)["logits"]["gloss"])


@settings(deadline=None, max_examples=12)
@given(
    lengths=st.lists(st.sampled_from((1, 4, 12)), min_size=1, max_size=3),
    bucket=st.sampled_from((12, 20)),
    seed=st.integers(0, 99),
)
def test_padding_never_changes_an_answer(predict, lengths, bucket, seed):
    rng = np.random.default_rng(seed)
    clips = [clip(rng, n) for n in lengths]
    together = predict(*padded(clips, 3, bucket, noise_and_nan(seed)))
    assert np.isfinite(together).all()
    for row, one in enumerate(clips):
        np.testing.assert_allclose(together[row], predict(one[None])[0], rtol=1e-4, atol=2e-5)


def test_padding_never_changes_a_training_step():
    net = asl_hybrid.ASLHybrid(**FIELDS, missing="zero", dropout_offset=-1.0)
    # Its own start values: with drawn ones clips become so alike that the norm over them
    # blows rounding up.
    variables = jax.jit(net.init)(jax.random.key(0), jnp.ones((1, 4, POINTS, 2)))
    rng = np.random.default_rng(3)
    clips = [clip(rng, n) for n in (9, 5, 12)]

    def step(x, valid):
        def loss(params):
            output, new = net.apply(
                {**variables, "params": params}, x, valid, train=True, mutable=["batch_stats"]
            )
            return jnp.square(output["logits"]["gloss"][: len(clips)]).mean(), new

        (value, new), grads = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        return value, new, grads

    step = jax.jit(step)
    tight = step(*padded(clips, 3, 12, zeros))
    # A longer bucket, noise in it, and a row that only fills the batch.
    loose = step(*padded(clips, 4, 17, noise_and_nan(4)))
    for a, b in zip(jax.tree.leaves(tight), jax.tree.leaves(loose), strict=True):
        # Some gradients are exactly zero: what is left of them is rounding.
        scale = float(jnp.abs(a).max()) + 0.02
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4 * scale)


def test_the_originals_flaw_can_be_had():
    net = asl_hybrid.ASLHybrid(**FIELDS, mask_padding=False, missing="zero")
    variables = started(net)
    one = clip(np.random.default_rng(0), 7)

    apply = jax.jit(net.apply)

    def predict(frames, valid):
        x, real = padded([one], 1, frames, zeros)
        return apply(variables, x, real if valid else None)["logits"]["gloss"][0]

    # The mask says nothing about the frames of a clip...
    np.testing.assert_allclose(predict(12, True), predict(12, False), rtol=1e-5, atol=1e-6)
    # ... and frames of zeros change the answer by much more than rounding.
    assert np.abs(predict(12, True) - predict(7, True)).max() > 0.01


def test_rows_that_fill_a_batch_do_not_count_even_then():
    net = asl_hybrid.ASLHybrid(**FIELDS, mask_padding=False, missing="zero", dropout_offset=-1.0)
    variables = started(net)
    rng = np.random.default_rng(0)
    x, valid = padded([clip(rng, 7), clip(rng, 7)], 3, 7, zeros)

    @jax.jit
    def update(x, valid):
        return net.apply(variables, x, valid, train=True, mutable=["batch_stats"])[1]

    def statistics(rows):
        return jax.tree.leaves(update(x[:rows], valid[:rows]))

    for a, b in zip(statistics(2), statistics(3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_frames_beyond_max_len_count_in_centre_and_spread_only():
    net = asl_hybrid.ASLHybrid(**FIELDS, max_len=6)
    variables = started(net)
    x = clip(np.random.default_rng(0), 10)[None]
    assert net.max_frames == 6
    other = x.copy()
    # The last frames in another order: the same centre and spread.
    other[:, 6:] = x[:, :5:-1]
    apply = jax.jit(net.apply)
    answers = [apply(variables, a)["logits"]["gloss"] for a in (x, other, x[:, :6])]
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-4, atol=1e-5)
    assert np.abs(answers[0] - answers[2]).max() > 1e-4


def test_all_landmarks_or_the_picked_ones():
    net = asl_hybrid.ASLHybrid(**FIELDS)
    variables = started(net)
    landmarks = np.random.default_rng(0).random((2, 5, 543, 3), dtype=np.float32)
    picked = landmarks[:, :, list(landmark_motion.POINTS), :2]
    apply = jax.jit(net.apply)
    a, b = (apply(variables, x)["logits"]["gloss"] for x in (landmarks, picked))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_dropout_follows_the_run_without_compiling_again():
    net = asl_hybrid.ASLHybrid(
        **FIELDS, stem_dropout=(0.0, 0.9, 2), top_dropout=(0.0, 0.0, 1), dropout_offset=0.0
    )
    variables = started(net)
    x = five_clips()
    traces = []

    @jax.jit
    def train(epoch, key):
        traces.append(epoch)
        output, _ = net.apply(
            variables, x, train=True, rngs={"dropout": key}, mutable=["batch_stats"],
            progress=nets.Progress(epoch, epoch),
        )  # fmt: skip
        return output["logits"]["gloss"]

    key = jax.random.key(0)
    answers = [np.asarray(train(jnp.float32(e), key)) for e in (0, 1, 5)]
    assert len(traces) == 1
    assert np.abs(answers[0] - answers[1]).max() > 1e-3
    # The ramp ends with its second epoch.
    np.testing.assert_array_equal(answers[1], answers[2])


def test_late_dropout_sets_in_at_its_step():
    net = asl_hybrid.ASLHybrid(**FIELDS, late_dropout=0.8, dropout_step=10, dropout_offset=-1.0)
    variables = started(net)
    x = five_clips()

    @functools.partial(jax.jit, static_argnums=0)
    def train(net, step):
        output, _ = net.apply(
            variables, x, train=True, rngs={"dropout": jax.random.key(1)},
            mutable=["batch_stats"], progress=nets.Progress(0.0, step),
        )  # fmt: skip
        return output["logits"]["gloss"]

    without = train(net.clone(late_dropout=0.0), 10)
    np.testing.assert_allclose(train(net, 9), without, rtol=1e-4, atol=1e-5)
    assert np.abs(train(net, 10) - without).max() > 1e-3


def test_two_draws_of_dropout_differ_and_evaluation_has_none(predict):
    net = asl_hybrid.ASLHybrid(**FIELDS, drop_path=0.2)
    variables = started(net)
    x = five_clips()

    @jax.jit
    def train(seed):
        return net.apply(
            variables, x, train=True, rngs={"dropout": jax.random.key(seed)},
            mutable=["batch_stats"],
        )[0]["logits"]["gloss"]  # fmt: skip

    assert np.abs(train(0) - train(1)).max() > 1e-3
    np.testing.assert_array_equal(predict(x), predict(x))


def test_layout_of_the_originals_checkpoint():
    net = asl_hybrid.ASLHybrid()
    table = net.key_table()
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 2, POINTS, 2)))
    variables = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes)
    exported = state_dict.to_state_dict(table, variables)
    parameters = [entry.key for entry in table if entry.path[0] == "params"]
    assert (len(exported), len(parameters)) == (139, 106)
    assert len(jax.tree.leaves(variables)) == 139
    assert sum(exported[key].size for key in parameters) == 1_968_601
    assert asl_hybrid.NET.matches(exported)
    fields = asl_hybrid.NET.fields_from_state_dict(exported)
    assert (fields["dim"], fields["num_gloss"]) == (192, 25)
    again = state_dict.to_variables(table, exported)
    assert jax.tree.structure(again) == jax.tree.structure(dict(variables))


def test_a_damaged_checkpoint_is_refused():
    net = asl_hybrid.ASLHybrid(**FIELDS)
    table = net.key_table()
    exported = state_dict.to_state_dict(table, started(net))
    del exported["lstm.lstm.bias_hh_l1_reverse"]
    exported["top_bn.weight"] = np.zeros(3, np.float32)
    with pytest.raises(UserError, match="bias_hh_l1_reverse(.|\n)*top_bn.weight has shape"):
        state_dict.to_variables(table, exported)


def test_start_values_are_the_originals():
    net = asl_hybrid.ASLHybrid(num_gloss=5, dim=64)
    variables = jax.jit(net.init)(jax.random.key(0), jnp.zeros((1, 2, POINTS, 2)))
    params = variables["params"]
    stem = np.asarray(params["stem"]["kernel"])
    assert np.abs(stem).max() <= np.sqrt(6 / (744 + 64))
    assert np.abs(stem).max() > 0.98 * np.sqrt(6 / (744 + 64))
    depthwise = np.asarray(params["conv_1"]["depthwise"]["kernel"])
    assert depthwise.std() == pytest.approx(np.sqrt(2 / (64 * 17)), rel=0.1)
    pointwise = np.asarray(params["conv_1"]["pointwise"]["kernel"])
    assert pointwise.std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)
    recurrent = np.asarray(params["lstm"]["weight_hh_l0"])
    np.testing.assert_allclose(recurrent.T @ recurrent, np.eye(32), atol=1e-5)
    packed = np.asarray(params["attention_pool"]["in_proj_weight"])
    assert np.abs(packed).max() == pytest.approx(np.sqrt(6 / (4 * 64)), rel=0.02)
    assert np.asarray(params["temporal_attention"]["positions"]).std() == pytest.approx(1, rel=0.02)
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if "bias" in path[-1].key:
            assert not np.any(leaf), path


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"dim": 20}, (1, 4, POINTS, 2), "dim=20 must be divisible by 8"),
        ({}, (4, POINTS, 2), "expected \\[B, T, points, 2 or 3\\]"),
        ({}, (1, 4, 61, 2), "61 points a frame, expected all 543 or the 62"),
        ({"points": (1, 2)}, (1, 4, 2, 2), "landmark 17, the centre"),
        ({"dropout_offset": 0.6}, (1, 4, POINTS, 2), "rates must stay below 1"),
        ({"missing": "guess"}, (1, 4, POINTS, 2), "missing='guess' is none of"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    net = asl_hybrid.ASLHybrid(**{**FIELDS, **fields})
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(net.init, jax.random.key(0), jnp.zeros(shape))
