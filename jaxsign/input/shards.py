"""A store of many records: ArrayRecord shards with random access, an index, and store.json.

    STEM-00000-of-00012.array_record   one record an example (see `records`)
    an index                           what is known of each without reading it
    store.json                         version, id, count, shards, digest of the index, and more

Opening reads the index alone, and an example costs one read, however large the store is.
`store.json` is written last: a folder without it was not finished. Every record says whose it is
and where it stands, so that files of different stores are never taken for one.
"""

import contextlib
import dataclasses
import functools
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jaxsign
from jaxsign import reading
from jaxsign.errors import UserError

VERSION, ABOUT = 1, "store.json"
SHARD_BYTES = 256 << 20
# More would be over 25 terabytes.
_MOST_SHARDS = 100_000
_MOST_ABOUT = 16 << 20
# One record a group, so that an example is read alone. zstd:1 is as small as zstd:3 here.
_WRITER = "group_size:1,zstd:1"
_READER = {"max_parallelism": "0"}


def recognises(folder: Path, stem: str) -> bool:
    """A folder with files of a store of that stem, finished or not."""
    return folder.is_dir() and any(folder.glob(f"{stem}-*.array_record*"))


def read_about(folder: Path, check: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """What store.json says.

    Args:
      folder: of the store.
      check: raises ValueError or KeyError where what is the kind's own has other types.

    Raises:
      UserError: not finished, of another version, or no description of a store.
    """
    file = folder / ABOUT
    if not file.is_file():
        raise UserError(
            f"{folder}: has no {ABOUT}, so this store was not finished. Make it again: jaxsign "
            "convert writes a store whole or not at all."
        )
    try:
        about: dict[str, Any] = reading.read_json(file, most=_MOST_ABOUT)
        version = about["version"]
        if version == VERSION:
            _check_about(about)
            check(about)
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
        raise ValueError(f"{count} records, but {sum(shards)} in {len(shards)} shards")
    if not all(isinstance(about.get(name, ""), str) for name in ("id", "index", "made_by")):
        raise ValueError("id, index or made_by is no text")


def check_files(
    folder: Path, about: Mapping[str, Any], stem: str, index: str, rows: int, what: str
) -> None:
    """Refuses files that do not fit together.

    Args:
      folder, about, stem: of the store.
      index: its file's name.
      rows: that it has.
      what: these are, for messages.

    Raises:
      UserError: shards are missing, or the index is another's.
    """
    names = _names(stem, len(about["shards"]))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(about['shards'])} shards are missing, the first is "
            f"{missing[0]}. Copy the whole folder."
        )
    if rows != about["count"]:
        raise UserError(
            f"{folder}: {index} names {rows} {what}, {ABOUT} {about['count']}. They belong "
            "to different stores."
        )
    if about.get("index", digest(folder / index)) != digest(folder / index):
        raise UserError(
            f"{folder}: {index} is not the one that was written with {ABOUT}. It was changed, or "
            "they belong to different stores: make the store again."
        )


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _names(stem: str, count: int) -> list[str]:
    return [f"{stem}-{number:05d}-of-{count:05d}.array_record" for number in range(count)]


def _draft(stem: str, number: int) -> str:
    return f"{stem}-{number:05d}.array_record.partial"


def _place(id: str, number: int) -> str:
    """Whose record it is and where it stands; "" in stores without an id."""
    return f"{id}/{number}" if id else ""


@dataclasses.dataclass(frozen=True)
class _Shard:
    """What array_record asks of a file whose records are counted already."""

    filename: str
    skip: int
    take: int
    examples_in_shard: int


@dataclasses.dataclass
class ShardReader:
    """Reads single records; shards are opened when first needed, in every process anew.

    Attributes:
      folder, stem: of the store.
      shards: records in each.
      id: of the store; '' in old ones.
      what: one record is of, for messages.
    """

    folder: str
    stem: str
    shards: tuple[int, ...]
    id: str
    what: str

    @functools.cached_property
    def _records(self) -> Any:
        from array_record.python import array_record_data_source as records

        # What the shards hold is known, so none is opened here.
        parts = [
            _Shard(f"{self.folder}/{name}", 0, count, count)
            for name, count in zip(_names(self.stem, len(self.shards)), self.shards, strict=True)
        ]
        return records.ArrayRecordDataSource(parts, reader_options=_READER)

    def read(self, index: int, decode: Callable[[bytes, str], Any]) -> Any:
        """What `decode` makes of record `index` and of the place that it must have.

        Raises:
          UserError: a damaged shard, or another store's.
        """
        try:
            return decode(self._records[index], _place(self.id, index))
        except (ValueError, RuntimeError, IndexError, OSError) as error:
            raise UserError(
                f"{self.folder}: {self.what} {index} cannot be read ({error}). A shard is damaged, "
                "or not this store's: make the store again."
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: self.__dict__[field.name] for field in dataclasses.fields(self)}


class ShardWriter:
    """Writes the shards of a store.

    Args:
      folder: a new one.
      stem: of the shards' names.
      limit: bytes from which on a shard is full.
    """

    def __init__(self, folder: Path, stem: str, limit: int = SHARD_BYTES):
        self._folder, self._stem, self._limit = folder, stem, limit
        self._id = uuid.uuid4().hex
        self._shards: list[int] = []
        self._bytes, self._open = 0, None

    @property
    def place(self) -> str:
        """Of the record that comes next."""
        return _place(self._id, sum(self._shards))

    def add(self, record: bytes) -> None:
        """Writes a record; raises OSError where the disk is full."""
        with _disk_errors():
            self._shard(len(record)).write(record)
        self._shards[-1] += 1

    def _shard(self, size: int) -> Any:
        """The shard that takes the next record."""
        from array_record.python import array_record_module

        if self._open is None or self._bytes + size > self._limit:
            self._close()
            path = self._folder / _draft(self._stem, len(self._shards))
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
        """Closes the shards and gives them their names."""
        with _disk_errors():
            self._close()
        for number, name in enumerate(_names(self._stem, len(self._shards))):
            (self._folder / _draft(self._stem, number)).rename(self._folder / name)

    def about(self, index: str, made_from: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """What store.json says.

        Args:
          index: the name of the index's file, which is written.
          made_from: in words.
          own: what the kind of store tells besides.
        """
        return {
            "version": VERSION,
            "id": self._id,
            "count": sum(self._shards),
            "shards": self._shards,
            **own,
            "index": digest(self._folder / index),
            "made_from": made_from,
            "made_by": f"jaxsign {jaxsign.__version__}",
        }


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """The library's error for a full disk as Python's."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error)) from error
