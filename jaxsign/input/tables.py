"""Tables (csv) and lists of names (JSON): the one reader of all that people write and edit.

It takes them as spreadsheets and editors of all systems save them: the separator is found out,
rows without any cell are left out, a byte order mark is no text, whole numbers may have become
`3.0`, paths may hold backslashes. Texts come in Unicode NFC, so that equal words are equal.
"""

import collections
import contextlib
import contextvars
import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign import reading, spreadsheet, telling
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import annotations, code_pages, separated

# Columns that name files, in small letters.
FILE = ("filename", "file", "video", "path", "video_path")
# Those that any labels may have besides what is required.
_OPTIONAL = (
    "cat", "category", "glosses", "signer", "split", "occluded",
    "start", "end", "frame_start", "frame_end",
)  # fmt: skip
_NO_CSV = (".json", ".jsonl", ".txt")
_HELD = 32 << 20  # letters of a table whose rows are held
_ENCODING = contextvars.ContextVar("encoding", default="")


@dataclasses.dataclass
class Row:
    """A line of a table: its number (the header is 1) and its cells."""

    number: int
    cells: dict[str, str]


@contextlib.contextmanager
def encoded(encoding: str) -> Iterator[None]:
    """Tables that are read within and are no UTF-8 are in this code page; "" = an error.

    Formats read their tables where they are opened, so this need not pass through all of them.

    Raises:
      UserError: there is no such encoding.
    """
    try:
        "a".encode(encoding or "utf-8")
    except (LookupError, ValueError) as error:
        raise UserError(
            f"encoding {encoding!r} is unknown. Expected the name of a code page, such as cp1250, "
            "cp1251, cp1252, cp932 or utf-16"
        ) from error
    token = _ENCODING.set(encoding or _ENCODING.get())
    try:
        yield
    finally:
        _ENCODING.reset(token)


def nfc(text: str) -> str:
    """A text in the one form in which texts are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def as_path(text: str) -> str:
    """A path in a table, which Windows may have written, with forward slashes."""
    return text.replace("\\", "/").removeprefix("./")


def write(
    path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None
) -> None:
    """Writes rows as CSV (UTF-8); `columns`: of all, None = those of the first row."""
    names = list(rows[0]) if columns is None else columns
    spreadsheet.write(path, names, ([row[name] for name in names] for row in rows))


def read_text(path: Path, expected: str = "") -> str:
    """The text of a small file, as `encoded` says.

    Args:
      path: the file.
      expected: a sentence for the message where there is none.

    Raises:
      UserError: unreadable, or not in UTF-8, nor in the encoding that was given.
    """
    raw = reading.read_bytes(path, expected)
    given = _ENCODING.get()
    # A zero byte tells UTF-16, an escape a page that shifts by codes.
    plain = "" if b"\0" in raw or b"\x1b" in raw else "utf-8-sig"
    for encoding in filter(None, (plain, given)):
        with contextlib.suppress(UnicodeError):
            text = raw.decode(encoding).lstrip("\ufeff")
            if "\0" not in text:
                return nfc(text)
    saved = "it" if path.suffix.lower() in _NO_CSV else "it as CSV"
    kind = reading.kind(path)
    if kind and kind != "a text file":
        workbook = " (workbooks of spreadsheets are such)" if raw.startswith(b"PK") else ""
        raise UserError(f"{path}: is no text, but {kind}{workbook}. Save {saved} in UTF-8.")
    raise UserError(f"{path}: is no text in {given or 'UTF-8'}.{_told(raw, saved)}")


def _told(raw: bytes, saved: str) -> str:
    found = code_pages.likely(raw)
    if not found:
        return f" Save {saved} in UTF-8, or give its code page: --encoding NAME."
    (page, word), *others = found
    reads = f" It reads {word!r} in {page}"
    reads += "".join(f", {word!r} in {page}" for page, word in others)
    return (
        f"{reads}. If it is {page}: --encoding {page} (in a recipe "
        f"--config.data.encoding={page}), or save {saved} in UTF-8."
    )


def read_rows(path: Path, required: Sequence[str] = (), known: Sequence[str] = ()) -> list[Row]:
    """The rows of a table that hold anything, cells without spaces around them.

    Args:
      path: a csv file; cells stand between `,`, `;`, tabs or `|`. Or WLASL's json.
      required: columns that it must have.
      known: columns one of which a header has, in small letters, where none is required.

    Raises:
      UserError: missing, unreadable, empty, without a header or a required column, or with two
        columns of a name.
    """
    columns = f" with the columns {','.join(required)}" if required else ""
    text = read_text(path, f"Expected a csv file{columns}.")
    annotations.check(path, text)
    if path.suffix.lower() == ".json":
        listed = [Row(i, cells) for i, cells in enumerate(annotations.wlasl(path, text), 1)]
        if not listed:
            raise UserError(f"{path}: names no video")
        return listed
    parse = _rows if len(text) <= _HELD else _rows.__wrapped__
    rows, empty = parse(path, text, tuple(required), tuple(known))
    if empty:
        telling.once("%s: %d empty rows left out", path, empty)
    # Copies: who asks may change them.
    return [Row(row.number, dict(row.cells)) for row in rows]


@functools.lru_cache(maxsize=4)  # a training opens the tables of its splits several times
def _rows(
    path: Path, text: str, required: tuple[str, ...], known: tuple[str, ...]
) -> tuple[list[Row], int]:
    """The rows of a csv file that holds `text`, as `read_rows`, and how many empty ones it has."""
    header, lines, separator = separated.split(path, text, required)
    header = _as_meant(header, (*required, *_OPTIONAL) if required else ())
    _check_header(path, header, [cells for _, cells in lines[:1000]], required, known, separator)
    rows, empty = [], 0
    for number, cells in lines:
        if not any(cells):
            empty += bool(cells)
            continue
        if any(cells[len(header) :]):
            name = separated.SEPARATORS.get(separator, separator)
            raise UserError(
                f"{path} line {number}: has more cells than the header has columns. Cells that "
                f"hold {name} need quotation marks around them."
            )
        cells = [spreadsheet.unguarded(cell) for cell in cells]
        filled = cells + [""] * (len(header) - len(cells))
        rows.append(Row(number, {k: v for k, v in zip(header, filled, strict=False) if k}))
    if not rows:
        raise UserError(f"{path}: {'has a header but no rows' if header else 'is empty'}")
    _mend(rows)
    return rows, empty


def _as_meant(header: list[str], columns: Sequence[str]) -> list[str]:
    """The header with the known `columns` as they are called, where it has them in capitals."""
    absent = {name.lower(): name for name in columns if name not in header}
    times = collections.Counter(name.lower() for name in header)
    return [absent.get(name.lower(), name) if times[name.lower()] == 1 else name for name in header]


def _check_header(
    path: Path,
    header: list[str],
    body: list[list[str]],
    required: Sequence[str],
    known: Sequence[str],
    separator: str,
) -> None:
    there = {name.lower() for name in header}
    told = there & {name.lower() for name in (*required, *known)}
    if header and (required or known) and not told and _is_data(header, body):
        raise UserError(
            f"{path}: has no header, or none that is known: its first line is "
            f"{separator.join(header)!r}. Write the names of the columns above it, such as "
            f"{separator.join(required or ('file', 'label'))}"
        )
    missing = [name for name in required if name not in header]
    if missing:
        near = did_you_mean(missing[0], header)
        if (kind := reading.kind(path)) != "a text file":
            near = f" It is {kind}."
        raise UserError(
            f"{path}: lacks the column(s) {', '.join(missing)}; found "
            f"{', '.join(header) or 'none'}.{near} Expected at least {','.join(required)}."
        )
    times = collections.Counter(header)
    repeated = [name for name in header if name and times[name] > 1]
    if repeated:
        raise UserError(f"{path}: has several columns of the name {repeated[0]!r}; expected one")


def _is_data(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether what should be names of columns are cells: numbers, files, or what comes again."""
    for i, cell in enumerate(header):
        again = any(cell == row[i] for row in body if i < len(row))
        if cell and (again or re.fullmatch(r"[-+]?[0-9.]+|.*\.[A-Za-z][A-Za-z0-9]{2,4}", cell)):
            return True
    return False


def _mend(rows: list[Row]) -> None:
    """Undoes what other programs did to cells: `a\\b` is a/b, and 3.0 is 3 in a whole column."""
    for name in rows[0].cells:
        if name.lower() in FILE:
            for row in rows:
                row.cells[name] = as_path(row.cells[name])
        # Names in `glosses` were written by this project, and stand as they are.
        elif name != "glosses" and all(_is_whole(row.cells[name]) for row in rows):
            for row in rows:
                row.cells[name] = row.cells[name].partition(".")[0]


def _is_whole(cell: str) -> bool:
    return not cell or re.fullmatch(r"[+-]?[0-9]+(\.0+)?", cell) is not None


def read_json(path: Path, expected: str = "") -> Any:
    """What a JSON file holds, texts in NFC.

    Args:
      path: the file.
      expected: a sentence for the message where there is none.

    Raises:
      UserError: unreadable, or no text.
      ValueError: no JSON, nested too deep, or a name stands twice in an object.
    """
    return parse_json(read_text(path, expected))


def parse_json(text: str) -> Any:
    """What a JSON text holds, texts in NFC; raises ValueError as `read_json`."""
    value = reading.parse_json(text, each_once)
    try:
        return _normal(value)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _normal(value: Any) -> Any:
    """Escapes may spell what the text's own form does not."""
    if isinstance(value, str):
        value.encode("utf-8")  # raises a ValueError for what is no text
        return nfc(value)
    if isinstance(value, list):
        return [_normal(one) for one in value]
    if isinstance(value, dict):
        return each_once([(_normal(name), _normal(one)) for name, one in value.items()])
    return value


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict; raises ValueError where a name stands twice."""
    named = dict(pairs)
    if len(named) < len(pairs):
        name, count = collections.Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{name!r} stands {count} times")
    return named
