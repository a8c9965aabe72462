"""Signed sentences in one file, and the view of their few points."""

import pickle
from pathlib import Path

import helpers
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer import clip_items
from jaxsign.infer import files as infer_files
from jaxsign.infer import run as runs
from jaxsign.input import batching
from jaxsign.input.signs import sources, views
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.formats import sentences
from jaxsign.input.signs.inspecting.inspect import inspect
from jaxsign.input.signs.treatment import Treatment
from jaxsign.input.signs.views import few_points
from jaxsign.tasks.sequences.examples import SequenceExamples

BOSTON = helpers.SHARED and helpers.SHARED / "data" / "boston104_hands"


def arrays(**changes):
    """Three sentences of 3, 4 and 5 frames, one a split."""
    made = {
        "features": np.arange(12 * 6, dtype=np.int16).reshape(12, 6),
        "frame_offset": np.array([0, 3, 7, 12], np.int32),
        "gloss": np.array([2, 1, 3, 3, 1], np.int16),
        "gloss_offset": np.array([0, 2, 3, 5], np.int32),
        "split": np.array([0, 1, 2], np.int8),
        "vocab": np.array(["<blank>", "BOOK", "JOHN", "READ"]),
        "video": np.array([7, 8, 9]),
        "speaker": np.array(["a", "b", "a"]),
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def data_of(folder, **changes):
    np.savez(folder / sentences.FILE, **arrays(**changes))
    data = configs.base().data
    data.source, data.train.path = "sentences", str(folder)
    return data


def test_one_path_serves_all_splits(tmp_path):
    data = data_of(tmp_path)
    found = [sources.open_source(data, split) for split in ("train", "val", "test")]
    assert [s.ids for s in found] == [["7"], ["8"], ["9"]]
    assert [s.lengths.tolist() for s in found] == [[3], [4], [5]]
    assert [s.sequences for s in found] == [[(1, 0)], [(2,)], [(2, 0)]]
    assert [s.labels["gloss"].tolist() for s in found] == [[1], [2], [2]]
    assert found[0].class_names == {"gloss": ("BOOK", "JOHN", "READ")}
    assert found[2].signers == ["a"]
    points = pickle.loads(pickle.dumps(found[1])).read(0)
    assert points.shape == (4, 3, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points[0], [[18, 19], [20, 21], [22, 23]])


def test_the_order_of_known_classes_is_kept(tmp_path):
    data = data_of(tmp_path)
    data.class_names = {"gloss": ["READ", "JOHN", "BOOK", "CAR"]}
    source = sources.open_source(data, "train", {"gloss": 4})
    assert source.sequences == [(1, 2)] and len(source.class_names["gloss"]) == 4
    data.class_names = {"gloss": ["READ", "BOOK"]}
    with pytest.raises(UserError, match="7: gloss 'JOHN' is none of the 2 classes"):
        sources.open_source(data, "train")
    del data.class_names
    with pytest.raises(UserError, match="has 3 classes of gloss, but net.num_gloss=2"):
        sources.open_source(data, "train", {"gloss": 2})


def run_of_points():
    """A run that takes three points in pixels, without weights."""
    config = configs.load("whisper_sign:boston104", ["--config.net.num_gloss=3"])
    net = nets.build(**config.net.to_dict())
    return runs.Run(Path("run"), "best", config, {}, net, {}, {})


def test_a_run_reads_a_file_of_sentences_as_it_is(tmp_path):
    np.savez(tmp_path / sentences.FILE, **arrays())
    run, items = run_of_points(), clip_items.find(tmp_path / sentences.FILE)
    assert [item.name for item in items] == ["7", "8", "9"]
    read = [infer_files.read(item, run).x for item in items]
    assert [x.shape for x in read] == [(3, 3, 4), (4, 3, 4), (5, 3, 4)]
    points = arrays()["features"][3:7].reshape(4, 3, 2)
    np.testing.assert_array_equal(read[1], run.features(points.astype(np.float32)))
    np.save(tmp_path / "flat.npy", np.ones((5, 6), np.float32))
    with pytest.raises(UserError, match=r"what its view takes; .*\[T, P, 2\] in pixels"):
        infer_files.read(tmp_path / "flat.npy", run)


def test_a_file_of_sentences_is_told_as_a_collection(tmp_path, capsys):
    np.savez(tmp_path / sentences.FILE, **arrays())
    facts = inspect(tmp_path)
    assert (facts["format"], facts["clips"], facts["sentences"]) == ("sentences", 3, 2)
    assert facts["signers"] == {"a": 2, "b": 1} and facts["lengths"]["total"] == 12
    assert "BOOK" in capsys.readouterr().out


WRONG = {
    "huge": ({"features": np.full((12, 6), 1e300)}, r"far too large values \(first: row 0\)"),
    "no points": ({"features": np.zeros((12, 0))}, r"expected numbers \[N, 2P\]"),
    "blank": ({"vocab": np.array(["A", "<blank>", "B", "C"])}, "only be its first entry"),
    "nameless": ({"vocab": np.array(["<blank>", " ", "B", "C"])}, "the glosses need names"),
    "an id beyond": ({"gloss": np.array([2, 1, 3, 4, 1])}, r"gloss\[3\]=4: expected 1 to 3"),
    "the blank": ({"gloss": np.array([2, 0, 3, 3, 1])}, r"gloss\[1\]=0: .*0 is the blank"),
    "no frames": ({"frame_offset": np.array([0, 3, 3, 12])}, "sentence 1: frame_offset .* 3 to 3"),
    "backwards": ({"gloss_offset": np.array([0, 4, 3, 5])}, "sentence 1: gloss_offset .* 4 to 3"),
    "frames left": ({"frame_offset": np.array([0, 3, 7, 11])}, "expected 4 from 0 to 12"),
    "a strange split": ({"split": np.array([0, 1, 5])}, "sentence 2: split=5, expected 0 train"),
    "an odd width": ({"features": np.zeros((12, 5))}, r"features are \[12, 5\] float64"),
    "not finite": ({"features": np.full((12, 6), np.nan)}, "NaN, infinite"),
    "two of a name": ({"vocab": np.array(["", "A", "B", "A"])}, "vocab names 'A' more than once"),
    "a short column": ({"speaker": np.array(["a"])}, r"speaker is \[1\], expected \[3\] as split"),
    "no glosses": ({"gloss": None}, "lacks the arrays gloss"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_told(tmp_path, case):
    changes, message = WRONG[case]
    with pytest.raises(UserError, match=message):
        sources.open_source(data_of(tmp_path, **changes), "train")


def test_all_mistakes_are_told_at_once(tmp_path):
    data = data_of(tmp_path, gloss=np.array([9, 1, 3, 3, 1]), split=np.array([0, 1, 5]))
    with pytest.raises(UserError, match=r"(?s)gloss\[0\]=9.*split=5"):
        sources.open_source(data, "train")


def test_a_split_without_sentences_and_a_missing_path(tmp_path):
    data = data_of(tmp_path, split=np.array([0, 0, 2]))
    with pytest.raises(
        UserError, match=r"no clips of the split val, but of train \(2\), test \(1\)"
    ):
        sources.open_source(data, "val")
    data.train.path = ""
    with pytest.raises(UserError, match="data.val.path is not set"):
        sources.open_source(data, "val")


def moving(frames=30):
    """Two hands on circles of 40 pixels around a nose that drifts."""
    angle = np.arange(frames)[:, None] / 5 + np.array([0, 2.0])
    nose = np.array([120.0, 60.0]) + np.arange(frames)[:, None] * 0.5
    hands = nose[:, None] + 40 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.concatenate([hands, nose[:, None]], axis=1)


def test_points_are_around_the_reference_wherever_the_signer_is():
    x = few_points.FewPointsView(size=40.0)(moving())
    assert x.shape == (30, 3, 4) and x.dtype == np.float32
    np.testing.assert_allclose(np.hypot(x[:, :2, 0], x[:, :2, 1]), 1, rtol=1e-5)
    np.testing.assert_allclose(few_points.FewPointsView(size=40.0)(moving() + 50), x, atol=1e-5)
    # The nose itself tells how the head moves: half a pixel a frame.
    np.testing.assert_allclose(x[:, 2, 2:], 0.5 * 30 / 40, rtol=1e-5)


def test_velocities_are_those_of_the_positions():
    x = few_points.FewPointsView(rate=25.0, acceleration=True)(moving()).astype(np.float64)
    assert x.shape == (30, 3, 6)
    np.testing.assert_allclose(x[1:-1, :, 2:4], (x[2:, :, :2] - x[:-2, :, :2]) * 12.5, atol=1e-4)
    np.testing.assert_allclose(x[1:-1, :, 4:], (x[2:, :, 2:4] - x[:-2, :, 2:4]) * 12.5, atol=1e-4)


@pytest.mark.parametrize("reference", [2, -1])
def test_the_clips_own_size_makes_near_and_far_equal(reference):
    options = {"reference": reference, "size": 0.0}
    near = few_points.FewPointsView(**options)(3 * moving())
    np.testing.assert_allclose(few_points.FewPointsView(**options)(moving()), near, atol=1e-4)


def test_a_single_frame_and_a_still_clip_are_finite():
    still = np.full((1, 3, 2), 7.0)
    for clip in (still, np.repeat(still, 4, axis=0)):
        for options in ({}, {"size": 0.0}, {"reference": -1, "size": 0.0}):
            assert (few_points.FewPointsView(acceleration=True, **options)(clip) == 0).all()


def test_options_out_of_range_are_named():
    for options, message in (
        ({"reference": 3}, "reference=3: the clips have points 0 to 2"),
        ({"rate": 0.0}, "rate=0.0"),
        ({"size": -1.0}, "size=-1.0"),
    ):
        with pytest.raises(UserError, match=message):
            few_points.FewPointsView(**options)(moving())
    with pytest.raises(UserError, match=r"found \[5, 6\]"):
        few_points.FewPointsView()(np.zeros((5, 6)))


@pytest.mark.shared
def test_batches_of_the_real_sentences():
    data = configs.base().data
    data.source, data.train.path = "sentences", str(BOSTON)
    counts = {s: sources.open_source(data, s) for s in ("train", "val", "test")}
    assert [len(s) for s in counts.values()] == [141, 20, 40]
    assert sum(len(row) for s in counts.values() for row in s.sequences) == 888
    assert len(counts["train"].class_names["gloss"]) == 113
    treatment = Treatment(
        view=views.get_view({"name": "few_points"}),
        max_length=200,
        augment=recipe.build({"joints": {"time_scale": (0.8, 1.2), "noise_std": 0.01}}),
    )
    examples = SequenceExamples(counts["train"], treatment, frames_per_output=2)
    batch = next(batching.TrainBatches(examples, batching.BatchOptions(batch_size=4)).iterator())
    assert batch["x"].shape[2:] == (batch["valid"].shape[2], 3, 4)
    assert np.isfinite(batch["x"]).all() and np.abs(batch["x"]).max() < 50
