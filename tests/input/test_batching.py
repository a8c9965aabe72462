import json

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input import batching


class Memory:
    """A source whose clip i has `lengths[i]` frames and label i; its first column is i."""

    name = "memory"

    def __init__(self, lengths, width=5, dtype=np.float32):
        rng = np.random.default_rng(0)
        self.lengths = np.asarray(lengths, np.int32)
        self.clips = [rng.random((n, width)).astype(dtype) for n in lengths]
        for i, clip in enumerate(self.clips):
            clip[:, 0] = i
        self.labels = {"gloss": np.arange(len(lengths), dtype=np.int32)}
        self.ids = [str(i) for i in range(len(lengths))]

    def __len__(self):
        return len(self.ids)

    def read(self, index):
        return self.clips[index]


def jitter(x, rng):
    return x + rng.normal(size=x.shape).astype(np.float32)


LENGTHS = np.random.default_rng(1).integers(1, 90, 61)
OPTIONS = {"batch_size": 4, "buckets": (16, 32, 64), "max_length": 80, "seed": 3}


def equal(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def check_rows(batch, source, limit):
    flat = {key: value.reshape(-1, *value.shape[2:]) for key, value in batch.items()}
    for x, valid, index, weight, gloss in zip(
        *(flat[key] for key in ("x", "valid", "index", "weight", "gloss")), strict=True
    ):
        if index < 0:
            assert weight == 0 and not x.any() and gloss == 0
            continue
        frames = min(source.lengths[index], limit)
        assert weight == 1 and gloss == index
        np.testing.assert_array_equal(valid, np.arange(len(valid)) < frames)
        np.testing.assert_array_equal(x[:frames], source.clips[index][:frames])
        assert not x[frames:].any()


def test_training_batches_hold_the_right_rows():
    source = Memory(LENGTHS)
    batches = batching.TrainBatches(source, accumulation=2, **OPTIONS)
    iterator, seen = batches.iterator(), []
    for _ in range(batches.steps_per_epoch):
        batch = next(iterator)
        assert batch["x"].shape in batches.shapes and batch["x"].dtype == np.float32
        assert batch["valid"].dtype == bool and batch["index"].dtype == np.int32
        check_rows(batch, source, 80)
        seen += [i for i in batch["index"].ravel() if i >= 0]
    assert sorted(seen) == list(range(len(source)))
    again = [i for _ in range(batches.steps_per_epoch) for i in next(iterator)["index"].ravel()]
    assert sorted(i for i in again if i >= 0) == sorted(seen) and again[:20] != seen[:20]


@pytest.mark.parametrize("buckets", [(), (16, 32, 64)])
def test_evaluation_batches_hold_each_row_once(buckets):
    source = Memory(LENGTHS)
    batches = batching.EvalBatches(source, **{**OPTIONS, "buckets": buckets})
    passes = [list(batches), list(batches)]
    for one, other in zip(*passes, strict=True):
        equal(one, other)
    assert len(passes[0]) == len(batches)
    rows = np.concatenate([batch["index"] for batch in passes[0]])
    assert sorted(rows[rows >= 0]) == list(range(len(source)))
    if not buckets:
        assert list(rows[rows >= 0]) == sorted(rows[rows >= 0])
    for batch in passes[0]:
        assert batch["x"].shape[0] == 4
        check_rows({key: value[None] for key, value in batch.items()}, source, 80)


def test_resume_anywhere_gives_the_same_batches():
    source = Memory(LENGTHS)
    batches = batching.TrainBatches(source, augment=jitter, **OPTIONS)
    iterator, made, states = batches.iterator(), [], []
    for _ in range(batches.steps_per_epoch + 4):
        made.append(next(iterator))
        states.append(json.loads(json.dumps(iterator.get_state())))
    for stop in (0, 7, batches.steps_per_epoch - 1, batches.steps_per_epoch + 1):
        fresh = batching.TrainBatches(source, augment=jitter, threads=5, prefetch=9, **OPTIONS)
        resumed = fresh.iterator(states[stop])
        for batch in made[stop + 1 : stop + 3]:
            equal(next(resumed), batch)


def test_processes_share_a_batch():
    source = Memory(LENGTHS)
    options = {**OPTIONS, "accumulation": 2, "augment": jitter}
    whole = batching.TrainBatches(source, **options).iterator()
    parts = [
        batching.TrainBatches(source, process_index=i, process_count=2, **options).iterator()
        for i in range(2)
    ]
    for _ in range(5):
        pieces = [next(part) for part in parts]
        assert pieces[0]["x"].shape[1] == 2
        joined = {k: np.concatenate([p[k] for p in pieces], axis=1) for k in pieces[0]}
        equal(joined, next(whole))


def test_long_clips_are_cut_with_one_warning(caplog):
    batching.TrainBatches(Memory([5, 300, 20, 200]), **OPTIONS)
    assert len(caplog.records) == 1
    assert "2 of 4 clips are longer than 80 frames" in caplog.text


def test_cache_reads_a_clip_once_while_there_is_room():
    source, reads = Memory([10] * 8), []
    read = source.read
    source.read = lambda i: (reads.append(i), read(i))[1]
    batches = batching.EvalBatches(source, **OPTIONS)
    for _ in range(3):
        list(batches)
    assert sorted(set(reads)) == list(range(8)) and len(reads) <= 9
    reads.clear()
    uncached = batching.EvalBatches(source, cache_mb=0, **OPTIONS)
    list(uncached)
    list(uncached)
    assert len(reads) >= 16


def test_device_prefetch_pairs_a_batch_with_the_state_behind_it():
    batches = batching.TrainBatches(Memory(LENGTHS), **OPTIONS)
    plain = batches.iterator()
    feed = batching.device_prefetch(batches.iterator(), lambda batch: batch, depth=3)
    for _ in range(4):
        batch, state = next(feed)
        equal(batch, next(plain))
        assert state == plain.get_state()


def test_worker_processes_make_the_same_batches():
    source = Memory(LENGTHS)
    alone = batching.TrainBatches(source, **OPTIONS).iterator()
    helped = batching.TrainBatches(source, workers=1, **OPTIONS).iterator()
    for _ in range(3):
        equal(next(helped), next(alone))
    state = json.loads(json.dumps(helped.get_state()))
    expected = next(alone)
    # A run may go on without the processes it began with.
    equal(next(batching.TrainBatches(source, **OPTIONS).iterator(state)), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "input.batch_size=0"),
        ({"batch_size": 5, "process_count": 2}, "multiple of the 2 processes"),
        ({"buckets": (16, 0)}, "buckets"),
    ],
)
def test_impossible_settings(change, message):
    with pytest.raises(UserError, match=message):
        batching.TrainBatches(Memory([5, 6]), **{**OPTIONS, **change})
