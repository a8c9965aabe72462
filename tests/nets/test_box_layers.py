"""A detector's operations on boxes beside plain loops over them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.nets.layers import anchors, boxes, proposals

ROOM = 12  # boxes that a compiled program takes
# Corners of whole pixels: overlaps of just a half are common then, and exact.
CORNERS = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(0, 5)] * 2)


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def best(rows, real, threshold, count, kind):
    return boxes.best(rows, real, threshold, count, kind)


def plain_overlap(a, b, extra):
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + extra, 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + extra, 0)
    sizes = [(c[2] - c[0] + extra) * (c[3] - c[1] + extra) for c in (a, b)]
    return width * height / (sum(sizes) - width * height) if sum(sizes) else np.nan


def plain_best(rows, threshold, count, kind):
    """Places of the boxes that stay, of rows of which the first is the best."""
    kept, left = [], list(range(len(rows)))
    while left and len(kept) < count:
        first, *left = left
        kept.append(first)
        shared = [plain_overlap(rows[first], rows[i], boxes.KINDS[kind]) for i in left]
        gone = [s >= threshold if kind == boxes.LEGACY else s > threshold for s in shared]
        left = [i for i, lost in zip(left, gone, strict=True) if not lost]
    return kept


@settings(max_examples=150, deadline=None)
@given(
    st.lists(CORNERS, max_size=ROOM),
    st.sampled_from([0.25, 0.5]),
    st.sampled_from([1, 5, ROOM]),
    st.sampled_from(sorted(boxes.KINDS)),
    st.randoms(use_true_random=False),
)
def test_suppression_is_that_of_a_loop(corners, threshold, count, kind, random):
    rows = np.array([(x, y, x + w, y + h) for x, y, w, h in corners], np.float32).reshape(-1, 4)
    places = sorted(random.sample(range(ROOM), len(rows)))  # padding may stand between them
    padded, real = np.full((ROOM, 4), np.nan, np.float32), np.zeros(ROOM, bool)
    padded[places], real[places] = rows, True
    got, found = best(padded[None], real[None], threshold, count, kind)
    expected = [places[i] for i in plain_best(rows, threshold, count, kind)]
    assert np.asarray(got)[np.asarray(found)].tolist() == expected
    assert found[0, : len(expected)].all() and not found[0, len(expected) :].any()


def test_frames_do_not_touch_each_other_and_nothing_is_kept_of_nothing():
    rows = jnp.asarray([[[0.0, 0, 9, 9], [0, 0, 9, 8]], [[0, 0, 9, 9], [20, 0, 29, 9]]])
    places, found = boxes.best(rows, jnp.ones((2, 2), bool), 0.5, 3)
    assert places.tolist() == [[0, 0, 0], [0, 1, 0]]
    assert found.tolist() == [[True, False, False], [True, True, False]]
    places, found = boxes.best(rows[:, :0], jnp.ones((2, 0), bool), 0.5, 3)
    assert places.shape == found.shape == (2, 3) and not found.any()


def test_just_at_the_threshold_the_definitions_differ():
    legacy = jnp.asarray([[[0.0, 0, 9, 9], [0, 0, 9, 4]]])
    points = jnp.asarray([[[0.0, 0, 10, 10], [0, 0, 10, 5]]])
    real = jnp.ones((1, 2), bool)
    assert boxes.overlap(*legacy[0], boxes.LEGACY) == 0.5
    assert boxes.overlap(*points[0], boxes.TORCHVISION) == 0.5
    assert boxes.best(legacy, real, 0.5, 2, boxes.LEGACY)[1].tolist() == [[True, False]]
    assert boxes.best(points, real, 0.5, 2, boxes.TORCHVISION)[1].tolist() == [[True, True]]


def test_a_moved_box_loses_the_pixel_that_is_added_to_its_sides():
    found = boxes.moved(jnp.asarray([0.0, 0, 9, 19]), jnp.asarray([0.1, 0, 0, np.log(2)]))
    np.testing.assert_allclose(found, [1, -10, 11, 30], rtol=1e-6)
    window = jnp.asarray([[25, 11]])
    assert boxes.clipped(found[None], window)[0].tolist() == [1, 0, 10, 24]


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4), (2, 3, 5, 4)])
def test_every_box_is_clipped_to_its_own_image(shape):
    sizes = np.array([[10, 20], [30, 40]])
    found = np.asarray(boxes.clipped(jnp.full(shape, 1e3), jnp.asarray(sizes)))
    for frame, (height, width) in zip(found, sizes, strict=True):
        assert np.unique(frame.reshape(-1, 4), axis=0).tolist() == [[width - 1, height - 1] * 2]


def test_deltas_beyond_what_floats_hold_do_not_make_other_boxes():
    deltas = jnp.asarray([[0, 0, 200.0, 0], [0, 0, -200, 0], [0, 0, 80, 0]])
    found = boxes.clipped(boxes.moved(jnp.asarray([0.0, 0, 9, 9]), deltas), jnp.ones((3, 2)) * 50)
    assert found.tolist() == [[0, 0, 49, 10], [5, 0, 5, 10], [0, 0, 49, 10]]


def test_factors_of_sides_are_right_to_the_last_bit_or_the_one_before():
    sizes = np.linspace(-8, 8, 999, dtype=np.float32)
    deltas = np.zeros((999, 4), np.float32)
    deltas[:, 2] = sizes
    found = np.asarray(jax.jit(boxes.moved)(jnp.asarray([0.0, 0, 1, 1]), jnp.asarray(deltas)))
    exact = np.exp(sizes.astype(np.float64))
    np.testing.assert_allclose(found[:, 2] - found[:, 0], 2 * exact, rtol=2e-7, atol=2e-7)


def test_anchors_stand_cell_by_cell_about_its_middle():
    cell = anchors.of_cell((0.5, 1, 2), (8, 16))
    assert cell.shape == (6, 4)
    assert cell[2].tolist() == [7.5 - 63.5, 7.5 - 63.5, 7.5 + 63.5, 7.5 + 63.5]
    sides = cell[:, 2:] - cell[:, :2] + 1
    assert sides.tolist() == [
        [184, 96], [368, 192], [128, 128], [256, 256], [88, 176], [176, 352]
    ]  # fmt: skip
    every = anchors.of_map(cell, 2, 3)
    np.testing.assert_array_equal(every[:6], cell)
    np.testing.assert_array_equal(every[6 * 4 : 6 * 5], cell + [16, 16, 16, 16])
    np.testing.assert_array_equal(every[6 * 2 : 6 * 3], cell + [32, 0, 32, 0])


def plain_proposals(scores, deltas, given, size, most, count):
    order = np.argsort(-scores, kind="stable")[:most]
    found = boxes.clipped(boxes.moved(given[order], deltas[order])[None], size[None])[0]
    return np.asarray(found)[plain_best(np.asarray(found), 0.7, count, boxes.LEGACY)]


@pytest.mark.parametrize("most", [20, 1000])
def test_proposals_are_the_best_of_what_is_left(most):
    rng = np.random.default_rng(0)
    given = anchors.of_map(anchors.of_cell(), 3, 4)
    scores = rng.choice(np.linspace(0, 1, 30, dtype=np.float32), (2, len(given)))  # many equal
    deltas = rng.normal(0, 0.3, (2, len(given), 4)).astype(np.float32)
    sizes = np.array([[48, 64], [40, 50]])
    found, real = proposals.proposals(
        scores, jnp.asarray(deltas), jnp.asarray(given), jnp.asarray(sizes), most=most, count=30
    )
    for i in range(2):
        expected = plain_proposals(scores[i], deltas[i], given, sizes[i], most, 30)
        assert 3 < len(expected)
        np.testing.assert_array_equal(np.asarray(found[i])[np.asarray(real[i])], expected)
        assert not np.asarray(found[i])[~np.asarray(real[i])].any()


def test_anchors_of_padding_propose_nothing():
    given = jnp.asarray(anchors.of_map(anchors.of_cell((1,), (1, 2)), 1, 4))
    scores, deltas = jnp.arange(8.0)[None], jnp.zeros((1, 8, 4))
    real = jnp.asarray([[True] * 4 + [False] * 4])
    sizes = jnp.asarray([[16, 32]])
    few, kept = proposals.proposals(scores, deltas, given, sizes, real, count=5)
    alone, all_kept = proposals.proposals(scores[:, :4], deltas[:, :4], given[:4], sizes, count=5)
    np.testing.assert_array_equal(few, alone)
    np.testing.assert_array_equal(kept, all_kept)
    assert kept.any()
