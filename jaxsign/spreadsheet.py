"""Tables, so written that no spreadsheet runs their cells."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxsign.whole import write_text

# What a spreadsheet runs when it opens a table, numbers apart.
_FORMULA = re.compile(r"'*[=+\-@\t\r](?!$)")
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


def write(path: Path, header: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    """Writes a CSV file (UTF-8), whole or not at all."""
    write_text(path, text(header, rows))


def text(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A CSV file's text, its cells `guarded`."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerows([guarded(cell) for cell in row] for row in (header, *rows))
    return made.getvalue()


def guarded(cell: Any) -> Any:
    """A cell to write, which no spreadsheet takes for a formula: an apostrophe stands before it."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
