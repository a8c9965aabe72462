"""What a format can hold comes back from it."""

import tempfile
from pathlib import Path

import making
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.input import labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import _record, fslr
from jaxsign.input.signs.views import fslr156

FEW = settings(max_examples=12, deadline=None)


def again(clip, name):
    """The clip, written as a file and read back."""
    with tempfile.TemporaryDirectory() as folder:
        module = formats.get(name)
        path = Path(folder) / f"x{module.suffix}"
        module.write_clip(path, clip)
        found = formats.open_collection(path)
        assert found.format == name and found.frames(0) == len(found.read(0))
        return found.read(0)


@FEW
@given(making.made_clips())
def test_clips_and_records_hold_everything(clip):
    making.same(again(clip, "clips"), clip)
    found = _record.decode(_record.encode(clip))
    making.same(found, clip)
    assert found.source == clip.source


@FEW
@given(making.made_clips())
def test_records_of_half_the_size_are_near(clip):
    short, full = _record.encode(clip, "float16"), _record.encode(clip)
    np.testing.assert_allclose(_record.decode(short).landmarks, clip.landmarks, atol=0.0005)
    occurring = (~np.isnan(clip.landmarks)).any(axis=(0, 2)).sum()
    assert len(full) - len(short) == 2 * 3 * len(clip) * occurring


@FEW
@given(making.made_clips())
def test_pose_files_hold_points_and_confidence(clip):
    found = again(clip, "pose")
    np.testing.assert_allclose(found.landmarks, clip.landmarks, rtol=1e-6)
    assert found.fps == pytest.approx(clip.fps)
    if clip.visibility is not None:
        np.testing.assert_allclose(found.visibility, clip.visibility, rtol=1e-6, atol=2e-6)
    if clip.frame_size != (0, 0):
        assert found.frame_size == clip.frame_size


@FEW
@given(making.made_clips())
def test_parquet_files_hold_all_points(clip):
    np.testing.assert_array_equal(again(clip, "google_islr").landmarks, clip.landmarks)


@FEW
@given(making.made_clips())
def test_signon_holds_pose_and_hands(clip):
    found = again(clip, "signon").landmarks
    for part in (clips.POSE, clips.LEFT_HAND, clips.RIGHT_HAND):
        np.testing.assert_array_equal(found[:, part], clip.landmarks[:, part])
    assert np.isnan(found[:, clips.FACE]).all()


@FEW
@given(making.made_clips())
def test_whispersign_holds_hands_at_its_own_rate(clip):
    clip = clips.Clip(clip.landmarks, np.arange(len(clip)) / 60, fps=60.0)
    found = again(clip, "whispersign").landmarks
    for hand in (clips.LEFT_HAND, clips.RIGHT_HAND):
        np.testing.assert_allclose(found[:, hand], clip.landmarks[:, hand], atol=1e-5)
    assert np.isnan(found[:, clips.POSE]).all() and np.isnan(found[:, clips.FACE]).all()


@FEW
@given(making.made_clips(), st.booleans())
def test_fslr_holds_its_keypoints(clip, parquet):
    x, visible = fslr156.keypoints(clip, confidence=0.5, max_gap=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        fslr.write_clip(path, clip, max_gap=0, parquet=parquet)
        found = formats.open_collection(path.with_suffix(".parquet") if parquet else path)
        assert found.format == "fslr"
        # Hidden pose points keep their places, and their visibility says that they are hidden.
        for got, wanted in zip(fslr156.raw_keypoints(found.read(0)), (x, visible), strict=True):
            np.testing.assert_array_equal(got, wanted)
        assert (found.read(0).visibility[:, :25] >= 0.5).sum() == visible[:, :25].sum()


NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@given(st.lists(NAMES, max_size=4))
def test_names_in_one_cell(names):
    assert labels.split_names(labels.join_names(names)) == tuple(names)


@pytest.mark.parametrize("name", ["clips", "pose", "fslr", "store", "google_islr", "signon"])
def test_labels_come_back(tmp_path, name):
    held = [making.clip(3 + i, i) for i in range(4)]
    entries = [
        formats.Entry(f"{split}/{i}", (gloss,), "", signer, split)
        for i, (gloss, signer, split) in enumerate(
            [
                ("YES", "anna", "train"),
                ("NO", "7", "train"),
                ("NO", "", "val"),
                ("Ä | b", "", "test"),
            ]
        )
    ]
    source = making.collection(held, entries, glosses=("Ä | b", "YES", "unused", "NO"))
    formats.write_collection(source, tmp_path / "out", name)
    found = formats.open_collection(tmp_path / "out")
    assert found.format == name and not found.problems
    entries_found = {entry.name: entry for entry in found.entries}
    for entry in entries:
        got = entries_found[entry.name]
        assert (got.glosses, got.signer, got.split) == (entry.glosses, entry.signer, entry.split)
    assert found.classes()[0] == source.glosses
    lengths = {entry.name: found.frames(i) for i, entry in enumerate(found.entries)}
    assert lengths == {entry.name: len(clip) for entry, clip in zip(entries, held, strict=True)}


@pytest.mark.parametrize("name", ["clips", "store", "pose", "fslr"])
def test_sentences_and_categories_come_back(tmp_path, name):
    entries = [
        formats.Entry("one", ("I", "GO", "I"), "SENTENCE"),
        formats.Entry("two", ("GO",), "WORD"),
        formats.Entry("three"),
    ]
    source = making.collection([making.clip(seed=i) for i in range(3)], entries)
    formats.write_collection(source, tmp_path / "out", name)
    found = {
        e.name: (e.glosses, e.category) for e in formats.open_collection(tmp_path / "out").entries
    }
    assert found == {entry.name: (entry.glosses, entry.category) for entry in entries}


@pytest.mark.parametrize("name", ["fslr", "google_islr", "pose", "clips", "store"])
def test_the_size_of_the_image_stays_beside_the_clip(tmp_path, name):
    points = np.random.default_rng(2).random((6, 543, 3)).astype(np.float32)
    for size in ((640, 480), (0, 0)):
        place = tmp_path / str(size[0])
        clips.Clip(points, np.arange(6) / 30, size, 30.0).save(place / "a.clip.npz")
        written = formats.write_collection(formats.open_collection(place), place / name, name)
        assert any("as square" in loss for loss in written.losses) == (name == "fslr" and any(size))
        found = formats.open_collection(place / name).read(0).frame_size
        assert found == size or (name == "pose" and found == (1000, 1000))


@pytest.mark.parametrize("name", ["signon", "whispersign"])
def test_formats_that_lose_the_size_of_the_image_say_so(name):
    assert any("image size" in loss for loss in formats.writer_of(name).LOSSES)
