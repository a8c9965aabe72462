"""Tables of clips and their labels, whatever their columns are called."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs.formats import SPLITS

FILE = ("filename", "file", "video", "path", "video_path")
LABEL = ("label", "gloss", "class", "sign", "meaning")
SIGNER = ("signer", "signer_id", "speaker", "participant", "participant_id", "person")
SPLIT = ("split", "subset")
_SAME = {"validation": "val", "valid": "val", "dev": "val"}


@dataclasses.dataclass(frozen=True)
class LabelledFile:
    """A clip of a table.

    Attributes:
      file: as the table calls it.
      glosses: what is signed, in order.
      signer, split: "" where the table does not tell.
      line: of the table; the header is 1.
    """

    file: str
    glosses: tuple[str, ...]
    signer: str = ""
    split: str = ""
    line: int = 0


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """A table's rows, which columns they come from, and what is wrong with it."""

    path: Path
    rows: list[LabelledFile]
    columns: tuple[str, str]
    problems: list[str]


def read(path: Path, *, separator: str = "", named: bool = False) -> LabelTable:
    """The clips of a csv file.

    The columns of files and labels are found by their names, `FILE` and `LABEL` in any case; where
    there are none, these are the first two columns. A column `glosses` has the glosses' names
    joined by `|`, as jaxsign writes it.

    Args:
      path: the csv file.
      separator: what stands between the glosses of one cell; "" = a cell is one gloss.
      named: columns without a known name are an error.

    Raises:
      UserError: unreadable, or without such columns. What is wrong with rows is in `problems`.
    """
    rows = labels.read_rows(path, ())
    found = list(rows[0].cells)
    file, label = _last(found, FILE), _last(found, (*LABEL, "glosses"))
    if (named and not (file and label)) or len(found) < 2:
        raise UserError(
            f"{path}: needs a column of the videos ({', '.join(FILE)}) and one of their labels "
            f"({', '.join(LABEL)}), in small or capital letters; found {', '.join(found)}"
        )
    if not (file and label):
        file, label = found[0], found[1]
    signer, split = _last(found, SIGNER), _last(found, SPLIT)
    made = [
        LabelledFile(
            file=row.cells[file].replace("\\", "/").removeprefix("./"),
            glosses=_glosses(row.cells[label], separator, listed=label.lower() == "glosses"),
            signer=row.cells[signer] if signer else "",
            split=_split(row.cells[split]) if split else "",
            line=row.number,
        )
        for row in rows
    ]
    return LabelTable(path, made, (file, label), _problems(path, made))


def _last(found: Sequence[str], names: Sequence[str]) -> str:
    """The last of the columns that has one of the names, "" if none has, as in the original."""
    return next((name for name in reversed(found) if name.lower() in names), "")


def _glosses(cell: str, separator: str, *, listed: bool) -> tuple[str, ...]:
    if separator:
        return separated(cell, separator)
    if listed:
        return labels.split_names(cell)
    return (cell,) if cell else ()


def separated(text: str, separator: str) -> tuple[str, ...]:
    """The glosses of "A B C"."""
    return tuple(word.strip() for word in text.split(separator) if word.strip())


def _split(text: str) -> str:
    low = text.lower()
    return _SAME.get(low, low)


def _problems(path: Path, rows: Sequence[LabelledFile]) -> list[str]:
    found = []
    first: dict[str, int] = {}
    for row in rows:
        where = f"{path} line {row.line}"
        if not row.file:
            found.append(f"{where}: names no file")
        elif row.file in first:
            found.append(f"{where}: {row.file!r} again (first: line {first[row.file]})")
        if not row.glosses:
            found.append(f"{where}: {row.file!r} has no label")
        if row.split not in ("", *SPLITS):
            found.append(f"{where}: split={row.split!r}, expected one of {', '.join(SPLITS)}")
        first.setdefault(row.file, row.line)
    return found
