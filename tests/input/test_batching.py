"""Batches of examples of two ragged axes: every row once, the same however they are made."""

import json

import numpy as np
import pytest
from boxes import Boxes

from jaxsign.errors import UserError
from jaxsign.input import batching, planning
from jaxsign.input.batching import BatchOptions, EvalBatches, TrainBatches

BUCKETS = ((3, 5), (6, 3), (6, 5))


def options(**changes):
    return BatchOptions(**{"batch_size": 4, "buckets": BUCKETS, "seed": 3, **changes})


def equal(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def rows(batches):
    return np.concatenate([batch["index"].ravel() for batch in batches])


def check_rows(batch, videos):
    """Every row of a batch [B, ...] is its video, padded."""
    for row, index in enumerate(batch["index"]):
        if index < 0:
            assert batch["weight"][row] == 0 and not batch["boxes"][row].any()
            assert batch["valid_boxes"][row].sum() == 1
            continue
        frames, most = videos.real[index].shape
        assert batch["weight"][row] == 1 and batch["label"][row] == videos.labels[index]
        np.testing.assert_array_equal(batch["boxes"][row, :frames, :most], videos.boxes[index])
        assert not batch["boxes"][row, frames:].any()
        assert batch["valid_boxes"][row].sum() == videos.real[index].sum()


def test_training_batches_hold_every_piece_once_an_epoch():
    videos = Boxes()
    batches = TrainBatches(videos, options(accumulation=2))
    assert batches.shape == (2, 4) and batches.steps_per_epoch == -(-60 // 8)
    iterator = batches.iterator()
    epochs = [[next(iterator) for _ in range(batches.steps_per_epoch)] for _ in range(2)]
    for epoch in epochs:
        found = rows(epoch)
        assert sorted(found[found >= 0]) == sorted([*range(30)] * 2)
        for batch in epoch:
            assert batch["boxes"].shape[:2] == (2, 4)
            assert batch["boxes"].shape[2:4] in batches.sizes
            assert batch["weight"].dtype == np.float32 and batch["index"].dtype == np.int32
    assert list(rows(epochs[0])) != list(rows(epochs[1]))


@pytest.mark.parametrize("buckets", [(), ((3, 5), (12, 5))])
def test_evaluation_batches_hold_each_example_once(buckets):
    videos = Boxes(training=False)
    batches = EvalBatches(videos, options(buckets=buckets))
    passes = [list(batches), list(batches)]
    for one, other in zip(*passes, strict=True):
        equal(one, other)
    found = rows(passes[0])
    assert len(passes[0]) == len(batches) == 8 and len(found) == 32
    assert sorted(found[found >= 0]) == list(range(30))
    if not buckets:
        assert list(found[:30]) == list(range(30)) and batches.sizes == [(12, 5)]
    for batch in passes[0]:
        check_rows(batch, videos)


@pytest.mark.parametrize(
    ("asked", "accumulation", "shared", "expected"),
    [(64, 1, 1, 60), (64, 1, 8, 64), (64, 1, 7, 63), (64, 2, 4, 32), (32, 1, 1, 32), (9, 1, 2, 9)],
)
def test_a_batch_that_an_epoch_does_not_fill_is_smaller(asked, accumulation, shared, expected):
    same = {"batch_size": asked, "accumulation": accumulation}
    small, full = (TrainBatches(Boxes(), options(**same, shared=n)) for n in (shared, 0))
    assert small.shape == (accumulation, expected) and full.shape == (accumulation, asked)
    assert small.steps_per_epoch == full.steps_per_epoch
    one, other = next(small.iterator()), next(full.iterator())
    for key in one:  # the same rows, changed by the same draws, without filler
        rows = one[key].reshape(-1, *one[key].shape[2:])
        filled = other[key].reshape(-1, *other[key].shape[2:])
        np.testing.assert_array_equal(rows, filled[: len(rows)])


def test_an_epoch_may_have_fewer_batches_and_goes_on_with_the_others():
    whole = TrainBatches(Boxes(), options())
    for limit, count in ((3, 3), (0.5, whole.steps_per_epoch // 2), (99, whole.steps_per_epoch)):
        assert TrainBatches(Boxes(), options(limit=limit)).steps_per_epoch == count
    few, every = TrainBatches(Boxes(), options(limit=3)).iterator(), whole.iterator()
    for _ in range(5):
        equal(next(few), next(every))
    videos = Boxes(training=False)
    some = list(EvalBatches(videos, options(limit=2)))
    for one, other in zip(some, EvalBatches(videos, options()), strict=False):
        equal(one, other)
    assert len(some) == 2


def test_the_same_batches_in_every_epoch_wherever_one_goes_on():
    batches = TrainBatches(Boxes(), options(limit=2, repeat=True))
    iterator = batches.iterator()
    found = [next(iterator) for _ in range(6)]
    for number in range(2, 6):
        np.testing.assert_array_equal(found[number]["index"], found[number - 2]["index"])
        equal(next(batches.iterator({"batch": number})), found[number])
    assert set(rows(found[:1]).tolist()) != set(rows(found[1:2]).tolist())


def test_blank_batches_are_like_those_of_training():
    batches = TrainBatches(Boxes(), options(accumulation=2))
    batch, blank = next(batches.iterator()), batches.blank(batches.sizes[-1])
    assert blank.keys() == batch.keys() and blank["boxes"].shape == (2, 4, 6, 5, 4)
    for key in batch:
        assert blank[key].dtype == batch[key].dtype and blank[key].ndim == batch[key].ndim
    assert batches.blank((6, 3), (1,))["valid_boxes"].shape == (1, 6, 3)


def test_an_example_may_count_less():
    class Light(Boxes):
        def example(self, index, rng=None, piece=()):
            return {**super().example(index, rng, piece), "weight": index / 64}

    (batch,) = EvalBatches(Light(3, training=False), options(buckets=()))
    assert batch["weight"].tolist() == [0, 1 / 64, 2 / 64, 0]


def test_resume_anywhere_gives_the_same_batches():
    videos = Boxes()
    batches = TrainBatches(videos, options())
    iterator, made, states = batches.iterator(), [], []
    for _ in range(batches.steps_per_epoch + 4):
        made.append(next(iterator))
        states.append(json.loads(json.dumps(iterator.get_state())))
    for stop in (0, 7, batches.steps_per_epoch - 1, batches.steps_per_epoch + 1):
        fresh = TrainBatches(videos, options(threads=5, prefetch=9))
        resumed = fresh.iterator(states[stop])
        for batch in made[stop + 1 : stop + 3]:
            equal(next(resumed), batch)


def test_processes_share_a_batch():
    videos = Boxes()
    whole = TrainBatches(videos, options(accumulation=2)).iterator()
    parts = [
        TrainBatches(videos, options(accumulation=2, process_index=i, process_count=2)).iterator()
        for i in range(2)
    ]
    for _ in range(5):
        pieces = [next(part) for part in parts]
        assert pieces[0]["boxes"].shape[1] == 2
        joined = {k: np.concatenate([p[k] for p in pieces], axis=1) for k in pieces[0]}
        equal(joined, next(whole))


def test_an_easier_share_of_the_examples_makes_all_batches():
    videos = Boxes()
    share = TrainBatches(videos, options(easiest=0.4))
    kept = planning.easiest(videos.difficulties(), 0.4)
    room = videos.sizes.prod(axis=1)
    assert room[kept].max() <= np.delete(room, kept).min()
    feed, seen = share.iterator(), set()
    for _ in range(2 * share.steps_per_epoch):
        state = json.loads(json.dumps(feed.get_state()))
        batch = next(feed)
        seen |= set(batch["index"].ravel().tolist()) - {-1}
        again = TrainBatches(videos, options(easiest=0.4)).iterator(state)
        equal(next(again), batch)
    assert seen == set(kept.tolist())
    assert share.steps_per_epoch < TrainBatches(videos, options()).steps_per_epoch


def test_device_prefetch_pairs_a_batch_with_the_state_behind_it():
    batches = TrainBatches(Boxes(), options())
    plain = batches.iterator()
    feed = batching.device_prefetch(batches.iterator(), lambda batch: batch, depth=3)
    for _ in range(4):
        batch, state = next(feed)
        equal(batch, next(plain))
        assert state == plain.get_state()


def test_worker_processes_make_the_same_batches():
    videos = Boxes()
    alone = TrainBatches(videos, options()).iterator()
    helped = TrainBatches(videos, options(workers=1)).iterator()
    for _ in range(3):
        equal(next(helped), next(alone))
    state = json.loads(json.dumps(helped.get_state()))
    expected = next(alone)
    # A run may go on without the processes it began with.
    equal(next(TrainBatches(videos, options()).iterator(state)), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "input.batch_size=0"),
        ({"batch_size": 5, "process_count": 2}, "multiple of the 2 processes"),
        ({"buckets": ((16, 0),)}, "2 positive whole numbers each"),
        ({"buckets": (16, 32)}, "2 positive whole numbers each"),
    ],
)
def test_impossible_settings(change, message):
    with pytest.raises(UserError, match=message):
        TrainBatches(Boxes(2), options(**change))
