"""Text of cells between commas, or what else spreadsheets put there."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from jaxsign.errors import UserError

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "|"}


def split(
    path: Path, text: str, required: Sequence[str]
) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """The header, the lines below with their numbers, and what stands between cells.

    Args:
      path: the file, for messages.
      text: what it holds.
      required: columns that the header has, in any case, as far as it can be read.

    Raises:
      UserError: a quotation mark is not closed, or stands where none may.
    """
    told = re.match(
        r"\"?sep=(.)[^\r\n]*(\r\n?|\n|$)", text, re.IGNORECASE
    )  # Excel's own first line
    skipped, given = (1, (told[1],)) if told else (0, ())
    text = text[told.end() :] if told else text
    separator = _separator(path, text, required, given)
    lines = [(skipped + number, cells) for number, cells in _parsed(path, text, separator)]
    return (lines[0][1] if lines else []), lines[1:], separator


def _separator(path: Path, text: str, required: Sequence[str], given: Sequence[str]) -> str:
    """That which gives the header its required columns, and most cells."""
    wanted = {name.lower() for name in required}

    def cells(separator: str) -> tuple[int, int]:
        try:
            header = _parsed(path, text, separator, most=1)
        except UserError:  # as if it gave none; the one that is chosen raises it again
            return 0, 0
        found = header[0][1] if header else []
        return len(wanted & {name.lower() for name in found}), len(found)

    return max((*given, *SEPARATORS), key=cells)  # the first of several that give as many


def _parsed(
    path: Path, text: str, separator: str, most: int | None = None
) -> list[tuple[int, list[str]]]:
    # Without `strict` a quotation mark that is not closed takes all further rows into its cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    begun = 1
    try:
        for cells in reader:
            lines.append((reader.line_num, [cell.strip() for cell in cells]))
            begun = reader.line_num + 1
            if len(lines) == most:
                break
    except csv.Error as error:
        raise UserError(
            f"{path} line {begun}: not readable as csv ({error}). Look for a quotation mark that "
            "is not closed, or that stands inside a cell: there it is written twice, in a cell "
            "with one at its beginning and its end."
        ) from error
    return lines
