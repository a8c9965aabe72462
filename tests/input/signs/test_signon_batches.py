"""SignON's batches: of one length, padded, and of clips that are asked about in windows."""

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import batching, windows
from jaxsign.input.signs import signon_batches, treatment
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.clip_source import Source
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks import clips
from jaxsign.tasks.classes.examples import ClassExamples


def arrays(lengths, width=2):
    return [np.arange(1, n * width + 1, dtype=np.float32).reshape(n, width) for n in lengths]


def source_of(held, languages=None):
    names = [f"v{i}.mp4" for i in range(len(held))]
    labels = {"gloss": np.arange(len(held), dtype=np.int32)}
    lengths = np.array([len(x) for x in held], np.int32)
    return Source("made", names, lengths, labels, held.__getitem__, languages=languages)


def batches(held, size, **options):
    made = ClassExamples(source_of(held, np.arange(len(held)) % 2), Treatment())
    found = batching.EvalBatches(made, batching.BatchOptions(size, buckets=(8,)))
    return [signon_batches.of_batch(batch, made.ids, **options) for batch in found]


def test_clips_of_several_lengths_are_padded_and_masked_as_there():
    held = arrays((4, 2, 5))
    (batch,) = batches(held, 4, padding=np.nan)
    assert isinstance(batch, signon_batches.VariableLengthBatch)
    assert batch.inputs.shape == (5, 3, 2) and batch.lengths.tolist() == [4, 2, 5]
    for row, x in enumerate(held):
        np.testing.assert_array_equal(batch.inputs[: len(x), row], x)
        assert np.isnan(batch.inputs[len(x) :, row]).all()
    assert batch.mask.tolist() == [
        [False] * 5 + [True], [False] * 3 + [True] * 3, [False] * 6,
    ]  # fmt: skip
    assert batch.filenames == ["v0.mp4", "v1.mp4", "v2.mp4"] and batch.targets.tolist() == [0, 1, 2]
    assert batch.language_ids.tolist() == [0, 1, 0]
    fields = batch.fields()
    assert fields["x"].shape == (3, 5, 2) and fields["valid"].sum(1).tolist() == [4, 2, 5]


def test_clips_of_one_length_have_no_mask_whatever_a_frame_is():
    held = [np.zeros((2, 75, 3), np.float32)] * 3
    (batch,) = batches(held, 4, fixed=True)
    assert type(batch) is signon_batches.FixedLengthBatch
    assert batch.inputs.shape == (2, 3, 75, 3) and batch.fields()["valid"].all()


def test_the_kind_of_a_batch_is_what_the_recipe_says_and_no_chance():
    equal, unequal = arrays((3, 3)), arrays((3, 2))
    (batch,) = batches(equal, 4)
    assert type(batch) is signon_batches.VariableLengthBatch and batch.lengths.tolist() == [3, 3]
    with pytest.raises(UserError, match=r"v1.mp4 has 2 frames, another clip 3.*fixed_length"):
        batches(unequal, 4, fixed=True)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("output", ["points", "features"])
def test_a_fixed_length_is_that_of_every_clip_in_every_batch(training, output):
    held = [
        Clip(
            np.random.default_rng(n).random((n, 543, 3), np.float32),
            np.arange(n) / 25,
            frame_size=(4, 3),
            fps=25,
        )
        for n in (3, 16, 40, 100)
    ]
    config = configs.base()
    config.view = {"name": "signon", "output": output}
    config.input.fixed_length = 16
    config.input.augment.signon.update(crop=1.0, jitter=1.0) if training else None
    source = clips.measured(config, source_of(held))
    assert source.lengths.tolist() == [16] * 4
    made = ClassExamples(source, treatment.of_recipe(config, source, training=training))
    batch = next(iter(batching.EvalBatches(made, batching.BatchOptions(4))))
    assert batch["x"].shape[:2] == (4, 16) and batch["valid"].all()
    whole = configs.base()
    whole.view = config.view
    plain = treatment.of_recipe(whole, source, training=False).view
    for i, clip in enumerate(held):
        wanted = plain(clip)[windows.fixed_length(len(clip))]
        np.testing.assert_array_equal(made.example(i)["x"], wanted)
        assert len(made.example(i, np.random.default_rng(0))["x"]) == 16
    found = signon_batches.of_batch(batch, made.ids, fixed=True)
    assert type(found) is signon_batches.FixedLengthBatch and len(found.inputs) == 16


def test_a_fixed_length_without_a_view_is_refused():
    config = configs.base()
    config.view.name, config.input.fixed_length = "", 16
    source = source_of(arrays((4,)))
    with pytest.raises(UserError, match="fixed_length is for recipes with a view"):
        treatment.of_recipe(config, source, training=False)


def test_clips_that_are_asked_about_come_whole_or_in_windows():
    held = arrays((10, 3))
    whole = signon_batches.InferenceDataset(source_of(held), language=1)
    (batch,) = whole.batches()
    assert batch.lengths.tolist() == [10, 3] and batch.starts.tolist() == [0, 0]
    assert batch.language_ids.tolist() == [1, 1]
    assert not batch.inputs[3:, 1].any()
    cut = signon_batches.InferenceDataset(source_of(held), window=4, stride=3)
    assert cut.places == [(0, 0, 4), (0, 3, 4), (0, 6, 4), (0, 9, 1), (1, 0, 3)]
    found = list(cut.batches(2))
    assert [len(b.filenames) for b in found] == [2, 2, 1]
    rows = [(b, i) for b in found for i in range(len(b.filenames))]
    for (name, start), (b, i) in zip(
        [("v0.mp4", 0), ("v0.mp4", 3), ("v0.mp4", 6), ("v0.mp4", 9), ("v1.mp4", 0)],
        rows,
        strict=True,
    ):
        x = held[int(name[1])][start : start + 4]
        assert b.filenames[i] == name and b.starts[i] == start
        np.testing.assert_array_equal(b.inputs[: len(x), i], x)
        assert not b.inputs[len(x) :, i].any()
    pictures = [np.full((n, 2, 2, 3), 7, np.uint8) for n in (3, 2)]
    filmed = signon_batches.InferenceDataset(source_of(pictures))
    blank = batching.EvalBatches(filmed, batching.BatchOptions(2)).blank((3,), (2,))
    (batch,) = filmed.batches()
    assert batch.inputs.dtype == blank["x"].dtype == np.uint8
    with pytest.raises(UserError, match="window=0, stride=3"):
        signon_batches.InferenceDataset(source_of(held), stride=3)
