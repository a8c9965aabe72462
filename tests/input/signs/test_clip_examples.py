"""Clips as examples: padded, cut, kept in memory, mirrored by their view."""

import pickle

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.batching import BatchOptions, EvalBatches, TrainBatches
from jaxsign.input.signs import augment
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.clip_source import Source
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks.classes.examples import ClassExamples
from jaxsign.tasks.sequences.examples import SequenceExamples

LENGTHS = np.random.default_rng(1).integers(1, 90, 61)
OPTIONS = BatchOptions(batch_size=4, buckets=(16, 32, 64), seed=3)


def memory(lengths, sequences=None):
    """A source whose clip i has `lengths[i]` frames and label i; its first column is i."""
    rng = np.random.default_rng(0)
    clips = [rng.random((n, 5)).astype(np.float32) for n in lengths]
    for i, clip in enumerate(clips):
        clip[:, 0] = i
    labels = {"gloss": np.arange(len(lengths), dtype=np.int32)}
    ids = [str(i) for i in range(len(lengths))]
    return Source(
        "memory", ids, np.asarray(lengths, np.int32), labels, clips.__getitem__,
        sequences=sequences,
    )  # fmt: skip


def check_rows(batch, source, limit):
    fields = (batch[key] for key in ("x", "valid", "index", "weight", "gloss"))
    for x, valid, index, weight, gloss in zip(*fields, strict=True):
        if index < 0:
            assert weight == 0 and not x.any() and gloss == 0 and valid.sum() == 1
            continue
        frames = min(source.lengths[index], limit)
        assert weight == 1 and gloss == index
        np.testing.assert_array_equal(valid, np.arange(len(valid)) < frames)
        np.testing.assert_array_equal(x[:frames], source.read(index)[:frames])
        assert not x[frames:].any()


def test_batches_hold_the_right_rows():
    source = memory(LENGTHS)
    examples = ClassExamples(source, Treatment(max_length=80))
    training = TrainBatches(examples, OPTIONS)
    assert training.sizes == [(16,), (32,), (64,), (80,)]
    iterator = training.iterator()
    for _ in range(training.steps_per_epoch):
        check_rows({key: value[0] for key, value in next(iterator).items()}, source, 80)
    for batch in EvalBatches(examples, OPTIONS):
        check_rows(batch, source, 80)


def test_long_clips_are_cut_with_one_warning(caplog):
    examples = ClassExamples(memory([5, 300, 20, 200]), Treatment(max_length=80))
    TrainBatches(examples, OPTIONS)
    assert len(caplog.records) == 1
    assert "2 of 4 clips are longer than 80 frames" in caplog.text


def test_memory_reads_a_clip_once_while_there_is_room():
    source, reads = memory([10] * 8), []
    read = source.reader
    object.__setattr__(source, "reader", lambda i: (reads.append(i), read(i))[1])
    batches = EvalBatches(ClassExamples(source, Treatment()), OPTIONS)
    for _ in range(3):
        list(batches)
    assert sorted(set(reads)) == list(range(8)) and len(reads) <= 9
    reads.clear()
    uncached = EvalBatches(ClassExamples(source, Treatment(cache_mb=0)), OPTIONS)
    list(uncached)
    list(uncached)
    assert len(reads) >= 16


def test_workers_receive_no_memory():
    examples = ClassExamples(memory([10] * 8), Treatment())
    assert examples.frame_shape == (5,)  # that one frame they do receive: it saves each a read
    full = len(pickle.dumps(examples))
    for i in range(8):
        examples.example(i)
    assert len(pickle.dumps(examples)) == full


def test_mirror_images_come_from_the_mirrored_view():
    source = memory([4, 4])
    treatment = Treatment(
        view=lambda x: x[:, None, :2] + 1,
        mirrored=lambda x: -x[:, None, :2] - 1,
        augment=augment.Augmentation(flip=0.5),
    )
    batches = TrainBatches(ClassExamples(source, treatment), BatchOptions(batch_size=2))
    iterator = batches.iterator()
    seen = [next(iterator) for _ in range(40)]
    signs = np.concatenate([np.sign(b["x"][0, :, 0, 0, 0]) for b in seen])
    assert 0.3 < (signs < 0).mean() < 0.7
    for batch in seen:
        np.testing.assert_array_equal(np.abs(batch["x"][0, :, 0, 0, 0]), batch["gloss"][0] + 1)


def test_landmarks_need_a_view():
    clip = Clip(np.zeros((3, 543, 3), np.float32), np.arange(3.0), (8, 8), 30.0, "a")
    source = Source("one", ["a"], np.array([3]), {"gloss": np.zeros(1, int)}, lambda i: clip)
    with pytest.raises(UserError, match="one holds landmarks"):
        ClassExamples(source, Treatment()).example(0)


def test_windows_count_once_their_labels_are_known_and_fit():
    source = memory([40, 8], sequences=[(3, 3, 5), (1,)])
    examples = SequenceExamples(source, Treatment(windows=(16, 8), max_length=12), 4)
    assert examples.example(0, piece=(7, 16))["weight"] == 0
    examples.surveyed([[3, 7, 20], [4]])
    assert examples.example(0, piece=(7, 16)).keys() == {"x", "sequence"}
    assert examples.example(0, piece=(7, 16))["sequence"] == (4, 6)
    assert examples.example(0, piece=(0, 8))["weight"] == 0  # equal neighbours need 3 outputs
    whole = examples.to_survey()
    assert len(whole.example(0)["x"]) == 40 and whole.example(0)["sequence"] == (4, 4, 6)
    assert SequenceExamples(source, Treatment(), 4).to_survey() is None
