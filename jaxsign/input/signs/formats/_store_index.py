"""The index of a store of clips: a parquet file, a row a clip."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pyarrow

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _parquet
from jaxsign.input.signs.formats._types import SPLITS, Entry

_TYPES = {
    "name": pyarrow.string(),
    "frames": pyarrow.int32(),
    "glosses": pyarrow.list_(pyarrow.string()),
    "category": pyarrow.string(),
    "signer": pyarrow.string(),
    "split": pyarrow.string(),
    "fps": pyarrow.float64(),
}


def table(path: Path) -> pyarrow.Table:
    """The columns of an index; raises UserError as `_parquet.read`."""
    return _parquet.read(path, tuple(_TYPES))


def entries(path: Path, table: pyarrow.Table) -> tuple[list[Entry], np.ndarray]:
    """The clips of an index, and how many frames each has.

    Raises:
        UserError: columns of other types, gaps in them, or unknown splits.
    """
    _check(path, table)
    texts = [table[name].to_pylist() for name in ("name", "category", "signer", "split")]
    rows = zip(_tuples(table["glosses"]), *texts, strict=True)
    found = [Entry(name, glosses, *rest) for glosses, name, *rest in rows]
    return found, _parquet.numbers(path, table, "frames")


def _tuples(column: pyarrow.ChunkedArray) -> list[tuple[str, ...]]:
    """The rows of a column of lists; three times as fast as its own conversion."""
    lists = column.combine_chunks()
    values, ends = lists.values.to_pylist(), lists.offsets.to_pylist()
    return [tuple(values[a:b]) for a, b in itertools.pairwise(ends)]


def _check(path: Path, table: pyarrow.Table) -> None:
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


class StoreIndex:
    """The index of a store that is being written."""

    def __init__(self) -> None:
        self._columns: dict[str, list] = {name: [] for name in _TYPES}

    def add(self, entry: Entry, clip: Clip) -> None:
        """Takes a clip."""
        row = dataclasses.asdict(entry) | {"frames": len(clip), "fps": clip.fps}
        for name, values in self._columns.items():
            values.append(row[name])

    def write(self, path: Path) -> None:
        """Writes the file."""
        _parquet.write(path, pyarrow.table(self._columns, pyarrow.schema(_TYPES.items())))
