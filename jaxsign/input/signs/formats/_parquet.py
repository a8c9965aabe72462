"""Parquet files: columns by name, numbers as numpy, whole files, clear errors."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.whole import whole


def columns(path: Path) -> list[str]:
    """The names of a file's columns; [] where it cannot be read."""
    if reading.problem(path):
        return []
    try:
        return pyarrow.parquet.read_schema(path).names
    except (pyarrow.ArrowException, OSError):
        return []


def read(path: Path, wanted: Collection[str], also: Collection[str] = ()) -> pyarrow.Table:
    """The columns `wanted` of a file that must have those of `also` too.

    Raises:
        UserError: absent, unreadable, damaged, or without one of the columns or with two of a name.
    """
    reading.check(path)
    try:
        with _open(path) as file:
            names = file.schema_arrow.names
            asked = (*wanted, *also)
            missing = [name for name in asked if name not in names]
            repeated = [name for name in asked if names.count(name) > 1]
            if not missing and not repeated:
                return file.read(columns=list(wanted))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: not a readable parquet file "
            f"({reading.told(path, 'a parquet file', error)}). It may have been cut short: copy or "
            "make it again."
        ) from error
    if repeated:
        raise UserError(f"{path}: has several columns of the name {repeated[0]}; expected one")
    some = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    raise UserError(
        f"{path}: lacks the column(s) {', '.join(missing[:5])}"
        f"{' ...' if len(missing) > 5 else ''}; found {some or 'none'}"
    )


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    return pyarrow.parquet.ParquetFile(path, memory_map=False, page_checksum_verification=True)


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
