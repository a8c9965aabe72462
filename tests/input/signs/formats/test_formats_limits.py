"""Files that would take too much memory or time say so before they are read."""

import contextlib
import json
import os

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from jaxsign import locking, reading
from jaxsign.errors import UserError
from jaxsign.input import files, windows
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _google_parquet, _npy, _parquet, google_islr

ROWS = 1000


def small_clip():
    points = np.random.default_rng(5).random((4, 543, 3)).astype(np.float32)
    return Clip(points, np.arange(4) / 30, fps=30.0)


def google(path, kind, frames, store_schema=True):
    """A file of points whose every row has the word `kind` as type."""
    words = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(np.zeros(ROWS, np.int32)), pyarrow.array([kind])
    )
    zeros = pyarrow.array(np.zeros(ROWS, np.float32))
    columns = {"frame": frames, "type": words, "landmark_index": np.zeros(ROWS, np.int16)}
    table = pyarrow.table(columns | {name: zeros for name in "xyz"})
    pyarrow.parquet.write_table(table, path, store_schema=store_schema)


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_million_rows_of_one_long_word_are_not_unpacked(tmp_path, store_schema):
    path = tmp_path / "x.parquet"
    google(path, "face" * 1_000_000, np.zeros(ROWS, np.int32), store_schema)
    assert path.stat().st_size < 5_000_000
    with pytest.raises(UserError, match=r"column type takes 4,000,000,000 bytes.*--max-bytes"):
        google_islr.open_path(path).read(0)


def test_columns_and_frames_say_their_size(tmp_path):
    path = tmp_path / "x.parquet"
    google(path, "face", np.arange(ROWS, dtype=np.int32))
    assert len(_google_parquet.read_clip(path)) == ROWS
    with reading.limited(500_000), pytest.raises(UserError, match="a clip of 1,000 frames takes"):
        _google_parquet.read_clip(path)
    with reading.limited(5000), pytest.raises(UserError, match="column frame takes 8,000 bytes"):
        _google_parquet.frames(path)


def test_more_columns_than_anybody_has_are_not_looked_at(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(5_000_000) + (4_500_000).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(UserError, match="more than the about 20,000 columns"):
        _parquet.read(path, ["frame"])
    assert _parquet.columns(path) == []


def test_a_large_array_is_refused_from_its_header(tmp_path):
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2_000_000, 75, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 2_000_000 * 75 * 3 * 8)  # holds no blocks
    collection = formats.open_collection(path)
    assert collection.frames(0) == 2_000_000
    with pytest.raises(UserError, match="3,600,000,000 bytes"):
        collection.read(0)
    with pytest.raises(UserError, match="Expected|expected"):
        _npy.read(tmp_path / "x.npy", (None, 42, 7))


ABOUT = {"version": 1, "id": "a", "count": 1, "shards": [1], "glosses": ["A"], "categories": []}
TYPES = {
    "shards": [[1] * 100_001, "1", [1.0], [True], [0], [[1]], None, {"0": 1}, [-1, 2]],
    "count": [2, "1", 1.0, None, []],
    "glosses": [None, "A", [1], [None], {}],
    "categories": [7, [[]]],
    "id": [3, None, ["a"]],
    "index": [3, []],
    "version": [[], {}, "1", None, 1.5],
}


@pytest.mark.parametrize("name", TYPES)
def test_a_store_described_by_other_types_is_refused(tmp_path, name):
    store = tmp_path / "a.store"
    formats.write_collection(_one(tmp_path), store, "store")
    good = json.loads((store / "store.json").read_text())
    for value in TYPES[name]:
        (store / "store.json").write_text(json.dumps(good | {name: value}))
        with pytest.raises(UserError, match="store.json: (not the description|a store of version)"):
            formats.open_collection(store)
    (store / "store.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="nested too deep"):
        formats.open_collection(store)
    (store / "store.json").write_text(json.dumps(good))
    assert len(formats.open_collection(store)) == 1


def _one(folder):
    small_clip().save(folder / "one.clip.npz")
    return formats.open_collection(folder / "one.clip.npz")


def test_a_store_of_too_many_shards_is_not_even_parsed(tmp_path):
    store = tmp_path / "a.store"
    store.mkdir()
    (store / "store.json").write_text(json.dumps(ABOUT | {"shards": [1] * 6_000_000}))
    with pytest.raises(UserError, match="more than the 16,777,216") as error:
        formats.open_collection(store)
    assert "--max-bytes" not in str(error.value)  # which would change nothing


def test_what_a_killed_convert_left_is_taken_up(tmp_path):
    source = _one(tmp_path)
    for name in ("store", "clips"):
        out = tmp_path / "out" / name
        draft = out.with_name(f".{name}.partial")
        (draft / "train").mkdir(parents=True)
        (draft / "train" / "old.clip.npz").write_bytes(b"cut")
        (draft / "clips-00000.array_record.partial").write_bytes(b"cut")
        written = formats.write_collection(source, out, name)
        assert written.count == 1 and len(formats.open_collection(out)) == 1
        assert not any("old" in path.name or "partial" in path.name for path in out.rglob("*"))
        assert not (out / ".lock").exists()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clips", "store"]


def test_two_converts_into_one_place_do_not_disturb_each_other(tmp_path):
    source, out = _one(tmp_path), tmp_path / "out"
    with (
        locking.alone(tmp_path / ".out.partial", ".lock", "--out", "writes"),
        pytest.raises(UserError, match=r"another process .* writes out"),
    ):
        formats.write_collection(source, out)
    assert formats.write_collection(source, out).count == 1


def test_a_convert_that_begins_when_another_ends_takes_nothing_from_it(tmp_path, monkeypatch):
    source, out, replace, told = _one(tmp_path), tmp_path / "out", os.replace, []

    def renamed(draft, place):
        if place == out:
            with pytest.raises(UserError, match="another process") as error:
                formats.write_collection(source, out)
            told.append(error.value)
        replace(draft, place)

    monkeypatch.setattr(os, "replace", renamed)
    assert formats.write_collection(source, out).count == 1
    assert told and len(formats.open_collection(out)) == 1 and not (out / ".lock").exists()


def test_a_draft_that_got_its_name_leaves_the_next_one_alone(tmp_path):
    out = tmp_path / "out"
    with contextlib.ExitStack() as second, contextlib.ExitStack() as first:
        os.replace(first.enter_context(formats.drafted(out)), out)
        draft = second.enter_context(formats.drafted(out))
        (draft / "new").touch()
        first.close()
        assert (draft / "new").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


LANDMARKS = np.zeros((4, 543, 3))
BAD_CLIPS = {
    "words": ({"landmarks": np.full((4, 543, 3), "1")}, "landmarks are <U1, expected numbers"),
    "dates": ({"landmarks": LANDMARKS.astype("M8[s]")}, "expected numbers"),
    "spans": ({"landmarks": LANDMARKS.astype("m8[s]")}, "expected numbers"),
    "truth": ({"landmarks": LANDMARKS > 0}, "landmarks are bool"),
    "complex": ({"landmarks": LANDMARKS.astype(complex)}, "landmarks are complex128"),
    "no times": ({"timestamps": np.full(4, np.nan)}, "must be finite"),
    "endless": ({"timestamps": np.array([0, 1, 2, np.inf])}, "must be finite"),
    "dated": ({"timestamps": np.arange(4).astype("M8[ms]")}, "timestamps are datetime64"),
    "late": ({"timestamps": np.linspace(0, 1e300, 4)}, "timestamps are no seconds"),
    "fps nan": ({"fps": np.float64(np.nan)}, "fps is nan"),
    "fps inf": ({"fps": np.float64(np.inf)}, "fps is inf"),
    "fps 1e308": ({"fps": np.float64(1e308)}, "fps is 1e"),
    "size": ({"frame_size": np.array([2**62, 2])}, "expected 0 to 65,535 pixels"),
    "size inf": ({"frame_size": np.array([np.inf, 2])}, "is no good clip file"),
    "seen": ({"visibility": np.full((4, 33), "1")}, "visibility are <U1"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_a_clip_of_what_are_no_numbers_is_refused(tmp_path, name):
    changed, expected = BAD_CLIPS[name]
    path = tmp_path / "a.clip.npz"
    small_clip().save(path)
    np.savez(path, **{**files.read_npz(path), **changed})
    with pytest.raises(UserError, match=expected) as found:
        formats.open_collection(path).read(0)
    assert str(path) in str(found.value)


X = np.full((4, 156), 0.5, np.float32)
META = '{"target_fps": %s}'
BAD_FSLR = {
    "dated": ({"timestamps_ms": np.arange(4).astype("M8[ms]")}, "timestamps_ms is datetime64"),
    "worded": ({"timestamps_ms": np.arange(4).astype("U3")}, "timestamps_ms is <U3"),
    "mask": ({"mask": np.full((4, 78), "1")}, "mask is <U1"),
}


@pytest.mark.parametrize("name", BAD_FSLR)
def test_fslr_times_and_masks_are_numbers(tmp_path, name):
    changed, expected = BAD_FSLR[name]
    np.savez(tmp_path / "a.npz", X=X, **changed)
    with pytest.raises(UserError, match=expected):
        formats.open_collection(tmp_path / "a.npz").read(0)


@pytest.mark.parametrize("rate", ["NaN", "1e308", "1e-320", "9" * 400, "[" * 100_000])
def test_fslr_notes_of_an_impossible_rate_are_passed_over(tmp_path, rate):
    np.savez(tmp_path / "a.npz", X=X, timestamps_ms=np.arange(4) * 40, meta=np.array(META % rate))
    clip = formats.open_collection(tmp_path / "a.npz").read(0)
    assert clip.fps == 30 and clip.timestamps[-1] == 0.12


@pytest.mark.parametrize("rate", ["NaN", "Infinity", "1e308", "1e-320", "9" * 400, '"a"', "[]"])
def test_whispersign_refuses_an_impossible_rate(tmp_path, rate):
    (tmp_path / "train/features").mkdir(parents=True)
    np.save(tmp_path / "train/features/a.npy", np.ones((4, 42, 7), np.float32))
    (tmp_path / "label_map.json").write_text('{"<blank>": 0, "A": 1}')
    (tmp_path / "prepared.json").write_text(META.replace("target_", "") % rate)
    with pytest.raises(UserError, match=r"prepared.json: not readable"):
        formats.open_collection(tmp_path).read(0)


def test_what_no_reader_foresaw_is_the_files_fault(tmp_path):
    def fails(index):
        raise OverflowError("\x1b[2J far too large")

    entry = formats.Entry("a", path=tmp_path / "a.x")
    collection = formats.Collection("here", "pose", [entry], fails)
    with pytest.raises(UserError, match=r"a\.x: is no good pose clip \(OverflowError: \?\[2J far"):
        collection.read(0)


def test_links_in_a_circle_and_names_in_no_encoding(tmp_path):
    small_clip().save(tmp_path / "a.clip.npz")
    (tmp_path / "b.clip.npz").symlink_to("b.clip.npz")
    (tmp_path / "round").symlink_to(".")
    (tmp_path / os.fsdecode(b"c\xfe.clip.npz")).write_bytes((tmp_path / "a.clip.npz").read_bytes())
    collection = formats.open_collection(tmp_path)
    assert len(collection) == 3
    with pytest.raises(UserError, match="b.clip.npz: is a link that leads in a circle"):
        collection.read(1)
    with pytest.raises(UserError, match="in a circle"):
        formats.open_collection(tmp_path / "b.clip.npz")
    written = formats.write_collection(collection, tmp_path.with_name("out"), "clips")
    assert written.count == 1 and len(written.skipped) == 2


@pytest.mark.parametrize("rate, seconds", [("nan", 1), ("inf", 1), (1e308, 1e9), (30, 1e9)])
def test_windows_of_impossible_rates_are_refused(rate, seconds):
    with pytest.raises(UserError, match="expected at most 20,000 frames"):
        windows.sizes(float(seconds), 0.5, float(rate))
    with pytest.raises(UserError, match="an overlap from 0 to 1"):
        windows.sizes(1.0, float("nan"), 30.0)
