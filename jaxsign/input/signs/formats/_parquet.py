"""Parquet files: columns by name, numbers as numpy, whole files, clear errors.

pyarrow takes a tenth of a second to import: who may do without imports this late.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.whole import whole

# A column takes about 190 bytes of the description at a file's end.
_MOST_COLUMNS = 20_000
_MOST_DESCRIPTION = 200 * _MOST_COLUMNS
# Bytes that a number may take in memory.
_WIDTH = 8


def columns(path: Path) -> list[str]:
    """The names of a file's columns; [] where it cannot be read."""
    try:
        with _open(path) as file:
            return list(file.schema_arrow.names)
    except UserError:
        return []


def rows(path: Path) -> int:
    """The number of a file's rows; raises UserError as `read`."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def read(path: Path, wanted: Collection[str], also: Collection[str] = ()) -> pyarrow.Table:
    """The columns `wanted` of a file that must have those of `also` too; words as plain text.

    Raises:
        UserError: absent, unreadable, damaged, too large, or without one of the columns or with two
            of a name.
    """
    with _open(path) as file:
        _check_names(path, file.schema_arrow.names, (*wanted, *also))
        held = file.metadata.num_rows * _WIDTH
        for name in wanted:
            reading.check_size(path, held, f"column {name}")
        words = [n for n in wanted if pyarrow.types.is_string(file.schema_arrow.field(n).type)]
    # Text is read as numbers into the few words that there are: a million rows of one long word
    # take no room in the file.
    with _open(path, words) as file:
        table = file.read(columns=list(wanted))
    for place, name in enumerate(table.column_names):
        if pyarrow.types.is_dictionary(table[name].type):
            table = table.set_column(place, name, _plain(path, name, table[name]))
    return table


def _check_names(path: Path, names: list[str], asked: Collection[str]) -> None:
    missing = [name for name in asked if name not in names]
    repeated = [name for name in asked if names.count(name) > 1]
    if missing:
        some = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
        raise UserError(
            f"{path}: lacks the column(s) {', '.join(missing[:5])}"
            f"{' ...' if len(missing) > 5 else ''}; found {reading.quoted(some) or 'none'}"
        )
    if repeated:
        raise UserError(f"{path}: has several columns of the name {repeated[0]}; expected one")


def _plain(path: Path, name: str, column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """A column of numbers into words as the words themselves."""
    kind = column.type.value_type
    with _told(path):
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            for chunk in column.chunks:
                sizes = pyarrow.compute.binary_length(chunk.dictionary).take(chunk.indices)
                held = pyarrow.compute.sum(sizes.cast(pyarrow.int64())).as_py() or 0
                reading.check_size(path, held, f"column {name}")
        return column.cast(kind)


@contextlib.contextmanager
def _open(path: Path, words: Collection[str] = ()) -> Iterator[pyarrow.parquet.ParquetFile]:
    """A file whose description has a reasonable size.

    Raises:
        UserError: absent, unreadable, damaged in what is read of it, or described by too many
            columns.
    """
    reading.check(path)
    with _told(path):
        with path.open("rb") as file:
            file.seek(-8, os.SEEK_END)
            described = int.from_bytes(file.read(4), "little")
        if _MOST_DESCRIPTION < described < path.stat().st_size:
            raise UserError(
                f"{path}: describes its columns in {described:,} bytes: more than the about "
                f"{_MOST_COLUMNS:,} columns that are read"
            )
        with pyarrow.parquet.ParquetFile(
            path,
            memory_map=False,
            page_checksum_verification=True,
            read_dictionary=list(words),
        ) as opened:
            yield opened


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """The library's errors as one that names the file."""
    try:
        yield
    # The last one: a name of a column that is no text.
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: not a readable parquet file "
            f"({reading.told(path, 'a parquet file', error)}). It may have been cut short: copy or "
            "make it again."
        ) from error


def numbers(path: Path, table: pyarrow.Table, name: str) -> np.ndarray:
    """A column as numpy, as it is stored; an absent value of a fractional column is NaN.

    Raises:
        UserError: no numbers, or whole numbers with gaps.
    """
    column = table[name]
    whole = pyarrow.types.is_integer(column.type)
    if not whole and not pyarrow.types.is_floating(column.type):
        raise UserError(f"{path}: column {name} holds {column.type}, expected numbers")
    if whole and column.null_count:
        raise UserError(f"{path}: column {name} has {column.null_count} rows without a value")
    return column.to_numpy()


def write(path: Path, table: pyarrow.Table) -> None:
    """Writes a file under a temporary name, then renames it: whole or absent."""
    with whole(path) as draft:
        pyarrow.parquet.write_table(table, draft, compression="zstd", write_page_checksum=True)
