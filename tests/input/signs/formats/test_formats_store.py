import json
import pickle
import shutil

import making
import pyarrow
import pyarrow.parquet
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import _record


def a_store(folder, count=12, **options):
    held = [making.clip(3 + i % 4, i, absent=(clips.FACE,)) for i in range(count)]
    source = making.collection(held)
    formats.write_collection(source, folder, "store", **options)
    return source


def test_random_access_over_several_shards(tmp_path):
    source = a_store(tmp_path / "s", shard_bytes=20_000)
    shards = sorted((tmp_path / "s").glob("clips-*.array_record"))
    assert len(shards) > 2 and shards[1].name == f"clips-00001-of-{len(shards):05d}.array_record"
    found = formats.open_collection(tmp_path / "s")
    assert found.format == "store"
    for i in (11, 0, 5, 5, 10):
        making.same(found.read(i), source.read(i))
        assert found.frames(i) == len(source.read(i))
    making.same(pickle.loads(pickle.dumps(found.reader))(7), source.read(7))
    assert [e.glosses for e in found.entries] == [e.glosses for e in source.entries]


def test_points_that_never_occur_are_not_stored():
    whole = _record.encode(making.clip(50))
    hands = _record.encode(making.clip(50, absent=(clips.FACE, clips.POSE)))
    assert len(hands) < len(whole) / 8


def test_an_unfinished_store_is_told(tmp_path):
    a_store(tmp_path / "s")
    (tmp_path / "s" / "store.json").unlink()
    with pytest.raises(UserError, match="not finished"):
        formats.open_collection(tmp_path / "s")


def test_files_that_do_not_belong_together(tmp_path):
    a_store(tmp_path / "s")
    a_store(tmp_path / "t", 5)
    about = tmp_path / "s" / "store.json"
    kept = about.read_text()
    (tmp_path / "t" / "index.parquet").rename(tmp_path / "s" / "index.parquet")
    with pytest.raises(UserError, match="names 5 clips, store.json 12"):
        formats.open_collection(tmp_path / "s")
    about.write_text(json.dumps(json.loads(kept) | {"version": 99}))
    with pytest.raises(UserError, match="version 99"):
        formats.open_collection(tmp_path / "s")
    about.write_text(kept)
    next((tmp_path / "s").glob("clips-*")).unlink()
    with pytest.raises(UserError, match="1 of 1 shards are missing"):
        formats.open_collection(tmp_path / "s")


@pytest.mark.parametrize("harm", ["cut", "other", "changed"])
def test_a_damaged_shard_never_gives_a_wrong_clip(tmp_path, harm):
    source = a_store(tmp_path / "s", 30)
    shard = next((tmp_path / "s").glob("clips-*"))
    data = bytearray(shard.read_bytes())
    if harm == "changed":
        data[len(data) // 3] ^= 0xFF
    shard.write_bytes({"cut": data[:-9], "other": b"x" * 100_000, "changed": data}[harm])
    found = formats.open_collection(tmp_path / "s")
    failed = 0
    for i in range(len(found)):
        try:
            making.same(found.read(i), source.read(i))
        except UserError as error:
            failed += 1
            assert "shard is damaged" in str(error)
    assert failed


@pytest.mark.parametrize("record", [b"", b"JSC1", b"JSC1\xff\xff\x00\x00{}", b"JSC1\x02\0\0\0{}"])
def test_what_is_no_record_is_an_error(record):
    with pytest.raises(ValueError):
        _record.decode(record)


def test_a_record_that_is_cut_short_is_an_error():
    record = _record.encode(making.clip())
    for end in (10, 200, len(record) - 1):
        with pytest.raises(ValueError):
            _record.decode(record[:end])


def test_a_shard_of_another_store_is_told(tmp_path):
    source = a_store(tmp_path / "s", 6, shard_bytes=20_000)
    a_store(tmp_path / "t", 6, shard_bytes=20_000)
    shards = sorted(path.name for path in (tmp_path / "s").glob("clips-*"))
    shutil.copy(tmp_path / "t" / shards[0], tmp_path / "s" / shards[0])
    found = formats.open_collection(tmp_path / "s")
    with pytest.raises(UserError, match="clip 0 cannot be read .*another store"):
        found.read(0)
    making.same(found.read(5), source.read(5))


def test_an_index_in_another_order_is_told(tmp_path):
    a_store(tmp_path / "s")
    index = tmp_path / "s" / "index.parquet"
    table = pyarrow.parquet.read_table(index)
    pyarrow.parquet.write_table(table.take(list(range(12))[::-1]), index)
    with pytest.raises(UserError, match="index.parquet is not the one"):
        formats.open_collection(tmp_path / "s")


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("name", pyarrow.nulls(12, pyarrow.string()), "name string"),
        ("glosses", pyarrow.array(["YES"] * 12), "glosses string"),
        ("glosses", pyarrow.array([None] + [["YES"]] * 11), "glosses list"),
        ("split", pyarrow.array(["dev"] * 12), "unknown splits ..dev"),
    ],
)
def test_indexes_of_other_contents(tmp_path, column, values, words):
    a_store(tmp_path / "s")
    about, index = tmp_path / "s" / "store.json", tmp_path / "s" / "index.parquet"
    # As in stores that do not tell the digest of their index.
    told = json.loads(about.read_text())
    about.write_text(json.dumps({k: v for k, v in told.items() if k not in ("index", "id")}))
    table = pyarrow.parquet.read_table(index)
    place = table.column_names.index(column)
    pyarrow.parquet.write_table(table.set_column(place, column, values), index)
    with pytest.raises(UserError, match=words):
        formats.open_collection(tmp_path / "s")


def test_a_description_of_other_contents(tmp_path):
    a_store(tmp_path / "s")
    about = tmp_path / "s" / "store.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"glosses": None}))
    with pytest.raises(UserError, match="store.json"):
        formats.open_collection(tmp_path / "s")
