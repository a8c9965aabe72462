"""A store of many clips: ArrayRecord shards with random access, an index, and store.json.

    clips-00000-of-00012.array_record   one record a clip (see `_record`)
    index.parquet                       name, frames, glosses, category, signer, split, fps
    store.json                          version, id, count, shards, digest of the index, classes

Opening reads the index alone, and a clip costs one read, however large the store is. `store.json`
is written last: a folder without it was not finished. Every record says whose it is and where it
stands, so that files of different stores are never taken for one.
"""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow

import jaxsign
from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _labels, _parquet, _record
from jaxsign.input.signs.formats._types import SPLITS, ClipWriter, Collection, Entry, Format
from jaxsign.whole import write_text

VERSION = 1
ABOUT, INDEX = "store.json", "index.parquet"
DTYPES = ("float32", "float16")
_SHARD = "clips-{:05d}-of-{:05d}.array_record"
_SHARD_BYTES = 256 << 20
# More would be over 25 terabytes.
_MOST_SHARDS = 100_000
_MOST_ABOUT = 16 << 20
_TYPES = {
    "name": pyarrow.string(),
    "frames": pyarrow.int32(),
    "glosses": pyarrow.list_(pyarrow.string()),
    "category": pyarrow.string(),
    "signer": pyarrow.string(),
    "split": pyarrow.string(),
    "fps": pyarrow.float64(),
}
_COLUMNS = tuple(_TYPES)
# One record a group, so that a clip is read alone. zstd:1 is as small as zstd:3 here.
_WRITER = "group_size:1,zstd:1"
_READER = {"max_parallelism": "0"}


def recognises(path: Path) -> bool:
    """A folder with a store's files, finished or not."""
    return path.is_dir() and ((path / ABOUT).is_file() or any(path.glob("clips-*.array_record*")))


def open_path(path: Path) -> Collection:
    """The clips of a store.

    Raises:
        UserError: no finished store, one of a newer version, or files that do not fit together.
    """
    about = _read_about(path)
    table = _parquet.read(path / INDEX, _COLUMNS)
    _check(path, about, table)
    texts = [table[name].to_pylist() for name in ("name", "category", "signer", "split")]
    rows = zip(_tuples(table["glosses"]), *texts, strict=True)
    entries = [Entry(name, glosses, *rest) for glosses, name, *rest in rows]
    return Collection(
        name=str(path),
        format="store",
        entries=entries,
        reader=_Reader(str(path), tuple(about["shards"]), about.get("id", "")),
        glosses=tuple(about["glosses"]),
        categories=tuple(about["categories"]),
        counter=_Frames(_parquet.numbers(path / INDEX, table, "frames")),
        indexed=True,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Frames:
    """Frames of a clip, from the index."""

    frames: Any

    def __call__(self, index: int) -> int:
        return int(self.frames[index])


def _read_about(path: Path) -> dict[str, Any]:
    file = path / ABOUT
    if not file.is_file():
        raise UserError(
            f"{path}: has no {ABOUT}, so this store was not finished. Make it again: jaxsign "
            "convert writes a store whole or not at all."
        )
    try:
        about = reading.read_json(file, most=_MOST_ABOUT)
        version = about["version"]
        if version == VERSION:
            _check_about(about)
    except (ValueError, KeyError, TypeError) as error:
        reason = reading.quoted(f"{type(error).__name__}: {error}")
        raise UserError(f"{file}: not the description of a store ({reason})") from error
    if version != VERSION:
        raise UserError(
            f"{file}: a store of version {version}; this jaxsign reads version {VERSION}. Install "
            f"the jaxsign that made it ({about.get('made_by', 'not told')}), or a newer one."
        )
    return about


def _check_about(about: Mapping[str, Any]) -> None:
    """Raises ValueError or KeyError where a store's description has other types or counts."""
    shards, count = about["shards"], about["count"]
    if not isinstance(shards, list) or len(shards) > _MOST_SHARDS:
        raise ValueError(f"shards is no list of at most {_MOST_SHARDS:,} counts")
    if not all(type(one) is int and one > 0 for one in [*shards, count]):
        raise ValueError("shards and count are no positive whole numbers")
    if sum(shards) != count:
        raise ValueError(f"{count} clips, but {sum(shards)} in {len(shards)} shards")
    for name in ("glosses", "categories"):
        if not isinstance(about[name], list) or not all(isinstance(x, str) for x in about[name]):
            raise ValueError(f"{name} is no list of names")
    if not all(isinstance(about.get(name, ""), str) for name in ("id", "index", "made_by")):
        raise ValueError("id, index or made_by is no text")


def _tuples(column: pyarrow.ChunkedArray) -> list[tuple[str, ...]]:
    """The rows of a column of lists; three times as fast as its own conversion."""
    lists = column.combine_chunks()
    values, ends = lists.values.to_pylist(), lists.offsets.to_pylist()
    return [tuple(values[a:b]) for a, b in itertools.pairwise(ends)]


def _check(path: Path, about: dict[str, Any], table: pyarrow.Table) -> None:
    missing = [name for name in _shard_names(len(about["shards"])) if not (path / name).is_file()]
    if missing:
        raise UserError(
            f"{path}: {len(missing)} of {len(about['shards'])} shards are missing, the first is "
            f"{missing[0]}. Copy the whole folder."
        )
    if table.num_rows != about["count"]:
        raise UserError(
            f"{path}: {INDEX} names {table.num_rows} clips, {ABOUT} {about['count']}. They belong "
            "to different stores."
        )
    if about.get("index", _digest(path / INDEX)) != _digest(path / INDEX):
        raise UserError(
            f"{path}: {INDEX} is not the one that was written with {ABOUT}. It was changed, or "
            "they belong to different stores: make the store again."
        )
    _check_index(path / INDEX, table)


def _check_index(path: Path, table: pyarrow.Table) -> None:
    wrong = [
        f"{name} {table[name].type}"
        for name, wanted in _TYPES.items()
        if table[name].null_count or table[name].type != wanted
    ]
    if wrong:
        raise UserError(f"{path}: other columns than a store's, or values are missing: {wrong}")
    splits = set(table["split"].unique().to_pylist()) - {"", *SPLITS}
    if splits:
        raise UserError(f"{path}: unknown splits {sorted(splits)}; expected {', '.join(SPLITS)}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shard_names(count: int) -> list[str]:
    return [_SHARD.format(number, count) for number in range(count)]


@dataclasses.dataclass(frozen=True)
class _Shard:
    """What array_record asks of a file whose records are counted already."""

    filename: str
    skip: int
    take: int
    examples_in_shard: int


@dataclasses.dataclass
class _Reader:
    """Reads single clips; shards are opened when first needed, in every process anew."""

    folder: str
    shards: tuple[int, ...]
    id: str = ""

    @functools.cached_property
    def _records(self) -> Any:
        from array_record.python import array_record_data_source as records

        # What the shards hold is known, so none is opened here.
        names = _shard_names(len(self.shards))
        parts = [
            _Shard(f"{self.folder}/{name}", 0, count, count)
            for name, count in zip(names, self.shards, strict=True)
        ]
        return records.ArrayRecordDataSource(parts, reader_options=_READER)

    def __call__(self, index: int) -> Clip:
        try:
            return _record.decode(self._records[index], _place(self.id, index))
        except (ValueError, RuntimeError, IndexError, OSError) as error:
            raise UserError(
                f"{self.folder}: clip {index} cannot be read ({error}). A shard is damaged, or not "
                "this store's: make the store again."
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "shards": self.shards, "id": self.id}


def _place(id: str, number: int) -> str:
    """Whose record it is and where it stands; "" in stores without an id."""
    return f"{id}/{number}" if id else ""


class _Writer(ClipWriter):
    """Writes shards, then the index, then store.json."""

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        *,
        dtype: str = "float32",
        shard_bytes: int = _SHARD_BYTES,
    ):
        if dtype not in DTYPES:
            raise UserError(f"dtype={dtype!r}, expected one of {', '.join(DTYPES)}")
        super().__init__(folder, collection)
        self._dtype, self._limit = dtype, shard_bytes
        self._id = uuid.uuid4().hex
        self._shards: list[int] = []
        self._bytes, self._open = 0, None
        self._columns: dict[str, list] = {name: [] for name in _COLUMNS}
        if dtype != "float32":
            self.losses.add(f"{dtype} rounds landmarks to about 0.0005 of the image")

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip.

        Raises:
            UserError: numbers that the type cannot hold.
        """
        try:
            place = _place(self._id, sum(self._shards))
            record = _record.encode(clip, self._dtype, place)
        except ValueError as error:
            raise UserError(str(error)) from error
        with _disk_errors():
            self._shard(len(record)).write(record)
        self._shards[-1] += 1
        row = dataclasses.asdict(entry) | {"frames": len(clip), "fps": clip.fps}
        for name, values in self._columns.items():
            values.append(row[name])

    def _shard(self, size: int) -> Any:
        """The shard that takes the next record."""
        from array_record.python import array_record_module

        if self._open is None or self._bytes + size > self._limit:
            self._close()
            path = self._folder / _draft(len(self._shards))
            self._open = array_record_module.ArrayRecordWriter(str(path), _WRITER)
            self._shards.append(0)
            self._bytes = 0
        self._bytes += size
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def finish(self) -> None:
        """Closes the shards and writes the index and store.json."""
        with _disk_errors():
            self._close()
        for number, name in enumerate(_shard_names(len(self._shards))):
            (self._folder / _draft(number)).rename(self._folder / name)
        schema = pyarrow.schema(_TYPES.items())
        _parquet.write(self._folder / INDEX, pyarrow.table(self._columns, schema))
        glosses, categories = self._collection.classes()
        about = {
            "version": VERSION,
            "id": self._id,
            "count": sum(self._shards),
            "shards": self._shards,
            "landmarks": self._dtype,
            "index": _digest(self._folder / INDEX),
            "glosses": glosses,
            "categories": categories,
            "made_from": f"{self._collection.name} ({self._collection.format})",
            "made_by": f"jaxsign {jaxsign.__version__}",
        }
        write_text(self._folder / ABOUT, _labels.json_text(about))


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """The library's error for a full disk as Python's."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _draft(number: int) -> str:
    return f"clips-{number:05d}.array_record.partial"


FORMAT = Format(
    looks="a folder with store.json, index.parquet and clips-*.array_record",
    recognises=recognises,
    open=open_path,
    suffix=".array_record",
    writer=_Writer,
)
