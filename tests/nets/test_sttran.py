"""STTran: videos in batches, its two kinds of attention, what it tells of boxes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scenes

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import state_dict, sttran
from jaxsign.nets.layers import batch_norm, object_classifier, roi_align, spatial_masks

VARIABLES = scenes.variables_of("sttran")


def net_of(mode, **fields):
    return scenes.net_of("sttran", mode, **fields)


def told(batch, **fields):
    return np.asarray(scenes.answer(net_of("predcls", **fields))(batch)["relations"])


def padded(videos):
    """Eight rows, as what is compiled already takes them."""
    return scenes.batch([*videos, *videos[:1] * (scenes.COUNT - len(videos))], *scenes.SIZES)


def test_a_video_of_one_frame_is_told_from_within_it_and_in_the_original_by_biases_alone():
    batch = padded(scenes.some_videos([(1, 3)], 0)[0])
    ours, theirs = (told(batch, parity=parity)[0, 0] for parity in (False, True))
    biases = [VARIABLES["params"][f"head_{i}"]["bias"] for i in range(3)]
    np.testing.assert_array_equal(theirs[:2], np.stack([np.concatenate(biases)] * 2))
    assert np.abs(ours[:2] - theirs[:2]).max() > 0.1


def test_a_frame_sees_the_one_before_it_and_a_frame_without_pairs_keeps_its_place():
    (video,), rng = scenes.some_videos([(4, 3)], 0)
    video["valid_pairs"][1] = False

    def changed_by(*frames):
        other = {**video, "features": video["features"].copy()}
        other["features"][list(frames)] += rng.normal(size=other["features"][0].shape)
        # The norms of the front end take all pairs together, but answers use running statistics.
        found = told(padded([video, other]))
        return (np.abs(found[0] - found[1]).max((-2, -1)) > 1e-6).tolist()

    assert changed_by(0, 2) == [True, False, True, True]
    assert changed_by(0) == [True, False, False, False]


def test_gradients_are_the_same_where_inner_values_are_made_again():
    batch = padded(scenes.some_videos([(2, 3)], 0)[0])
    again, kept = (
        scenes.learn(net_of("predcls", remat=remat))(batch)[1] for remat in (True, False)
    )
    jax.tree.map(scenes.assert_as_large, again, kept)


def test_the_originals_keys_go_in_and_out_and_tell_the_sizes():
    net = net_of("predcls", spatial_layers=1, temporal_layers=1)
    weights = state_dict.to_state_dict(net.key_table(), VARIABLES)
    back = state_dict.to_variables(net.key_table(), weights)
    jax.tree.map(np.testing.assert_array_equal, back, dict(VARIABLES))
    found = sttran.STTran.fields_from_state_dict(weights)
    assert sttran.STTran(**{**found, "n_heads": 2, "dropout": 0.0}) == net
    assert [name for name in nets.names() if nets.get(name).matches(weights)] == ["sttran"]
    for gone in ("spatial", "temporal"):
        less = net_of("predcls", **{f"{gone}_layers": 0})
        kept = {row.key: weights[row.key] for row in less.key_table()}
        assert len(weights) - len(kept) == 12 - 2 * (gone == "temporal")
        found = sttran.STTran.fields_from_state_dict(kept)
        assert sttran.STTran(**{**found, "n_heads": 2, "dropout": 0.0}) == less
    extended = {**weights, "object_classifier.intermediate.0.weight": weights["vr_fc.bias"]}
    assert not sttran.STTran.matches(extended)
    with pytest.raises(UserError, match="3 groups"):
        net_of("predcls", predicates=(2, 4)).key_table()


def test_words_are_put_into_all_three_tables():
    words = np.random.default_rng(0).normal(size=(scenes.OBJECTS, 2)).astype(np.float32)
    params = net_of("predcls").with_words(VARIABLES, words)["params"]
    np.testing.assert_array_equal(params["object_classifier"]["words"]["table"], words[1:])
    for name in ("subject_words", "object_words"):
        np.testing.assert_array_equal(params["pair_features"][name]["table"], words)
    with pytest.raises(ValueError, match=r"\(6, 3\), expected \(6, 2\)"):
        net_of("predcls").with_words(VARIABLES, np.zeros((scenes.OBJECTS, 3)))


def test_classes_cannot_be_told_without_a_detectors_distribution():
    batch = scenes.batch(scenes.some_videos([(1, 2)], 0, every=True)[0], 1, 2, 1)
    with pytest.raises(UserError, match="distribution"):
        jax.eval_shape(scenes.answer(net_of("sgcls")), {**batch, "distribution": None})
    jax.eval_shape(scenes.answer(net_of("predcls")), {**batch, "distribution": None})


def slow_tell(found):
    """Of one frame's probabilities without the background, as the original's loops do it."""
    found = found.copy()
    labels, scores = found[:, 1:].argmax(1) + 2, found[:, 1:].max(1)
    person = int(found[:, 0].argmax())
    labels[person], scores[person] = 1, found[person, 0]
    values, counts = np.unique(labels, return_counts=True)
    common = values[counts.argmax()]
    for box in sorted(np.flatnonzero(labels == common), key=lambda box: found[box, common - 1])[
        :-1
    ]:
        found[box, common - 1] = 0
        labels[box], scores[box] = found[box].argmax() + 1, found[box].max()
    return labels, scores, person


def test_classes_of_a_frame_are_told_as_the_originals_loops_tell_them():
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(1, 200, 5, 4)).astype(np.float32)
    valid = np.arange(5) < rng.integers(1, 6, (1, 200, 1))
    told = jax.jit(object_classifier.tell)(jnp.asarray(logits), jnp.asarray(valid))
    every = np.stack(np.triu_indices(5, 1), -1)
    pairs = np.broadcast_to(every, (1, 200, *every.shape))
    real = valid[..., every].all(-1)
    chosen, kept = jax.jit(object_classifier.with_person)(told, pairs, real)
    twice, every_probability = 0, np.exp(logits[0, ..., 1:])
    every_probability /= every_probability.sum(-1, keepdims=True)
    chosen, kept = np.asarray(chosen), np.asarray(kept)
    for frame in range(200):
        there = valid[0, frame].sum()
        probabilities = every_probability[frame, :there]
        labels, scores, person = slow_tell(probabilities)
        np.testing.assert_array_equal(told.labels[0, frame, :there], labels)
        np.testing.assert_allclose(told.scores[0, frame, :there], scores, rtol=1e-6)
        wanted = [(person, i) for i in range(there) if i != person and labels[i] != 1]
        assert [tuple(pair) for pair in chosen[0, frame][kept[0, frame]]] == wanted
        twice += (labels == 1).sum() > 1
    assert twice


def test_masks_are_shares_of_cells_and_empty_where_there_is_nothing_around():
    boxes = np.array([[[0, 0, 27, 13.5], [13.5, 0, 27, 27]], [[3, 3, 3, 9], [3, 4, 3, 9]]])
    masks = np.asarray(spatial_masks.spatial_masks(jnp.asarray(boxes))) + 0.5
    wanted = np.zeros((27, 27, 2))
    wanted[:13, :, 0], wanted[13, :, 0] = 1, 0.5
    wanted[:, 14:, 1], wanted[:, 13, 1] = 1, 0.5
    np.testing.assert_allclose(masks[0], wanted, atol=1e-6)
    assert not masks[1].any()


def test_a_slope_is_read_in_the_middle_of_every_cell():
    rows, columns = np.mgrid[:12, :15].astype(np.float32)
    maps = np.stack([rows, columns, np.ones_like(rows)], -1)[None]
    boxes = np.array([[[16, 32, 112, 128], [40, 16, 80, 20]]], np.float32)
    found = np.asarray(jax.jit(roi_align.roi_align)(maps, boxes))
    middle = (np.arange(7) + 0.5) / 7
    for (x1, y1, x2, y2), cells in zip(boxes[0] / 16, found[0], strict=True):
        wide, high = max(x2 - x1, 1), max(y2 - y1, 1)
        down = np.broadcast_to((y1 + high * middle)[:, None], (7, 7))
        right = np.broadcast_to(x1 + wide * middle, (7, 7))
        np.testing.assert_allclose(cells[..., :2], np.stack([down, right], -1), rtol=1e-5)
    np.testing.assert_allclose(found[..., 2], 1, rtol=1e-6)


def test_examples_that_are_normalised_apart_are_as_steps_of_one_each():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(2, 3, (3, 5, 4)).astype(np.float32))
    valid = jnp.asarray(np.arange(5) < np.array([[5], [3], [0]]))
    apart, plain = (batch_norm.BatchNorm(0.2, apart=apart) for apart in (True, False))
    start = plain.init(jax.random.key(0), x)
    run = lambda norm, *inputs: norm.apply(start, *inputs, train=True, mutable=["batch_stats"])  # noqa: E731
    found, new = run(apart, x, valid)
    alone = [run(plain, x[i : i + 1], valid[i : i + 1]) for i in range(2)]
    for row, (wanted, _) in enumerate(alone):
        np.testing.assert_allclose(found[row], wanted[0], rtol=1e-5, atol=1e-6)
    # Two steps of a fifth leave 0.8 ** 2 of the start; each alone leaves 0.8.
    steps = [one[1]["batch_stats"] for one in alone]
    for name, first in (("mean", 0), ("var", 1)):
        mean = np.mean([(np.asarray(one[name]) - 0.8 * first) / 0.2 for one in steps], 0)
        wanted = 0.64 * first + 0.36 * mean
        np.testing.assert_allclose(new["batch_stats"][name], wanted, rtol=1e-5)
    assert new["batch_stats"]["count"] == 2
