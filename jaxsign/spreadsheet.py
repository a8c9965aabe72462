"""Cells of tables, so written that no spreadsheet runs them."""

import re
from typing import Any

# What a spreadsheet runs when it opens a table, numbers apart.
_FORMULA = re.compile(r"'*[=+\-@\t\r](?!$)")
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


def guarded(cell: Any) -> Any:
    """A cell to write, which no spreadsheet takes for a formula: an apostrophe stands before it."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
