"""Files that would take too much memory or time say so before they are read."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from jaxsign import reading
from jaxsign.errors import UserError
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
    with pytest.raises(UserError, match="more than the 16,777,216"):
        formats.open_collection(store)
