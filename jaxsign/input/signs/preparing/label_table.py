"""Tables of clips and their labels, whatever their columns are called."""

import dataclasses
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import labels, segments, tables
from jaxsign.input.folders import finding
from jaxsign.input.signs.formats import SPLITS

FILE = tables.FILE
LABEL = ("label", "gloss", "class", "sign", "meaning", "glosses")
SIGNER = ("signer", "signer_id", "speaker", "participant", "participant_id", "person")
SPLIT = ("split", "subset")
_KNOWN = (*FILE, *LABEL, *SIGNER, *SPLIT)
_SAME = {"validation": "val", "valid": "val", "dev": "val"}


@dataclasses.dataclass(frozen=True)
class LabelledFile:
    """A clip of a table.

    Attributes:
      file: as the table calls it.
      glosses: what is signed, in order.
      segment: which part of the file it is; None = all of it.
      signer, split: "" where the table does not tell.
      line: of the table; the header is 1.
    """

    file: str
    glosses: tuple[str, ...]
    signer: str = ""
    split: str = ""
    line: int = 0
    segment: segments.Segment | None = None

    @property
    def name(self) -> str:
        """The clip's own: the file's without an ending, and which part of it."""
        return Path(self.file).with_suffix("").as_posix() + self.suffix

    @property
    def suffix(self) -> str:
        """What parts of one file differ by; "" for all of it."""
        return self.segment.suffix if self.segment else ""


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """A table's rows, and what is wrong with it.

    Attributes:
      path: where it lies.
      rows: what it says; those with problems are left out.
      columns: of the files and of the labels.
      problems: of single rows.
      taken: the columns are the first two, as none has a name that is known.
    """

    path: Path
    rows: list[LabelledFile]
    columns: tuple[str, str]
    problems: list[str]
    taken: bool = False

    def check_header(self, known: Collection[str]) -> None:
        """Whether the first line is one of names, not of a clip.

        Args:
          known: what clips are called.

        Raises:
          UserError: it names a clip.
        """
        if self.taken and self.columns[0] in known:
            raise UserError(
                f"{self.path}: has no header: its first line names the clip {self.columns[0]!r}. "
                "Write the names of the columns above it: file,label"
            )


def read(
    path: Path,
    *,
    separator: str = "",
    named: bool = False,
    file: str = "",
    label: str = "",
    segmented: bool = True,
) -> LabelTable:
    """The clips of a csv file.

    The columns of files and labels are found by their names, `FILE` and `LABEL` in any case; where
    there is neither, these are the first two columns, as in the original. A column `glosses` has
    the glosses' names joined by `|`, as jaxsign writes it.

    Args:
      path: the csv file.
      separator: what stands between the glosses of one cell; "" = a cell is one gloss.
      named: columns without a known name are an error.
      file, label: the columns' names, where they are others.
      segmented: columns of starts and ends cut (`jaxsign.input.segments`).

    Raises:
      UserError: unreadable, or without such columns. What is wrong with rows is in `problems`.
    """
    rows = tables.read_rows(path, known=(*_KNOWN, *filter(None, (file.lower(), label.lower()))))
    found = list(rows[0].cells)
    given = bool(file or label)
    file, label = _column(path, found, file, FILE), _column(path, found, label, LABEL)
    taken = not (file or label or named or given)
    if taken and len(found) > 1:
        file, label = found[0], found[1]
    if not (file and label):
        raise _lacking(path, found, file, label)
    signer, split = _last(found, SIGNER), _last(found, SPLIT)
    cut, wrong = _segments(rows if segmented else [])
    made = [
        LabelledFile(
            file=_file(row.cells[file]),
            glosses=_glosses(row.cells[label], separator, listed=label.lower() == "glosses"),
            signer=row.cells[signer] if signer else "",
            split=_split(row.cells[split]) if split else "",
            line=row.number,
            segment=cut.get(row.number),
        )
        for row in rows
    ]
    told = [*wrong, *_problems(made)]
    bad = {line for line, _ in told}
    good = [row for row in made if row.line not in bad]
    problems = [f"{path} line {line}: {text}" for line, text in told]
    return LabelTable(path, good, (file, label), problems, taken)


def _segments(
    rows: Sequence[tables.Row],
) -> tuple[dict[int, segments.Segment | None], list[tuple[int, str]]]:
    """The parts that rows mean, by line, and what is wrong with them, with the line."""
    found, problems = {}, []
    for row in rows:
        try:
            found[row.number] = segments.of_cells(row.cells)
        except ValueError as error:
            problems.append((row.number, str(error)))
    return found, problems


def _column(path: Path, found: Sequence[str], given: str, names: Sequence[str]) -> str:
    """The column that is given, or the last that has one of the names, as in the original."""
    if given and given not in found:
        near = did_you_mean(given, found)
        raise UserError(f"{path}: has no column {given!r}; found {', '.join(found)}.{near}")
    return given or _last(found, names)


def _lacking(path: Path, found: Sequence[str], file: str, label: str) -> UserError:
    lacking = [
        f"a column of the {what} ({', '.join(names)}; or --{option}-column NAME)"
        for what, names, column, option in (
            ("videos", FILE, file, "file"),
            ("labels", LABEL, label, "label"),
        )
        if not column
    ]
    return UserError(
        f"{path}: needs {' and '.join(lacking)}, in small or capital letters; found "
        f"{', '.join(found)}"
    )


def _last(found: Sequence[str], names: Sequence[str]) -> str:
    """The last of the columns that has one of the names, "" if none has."""
    return next((name for name in reversed(found) if name.lower() in names), "")


def matched(
    table: LabelTable, names: Sequence[str], what: str
) -> tuple[dict[int, LabelledFile], list[str]]:
    """The row of every clip that a table names, by the clip's number, and what is wrong.

    A table may call a clip by any end of its path, with or without endings.

    Args:
      table: the labels.
      names: of the clips, without endings.
      what: a clip is called in messages.

    Raises:
      UserError: the table has no header.
    """
    by_name: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        parts = tables.nfc(name).split("/")
        for k in range(len(parts)):
            by_name.setdefault("/".join(parts[k:]), []).append(i)
    table.check_header(by_name)
    near = finding.NearNames(by_name)
    rows: dict[int, LabelledFile] = {}
    problems = list(table.problems)
    for row in table.rows:
        if row.segment:
            problems.append(
                f"{table.path} line {row.line}: start and end cut films and, in labels.csv beside "
                "them, clips; not what is read here"
            )
            continue
        found = by_name.get(_bare(row.file, by_name), [])
        if len(found) == 1 and found[0] not in rows:
            rows[found[0]] = row
            continue
        told = f"no {what}.{near.hint(_bare(row.file, ()))}"
        if found:
            told = f"{len(found)} {what}s ({', '.join(names[i] for i in found[:3])})"
        if len(found) == 1:
            told = f"{names[found[0]]} again"
        problems.append(f"{table.path} line {row.line}: {row.file!r} names {told}")
    return rows, problems


def _file(cell: str) -> str:
    """A file as a table names it; films of pictures are also called FOLDER/*.png (PHOENIX)."""
    return re.sub(r"/\*\.\w+$", "", cell.replace("\\", "/").removeprefix("./"))


def _bare(file: str, names: Collection[str]) -> str:
    """A file's name without its endings, as far as clips are called."""
    while file not in names and "." in file.rpartition("/")[2]:
        file = file.rpartition(".")[0]
    return file


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


def _problems(rows: Sequence[LabelledFile]) -> list[tuple[int, str]]:
    """What is wrong with rows, with the line."""
    found: list[tuple[int, str]] = []
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        key, before = (row.file, row.suffix), len(found)
        if not row.file:
            found.append((row.line, "names no file"))
        elif key in first:
            found.append((row.line, f"{row.file!r} again (first: line {first[key]})"))
        if not row.glosses:
            found.append((row.line, f"{row.file!r} has no label"))
        if row.split not in ("", *SPLITS):
            expected = f"expected one of {', '.join(SPLITS)}"
            found.append((row.line, f"split={row.split!r}, {expected}"))
        if len(found) == before:  # a row that is left out takes no name
            first[key] = row.line
    return found
