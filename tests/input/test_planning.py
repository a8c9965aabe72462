"""Which examples make which batch: every piece once, in a bucket that holds it, batches of old."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.input import planning
from jaxsign.input.signs import pieces

# Digests of batches that the code made before sizes had several axes.
RECORDED = json.loads(Path(__file__).with_name("plans.json").read_text())
SIZES = {
    1: st.lists(st.tuples(st.integers(1, 60)), min_size=1, max_size=50),
    2: st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), min_size=1, max_size=50),
}
BUCKETS = {
    1: st.sampled_from([(), (8,), (8, 16, 32), (100,)]),
    2: st.sampled_from([(), ((8, 9),), ((8, 4), (30, 2), (30, 8)), ((5, 5), (60, 1), (100, 3))]),
}


def room(most):
    return lambda frames: np.minimum(frames, most)[:, None]


def all_of(plan, epoch):
    return [plan[epoch * plan.per_epoch + i] for i in range(plan.per_epoch)]


@pytest.mark.parametrize("axes", [1, 2])
@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 7), st.integers(1, 3), st.booleans())
def test_plan_gives_each_row_once_an_epoch(axes, data, batch_size, accumulation, shuffle):
    sizes = np.array(data.draw(SIZES[axes]))
    buckets = planning.bucket_sizes(data.draw(BUCKETS[axes]), sizes.max(axis=0))
    cutting = planning.Whole(sizes)
    plan = planning.Plan(cutting, buckets, batch_size, accumulation, 0, shuffle=shuffle)
    assert plan.per_epoch == -(-len(sizes) // (batch_size * accumulation))
    for epoch in range(3):
        batches = all_of(plan, epoch)
        rows = np.concatenate([batch.rows.ravel() for batch in batches])
        assert sorted(rows[rows >= 0]) == list(range(len(sizes)))
        assert {batch.size for batch in batches} == set(plan.sizes)
        for batch in batches:
            assert batch.rows.shape == (accumulation, batch_size)
            assert batch.parts.shape == (accumulation, batch_size, 0)
            assert (batch.rows >= 0).any()
            assert (sizes[batch.rows[batch.rows >= 0]] <= batch.size).all()


def test_buckets_end_in_the_largest_size():
    lengths = np.array([1, 8, 9, 40, 100])[:, None]
    buckets = planning.bucket_sizes((32, 8, 1000), (100,))
    assert buckets.ravel().tolist() == [8, 32, 100]
    assert planning.place(lengths, buckets).tolist() == [0, 0, 1, 2, 2]
    assert planning.bucket_sizes((), (40,)).tolist() == [[40]]


def test_a_bucket_holds_a_row_in_every_axis():
    buckets = planning.bucket_sizes(((10, 2), (5, 5), (9, 90)), (20, 8))
    assert buckets.tolist() == [[10, 2], [5, 5], [9, 8], [20, 8]]
    sizes = np.array([[9, 2], [5, 3], [6, 3], [11, 1]])
    assert planning.place(sizes, buckets).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"size \[21, 1\]"):
        planning.place(np.array([[21, 1]]), buckets)


def test_rows_move_on_only_to_buckets_that_hold_them():
    sizes = np.array([[9, 1]] * 3 + [[4, 4]] * 4 + [[9, 4]])
    buckets = planning.bucket_sizes(((10, 1), (4, 4), (10, 4)), (10, 4))
    plan = planning.Plan(planning.Whole(sizes), buckets, 2, 1, 0, shuffle=False)
    found = [(batch.size, batch.rows.ravel().tolist()) for batch in all_of(plan, 0)]
    assert found == [
        ((10, 1), [0, 1]),
        ((4, 4), [3, 4]),
        ((4, 4), [5, 6]),
        ((10, 4), [2, 7]),
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_plans_of_one_axis_are_those_of_old(name):
    seed, count, longest, most, batch_size, accumulation = map(int, name.split()[:6])
    buckets, kind, order = name.split()[6:]
    asked = tuple(map(int, buckets.strip("()").split(","))) if buckets != "()" else ()
    lengths = np.random.default_rng(seed).integers(1, longest + 1, count)
    cutting = planning.Whole(room(most)(lengths))
    if kind == "windows":
        cutting = pieces.ClipWindows(lengths, 20, 10, seed, room(most))
    last = (most,) if asked else cutting.sizes.max(axis=0)
    plan = planning.Plan(
        cutting,
        planning.bucket_sizes(asked, last),
        batch_size,
        accumulation,
        seed,
        shuffle=order == "shuffled",
    )
    made = hashlib.sha256()
    for planned in (plan[number] for number in range(3 * plan.per_epoch)):
        made.update(f"{planned.size[0]}{planned.rows.tolist()}".encode())
        if kind == "windows":
            start, frames = np.moveaxis(planned.parts, -1, 0)
            made.update(f"{start.tolist()}{frames.tolist()}".encode())
    assert [plan.per_epoch, [n for (n,) in plan.sizes], made.hexdigest()[:12]] == RECORDED[name]


def test_balanced_epochs_have_as_many_rows_of_each_class():
    labels = np.array([0] * 40 + [1] * 7 + [5] * 3)
    sizes = np.arange(1, 51)[:, None]
    cutting = planning.Balanced(sizes, labels, seed=4)
    epochs = [cutting(epoch) for epoch in range(6)]
    for one in epochs:
        assert sorted(np.bincount(labels[one.example], minlength=6)[[0, 1, 5]]) == [16, 17, 17]
        np.testing.assert_array_equal(one.sizes, sizes[one.example])
        times = np.bincount(one.example, minlength=50)
        for label in (0, 1, 5):  # all of a class before one comes again
            own = times[labels == label]
            assert own.max() - own.min() <= 1
    assert len({tuple(sorted(one.example)) for one in epochs}) == 6
    np.testing.assert_array_equal(cutting(3).example, epochs[3].example)
    plans = [planning.Plan(cutting, np.array([[25], [50]]), 8, 1, 4, shuffle=True) for _ in "ab"]
    wanted = [row for batch in all_of(plans[0], 5) for row in batch.rows.ravel().tolist()]
    assert sorted(row for row in wanted if row >= 0) == sorted(epochs[5].example.tolist())
    np.testing.assert_array_equal(plans[1][5 * plans[1].per_epoch].rows.ravel(), wanted[:8])


def test_the_easiest_examples_are_a_share_of_all():
    hard = np.array([5.0, 1.0, 3.0, 1.0, 9.0])
    assert planning.easiest(hard, 0.6).tolist() == [1, 3, 2]
    assert planning.easiest(hard, 1.0).tolist() == [1, 3, 2, 0, 4]
    assert planning.easiest(hard, 0.01).tolist() == [1]


def test_some_of_an_epochs_pieces_are_as_many_in_every_one():
    sizes = np.arange(1, 21)[:, None]
    labels = np.arange(20) % 3
    drawn = planning.Some(planning.Balanced(sizes, labels, 7), np.arange(8))
    epochs = [drawn(epoch) for epoch in range(6)]
    assert {len(one.example) for one in epochs} == {len(epochs[0].example)}
    for one in epochs:
        assert set(one.example.tolist()) <= set(range(8))
        assert (one.sizes[:, 0] == one.example + 1).all()
    whole = planning.Some(planning.Whole(sizes), np.array([4, 2, 9]))
    assert whole(3).example.tolist() == [2, 4, 9]
    plan = planning.Plan(whole, planning.bucket_sizes((), (20,)), 2, 1, 0, shuffle=True)
    assert plan.per_epoch == 2
    rows = [{*plan[n].rows.ravel().tolist(), *plan[n + 1].rows.ravel().tolist()} for n in (0, 6)]
    assert rows == [{2, 4, 9, -1}] * 2
