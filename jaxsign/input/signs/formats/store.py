"""A store of many clips (see `jaxsign.input.shards`): ArrayRecord shards, an index, store.json.

clips-00000-of-00012.array_record   one record a clip (see `_record`)
index.parquet                       name, frames, glosses, category, signer, split, fps
store.json                          version, id, count, shards, digest of the index, classes
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input import shards
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _record
from jaxsign.input.signs.formats._types import ClipWriter, Collection, Entry, Format
from jaxsign.whole import write_json

ABOUT, INDEX = shards.ABOUT, "index.parquet"
DTYPES = ("float32", "float16")
_STEM = "clips"


def recognises(path: Path) -> bool:
    """A folder with a store's files, finished or not."""
    described = (path / ABOUT).is_file() and not shards.recognises(path, "*")
    return shards.recognises(path, _STEM) or described


def open_path(path: Path) -> Collection:
    """The clips of a store.

    Raises:
        UserError: no finished store, one of a newer version, or files that do not fit together.
    """
    from jaxsign.input.signs.formats import _store_index  # late: pyarrow

    about = shards.read_about(path, _check_about)
    table = _store_index.table(path / INDEX)
    shards.check_files(path, about, _STEM, INDEX, table.num_rows, "clips")
    entries, frames = _store_index.entries(path / INDEX, table)
    return Collection(
        name=str(path),
        format="store",
        entries=entries,
        reader=_Reader(
            shards.ShardReader(
                str(path), _STEM, tuple(about["shards"]), about.get("id", ""), "clip"
            )
        ),
        glosses=tuple(about["glosses"]),
        categories=tuple(about["categories"]),
        counter=_Frames(frames),
        indexed=True,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Frames:
    """Frames of a clip, from the index."""

    frames: Any

    def __call__(self, index: int) -> int:
        return int(self.frames[index])


def _check_about(about: Mapping[str, Any]) -> None:
    """Raises ValueError or KeyError where the classes are no lists of names."""
    for name in ("glosses", "categories"):
        if not isinstance(about[name], list) or not all(isinstance(x, str) for x in about[name]):
            raise ValueError(f"{name} is no list of names")


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads single clips."""

    records: shards.ShardReader

    def __call__(self, index: int) -> Clip:
        found: Clip = self.records.read(index, _record.decode)
        return found


class _Writer(ClipWriter):
    """Writes shards, then the index, then store.json."""

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        *,
        dtype: str = "float32",
        shard_bytes: int = shards.SHARD_BYTES,
    ):
        if dtype not in DTYPES:
            raise UserError(f"dtype={dtype!r}, expected one of {', '.join(DTYPES)}")
        super().__init__(folder, collection)
        from jaxsign.input.signs.formats import _store_index  # late: pyarrow

        self._index = _store_index.StoreIndex()
        self._dtype, self._shards = dtype, shards.ShardWriter(folder, _STEM, shard_bytes)
        if dtype != "float32":
            self.losses.add(f"{dtype} rounds landmarks to about 0.0005 of the image")

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip.

        Raises:
            UserError: numbers that the type cannot hold.
        """
        try:
            record = _record.encode(clip, self._dtype, self._shards.place)
        except ValueError as error:
            raise UserError(str(error)) from error
        self._shards.add(record)
        self._index.add(entry, clip)

    def finish(self) -> None:
        """Closes the shards and writes the index and store.json."""
        self._shards.finish()
        self._index.write(self._folder / INDEX)
        glosses, categories = self._collection.classes()
        own = {"landmarks": self._dtype, "glosses": glosses, "categories": categories}
        made_from = f"{self._collection.name} ({self._collection.format})"
        about = self._shards.about(INDEX, made_from, own)
        write_json(self._folder / ABOUT, about)


FORMAT = Format(
    looks="a folder with store.json, index.parquet and clips-*.array_record",
    recognises=recognises,
    open=open_path,
    suffix=".array_record",
    writer=_Writer,
)
