"""What is SceneLLM's own: codes and their losses, graphs of boxes, shorter codebooks."""

import functools

import fresh
import jax
import numpy as np
import pytest
import scenes
from scipy.cluster import hierarchy

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import codebook
from jaxsign.nets.layers import box_graph, box_mixing, quantiser

POINTS = 12
cluster = jax.jit(box_graph.clusters)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_are_clustered_as_scipy_does_also_where_some_are_equal(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, POINTS + 1))
    points = np.full((POINTS, 2), 9.0, np.float32)
    points[:count] = rng.random((count, 2))
    if seed % 2:
        points[:count] = points[rng.integers(0, count, count)]
    found = np.asarray(cluster(points, np.arange(POINTS) < count))[:count]
    tree = hierarchy.linkage(points[:count], "ward")
    wanted = hierarchy.fcluster(tree, min(count, max(2, count // 2)), "maxclust")
    assert np.array_equal(found[:, None] == found, wanted[:, None] == wanted)


def test_a_graph_mixes_boxes_as_dgl_would():
    rng = np.random.default_rng(3)
    h, corner = rng.normal(size=(1, 5, 4)), rng.random((1, 5, 2)) / 2
    boxes = np.concatenate([corner, corner + rng.random((1, 5, 2)) / 2], -1)
    valid = np.array([[True] * 4 + [False]])
    module = box_mixing.BoxMixing("graph")
    variables = fresh.variables(module, h, boxes, valid)
    found = jax.jit(module.apply)(variables, h, boxes, valid)
    p = jax.tree.map(np.asarray, variables["params"])

    def dense(x, layer):
        return x @ p[layer]["kernel"] + p[layer]["bias"]

    rows = h[0, :4] + dense(np.maximum(dense(boxes[0, :4], "place_0"), 0), "place_1")
    centres = (boxes[0, :4, :2] + boxes[0, :4, 2:]) / 2
    owners = hierarchy.fcluster(hierarchy.linkage(centres, "ward"), 2, "maxclust")
    joined = np.eye(4)
    for i in range(4):
        joined[i] = np.maximum(joined[i], owners == owners[i])
        joined[i, np.flatnonzero(owners != owners[i])[0]] = 1
    joined /= np.sqrt(joined.sum(1, keepdims=True) * joined.sum(0))
    first = joined.T @ rows @ p["graph_0"]["dense"]["kernel"] + p["graph_0"]["bias"]
    last = joined.T @ np.maximum(first, 0) @ p["graph_1"]["dense"]["kernel"]
    np.testing.assert_allclose(found[0], (last + p["graph_1"]["bias"]).mean(0), atol=1e-5)


def test_the_codebook_learns_but_not_as_the_original_has_it():
    features, valid = np.random.default_rng(0).normal(size=(1, 6, 5)), np.ones((1, 6), bool)
    module = quantiser.Quantiser(7, 4)
    params = fresh.variables(module, features)["params"]

    def learned(params, parity):
        found = module.apply({"params": params}, features)
        return sum(jax.tree.leaves(quantiser.losses(found, valid, parity=parity)))[0], found

    def gradient(params, parity):
        grads, found = jax.grad(learned, has_aux=True)(params, parity)
        return grads["codebook"], found

    both = jax.jit(lambda params: [gradient(params, parity) for parity in (False, True)])
    (ours, found), (theirs, _) = both(params)
    rows = np.asarray(params["codebook"])
    wanted = np.zeros_like(rows)
    for code, inner in zip(found.codes[0], found.inner[0], strict=True):
        assert code == np.argmin(((rows - inner) ** 2).sum(1))
        wanted[code] += 2 * (rows[code] - inner) / (6 * 4)
    np.testing.assert_allclose(ours, wanted, atol=1e-6)
    assert not theirs.any()


def test_a_quantiser_alone_learns_of_a_video_what_it_learns_of_it_in_a_batch():
    net = scenes.net_of("scene_llm", "predcls", stage="vqvae")
    videos, rng = scenes.some_videos([(3, 4), (2, 2), (4, 1)], 0)
    together, grads = scenes.learn(net)(scenes.batch(videos, *scenes.SIZES, rng))
    assert set(net.own_losses) < {*together} and not net.branches
    for number, video in enumerate(videos):
        # Beside itself, so that both batches have one shape.
        apart, _ = scenes.learn(net)(scenes.batch([video] * 3, *scenes.SIZES))
        for name in net.own_losses:
            np.testing.assert_allclose(together[name][number], apart[name][0], rtol=1e-5)
    assert np.asarray(grads["quantiser"]["codebook"]).any()


@pytest.mark.parametrize("mixing", box_mixing.KINDS)
def test_a_token_is_of_all_boxes_and_of_no_padding(mixing):
    rng = np.random.default_rng(1)
    h, boxes = rng.normal(size=(2, 9, 8)), rng.random((2, 9, 4)) * 5
    valid = np.arange(9) < np.array([[9], [4]])
    module = box_mixing.BoxMixing(mixing)
    variables = fresh.variables(module, h, boxes, valid, seed=3)
    mix = jax.jit(functools.partial(module.apply, variables))
    found = mix(h, boxes, valid)
    alone = mix(h[1:, :4], boxes[1:, :4], valid[1:, :4])
    np.testing.assert_allclose(found[1], alone[0], rtol=1e-4, atol=1e-5)
    h[1, 3] += 1
    assert not np.allclose(found[1], mix(h, boxes, valid)[1])
    assert not np.asarray(mix(h, boxes, ~valid & valid)).any()


def test_boxes_held_against_the_largest_corner_know_no_padding():
    net = scenes.net_of("scene_llm", "predcls", box_scale="corner")
    videos, rng = scenes.some_videos([(3, 4), (2, 2)], 1)
    together = scenes.answer(net)(scenes.batch(videos, *scenes.SIZES, rng))["embedding"]
    apart = scenes.answer(net)(scenes.batch(videos[::-1], *scenes.SIZES))["embedding"]
    np.testing.assert_allclose(together, apart[::-1], rtol=1e-4, atol=1e-5)


def test_boxes_without_sizes_of_images_are_refused():
    net = scenes.net_of("scene_llm", "predcls")
    batch = scenes.batch(scenes.some_videos([(2, 2)], 1)[0], *scenes.SIZES)
    del batch["image_sizes"]
    with pytest.raises(UserError, match="image_sizes.*corner"):
        scenes.answer(net)(batch)


def test_a_shorter_codebook_has_fewer_rows_than_its_use_is_even_over():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(32, 3))
    assert codebook.shorter(table, np.full(32, 5.0), 8).shape == (24, 3)
    few = np.zeros(32)
    few[[3, 9, 10, 20]] = 7
    # Four rows in even use: only three have less entropy.
    assert codebook.shorter(table, few, 3).shape == (3, 3)
    # All mass comes from rows in use: each new row is a mean of those.
    found = codebook.moved(table, codebook.transport(codebook.shares(few), 3))
    low, high = table[few > 0].min(0) - 1e-6, table[few > 0].max(0) + 1e-6
    assert ((found >= low) & (found <= high)).all()
    assert codebook.shorter(found, np.ones(3), 3) is None


def test_masses_are_moved_whole():
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.ones(20))
    plan = codebook.transport(share, 6)
    np.testing.assert_allclose(plan.sum(1), share, atol=1e-6)
    np.testing.assert_allclose(plan.sum(0), np.full(6, 1 / 6), atol=1e-2)


def test_renewed_variables_hold_fewer_codes_and_none_is_taken_of_the_rest():
    net = scenes.net_of("scene_llm", "predcls", ot_step=4)
    videos, rng = scenes.some_videos([(3, 4), (2, 2)], 1)
    batch = scenes.batch(videos, *scenes.SIZES, rng)
    variables = scenes.variables_of("scene_llm")
    codes_of = jax.jit(lambda variables: nets.call(net, variables, batch)["codes"])
    codes = np.asarray(codes_of(variables))
    assert (codes >= 0).sum() == batch["valid_boxes"].sum()
    every = np.repeat(np.arange(12), 3).reshape(1, 4, 9)
    found = net.renewed(variables, [{"codes": codes[:0]}, {"codes": every}])
    table = found["params"]["quantiser"]["codebook"]
    assert table.shape == (12, 8) and codebook.used(table) == 8
    assert not found["codebook"]["quantiser"]["usage"].any()
    assert codes_of(found).max() < 8
    # A codebook that is as short as it may be stays, and what was taken of it is kept.
    short = net.renewed(found, [{"codes": every % 8}])
    last = net.renewed(short, [{"codes": np.zeros((1, 2, 3), int)}])
    assert codebook.used(last["params"]["quantiser"]["codebook"]) == 4
    assert last["codebook"]["quantiser"]["usage"].tolist() == [6] + [0] * 11


def test_as_the_original_boxes_are_told_from_clipped_shares_of_which_no_gradient_knows():
    net = scenes.net_of("scene_llm", "sgcls", parity=True)
    videos, rng = scenes.some_videos([(3, 4), (2, 3)], 0, every=True)
    batch = scenes.batch(videos, *scenes.SIZES, rng)
    at = np.nonzero(batch["valid_boxes"])
    told = np.asarray(scenes.answer(net)(batch)["distribution"])
    np.testing.assert_allclose(told[at].sum(-1), 1, rtol=1e-5)
    assert 0 < told[at].min() < 1e-9 and not told[~batch["valid_boxes"]].any()
    learned, grads = scenes.learn(net)(batch)
    shares = np.asarray(learned["object_logits"])[at]
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
    assert shares.min() >= 0 and np.asarray(grads["object_classifier"]["linear2"]["kernel"]).any()
