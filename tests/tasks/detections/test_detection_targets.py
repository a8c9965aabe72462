"""What anchors and proposals are to tell, beside plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.nets.layers import anchors, boxes
from jaxsign.tasks.detections import losses, targets

CELL = anchors.of_cell((0.5, 1.0, 2.0), (1.0, 2.0))
ALL = anchors.of_map(CELL, 6, 8)
TRUE = np.array([[10, 12, 40, 50], [60, 20, 90, 60], [0, 0, 0, 0]], np.float32)
REAL = np.array([True, True, False])
SIZE = np.array([90, 120])
WHOLE = targets.Sampling(10_000, 1.0, 0.7, 0.3)


def overlap(one, other):
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    both = np.maximum(high - low + 1, 0).prod()
    return both / ((one[2:] - one[:2] + 1).prod() + (other[2:] - other[:2] + 1).prod() - both)


def labels_by_loop():
    """1, 0 or -1 (not looked at) of every anchor."""
    shared = np.array([[overlap(a, b) for b in TRUE[REAL]] for a in ALL])
    inside = (ALL >= 0).all(1) & (ALL[:, 2] < SIZE[1]) & (ALL[:, 3] < SIZE[0])
    shared[~inside] = -1
    found = np.full(len(ALL), -1)
    found[inside & (shared.max(1) < 0.3)] = 0
    for column in shared.T:
        found[(column == column.max()) & (column > 0)] = 1
    found[shared.max(1) >= 0.7] = 1
    return found, shared


def test_anchors_are_on_something_as_a_loop_finds():
    wanted, shared = labels_by_loop()
    assert {*wanted} == {-1, 0, 1}
    on, counts, deltas = targets.of_anchors(ALL, SIZE, TRUE, REAL, jax.random.key(0), WHOLE)
    found = np.where(np.asarray(counts), np.asarray(on).astype(int), -1)
    np.testing.assert_array_equal(found, wanted)
    moved = boxes.moved(jnp.asarray(ALL), deltas)
    rows = wanted == 1
    # An anchor's own delta leads to its box, but for the pixel by which boxes are longer.
    np.testing.assert_allclose(
        np.asarray(moved)[rows] - [0, 0, 1, 1], TRUE[shared.argmax(1)][rows], atol=1e-3
    )


def test_no_more_are_drawn_than_asked_for_others_by_other_keys_and_the_same_by_the_same():
    asked = targets.Sampling(40, 0.05, 0.3, 0.3)

    def drawn(seed):
        return targets.of_anchors(ALL, SIZE, TRUE, REAL, jax.random.key(seed), asked)[:2]

    on, counts = map(np.asarray, drawn(0))
    assert on.sum() == 2 and counts.sum() == 40 and not (on & ~counts).any()
    assert (np.asarray(drawn(1)[1]) != counts).any()
    np.testing.assert_array_equal(drawn(0)[1], counts)


def test_an_image_without_boxes_is_all_background():
    nothing = np.zeros(3, bool)
    on, counts, deltas = targets.of_anchors(ALL, SIZE, TRUE, nothing, jax.random.key(0), WHOLE)
    assert not on.any() and counts.any() and np.isfinite(np.asarray(deltas)).all()
    given = np.array([[1, 1, 20, 20], [0, 0, 0, 0]], np.float32), np.array([True, False])
    found, valid, classes, _ = targets.of_proposals(
        *given,
        TRUE,
        np.array([1, 2, 0]),
        nothing,
        jax.random.key(0),
        targets.Sampling(4, 0.5, 0.5, 0.5),
    )
    assert valid.tolist() == [True, False, False, False] and not classes.any()
    np.testing.assert_array_equal(found[0], [1, 1, 20, 20])
    assert not np.asarray(found)[1:].any()


def test_proposals_take_the_class_of_what_they_are_on_and_true_boxes_are_among_them():
    near = TRUE[0] + [2, -1, 1, 2]
    proposals = np.stack([near, [90, 60, 110, 80], [0, 0, 9, 9], [1, 1, 2, 2]]).astype(np.float32)
    there = np.array([True, True, True, False])
    found, valid, classes, deltas = targets.of_proposals(
        proposals, there, TRUE, np.array([5, 7, 9]), REAL, jax.random.key(3),
        targets.Sampling(16, 0.5, 0.5, 0.5),
    )  # fmt: skip
    found, valid, classes = map(np.asarray, (found, valid, classes))
    assert valid.sum() == 5 and classes[valid].tolist() == [5, 5, 7, 0, 0]
    np.testing.assert_array_equal(found[:3], [near, TRUE[0], TRUE[1]])
    back = boxes.moved(jnp.asarray(found[0]), deltas[0] * jnp.asarray([0.1, 0.1, 0.2, 0.2]))
    np.testing.assert_allclose(np.asarray(back) - [0, 0, 1, 1], TRUE[0], atol=1e-3)
    np.testing.assert_allclose(deltas[1], 0, atol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_smooth_l1_is_torchs_with_its_edge_at_one_over_sigma_squared(sigma):
    torch = pytest.importorskip("torch")
    x = np.linspace(-2, 2, 41, dtype=np.float32)
    wanted = torch.nn.functional.smooth_l1_loss(
        torch.from_numpy(x), torch.zeros(41), reduction="none", beta=1 / sigma**2
    )
    np.testing.assert_allclose(losses.smooth_l1(x, sigma), wanted.numpy(), rtol=1e-5, atol=1e-7)


def test_means_are_over_what_is_looked_at_alone():
    logits = np.array([[2.0, 0], [0, 1], [50, -50]], np.float32)
    counts = np.array([True, True, False])
    wanted = -(np.log(np.exp(2) / (np.exp(2) + 1)) + np.log(np.e / (1 + np.e))) / 2
    found = losses.classes(jnp.asarray(logits), jnp.array([0, 1, 1]), jnp.asarray(counts))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    told = np.full((3, 4), 3.0, np.float32)
    on = np.array([True, False, False])
    found = losses.deltas(jnp.asarray(told), jnp.zeros((3, 4)), on, counts, 1.0)
    np.testing.assert_allclose(found, 4 * 2.5 / 2)
