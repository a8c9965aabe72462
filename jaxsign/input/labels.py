"""Labels that tables and lists of names tell: class numbers, names of classes, cells of glosses.

Every row is checked, and everything that is wrong reported at once.
"""

import collections
import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import segments, tables
from jaxsign.sections.data import SPLITS

_LOG = logging.getLogger("jaxsign")
_MOST_CLASSES = 100_000  # a net for more would not fit anyway: such a label is another number
REQUIRED = ("file", "gloss")
HEADS = ("gloss", "cat")


@dataclasses.dataclass
class Table:
    """A labels file of a split, as far as it could be read.

    Attributes:
      folder: where the clips lie.
      stems: a file's name a row, without a known suffix.
      parts: which part of the file's clip a row means, None for all of it.
      signers: who signs in every row, "" where the table does not tell.
      labels: int32 [N] for every head; -1 where a label is wrong.
      occluded: bool [N], or None without that column.
      problems: what is wrong so far; the caller adds what it finds in the files.
    """

    folder: Path
    stems: list[str]
    labels: dict[str, np.ndarray]
    occluded: np.ndarray | None
    problems: list[str]
    parts: list[segments.Segment | None]
    signers: list[str]

    @property
    def names(self) -> list[str]:
        """A clip's name a row."""
        return [
            stem + (part.suffix if part else "")
            for stem, part in zip(self.stems, self.parts, strict=True)
        ]

    def log_skipped(self, kept: int) -> None:
        """Says how many rows were left out because their file is missing."""
        skipped = len(self.stems) - kept
        if skipped:
            _LOG.warning("%s: %d of %d rows skipped: no file", self.folder, skipped, kept + skipped)


def read_table(
    folder: Path,
    path: Path,
    num_classes: Mapping[str, int],
    suffixes: tuple[str, ...],
    split: str = "",
    names: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """Reads and checks `file,gloss[,cat][,occluded][,split]`; wrong rows are collected, not raised.

    Rows whose `split` names another one than `split` are left out. Classes are numbers, or the
    names that `names` has for a head.

    Raises:
      UserError: the file is missing, unreadable, empty or lacks a column.
    """
    rows = _of_split(tables.read_rows(path, REQUIRED), split, path)
    problems: list[str] = []
    stems = [stem_of(row.cells["file"], suffixes) for row in rows]
    labels = {
        head: class_ids(_numbered(rows, head, names or {}), head, limit, problems, path)
        for head, limit in ((head, num_classes.get(head, 0)) for head in HEADS)
        if head == "gloss" or any(row.cells.get(head) for row in rows)
    }
    hidden = occluded(rows, problems, path)
    signers = [row.cells.get("signer", "") for row in rows]
    table = Table(folder, stems, labels, hidden, problems, _parts(rows, problems, path), signers)
    duplicates(rows, table.names, problems, path)
    return table


def _parts(
    rows: list[tables.Row], problems: list[str], where: Path
) -> list[segments.Segment | None]:
    found: list[segments.Segment | None] = []
    for row in rows:
        found.append(None)
        try:
            found[-1] = segments.of_cells(row.cells)
        except ValueError as error:
            problems.append(f"{where} line {row.number}: {error}")
    return found


def _of_split(rows: list[tables.Row], split: str, path: Path) -> list[tables.Row]:
    for row in rows:
        own = row.cells.get("split", "")
        if own not in ("", *SPLITS):
            near = did_you_mean(own, SPLITS)
            raise UserError(
                f"{path} line {row.number}: split={own!r}, expected {', '.join(SPLITS)}.{near}"
            )
    kept = [row for row in rows if not split or row.cells.get("split", "") in ("", split)]
    if not kept:
        found = ", ".join(sorted({row.cells["split"] for row in rows}))
        raise UserError(f"{path}: has no rows of the split {split}, but of {found}")
    return kept


def _numbered(
    rows: list[tables.Row], head: str, names: Mapping[str, Sequence[str]]
) -> list[tables.Row]:
    """The rows with class numbers in place of the names that are known."""
    numbers = {name: str(i) for i, name in enumerate(names.get(head) or ())}
    cells = [row.cells.get(head, "") for row in rows]
    if not numbers or all(map(is_number, cells)):
        return rows
    return [
        tables.Row(row.number, {**row.cells, head: numbers.get(tables.nfc(cell), cell)})
        for row, cell in zip(rows, cells, strict=True)
    ]


def is_number(cell: str) -> bool:
    """Whether a cell is a number, and no name; also one that other programs read so: 1e0, 1_0."""
    pattern = r"[+-]?[0-9][0-9_]*([.,][0-9]*)?([eE][+-]?[0-9]+)?"
    return re.fullmatch(pattern, cell) is not None


def stem_of(name: str, suffixes: tuple[str, ...]) -> str:
    """The clip's name without a known suffix; a stem may hold dots and spaces."""
    for suffix in suffixes:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def class_number(text: str) -> int | None:
    """The number that a cell such as `3`, or `3.0` as spreadsheets save it, tells; None = none."""
    return int(text.partition(".")[0]) if re.fullmatch(r"[+-]?[0-9]+(\.0+)?", text) else None


def class_ids(
    rows: list[tables.Row], head: str, limit: int, problems: list[str], where: Path, of: str = ""
) -> np.ndarray:
    """int32 [N]: column `head`; what is no class number is added to `problems` and becomes -1.

    `of` names what has `limit` classes; "" = the recipe's net.
    """
    values = np.full(len(rows), -1, np.int32)
    for i, row in enumerate(rows):
        text = row.cells.get(head, "")
        value = class_number(text)
        if not text:
            problems.append(f"{where} line {row.number}: {head} is empty: write the clip's class")
        elif value is None:
            problems.append(
                f"{where} line {row.number}: {head}={text!r} is not an integer, as the classes of "
                "other rows are or the run's are that have no names"
            )
        elif not limit and value >= _MOST_CLASSES:
            problems.append(
                f"{where} line {row.number}: {head}={value} is no class number (0, 1, 2, ...)"
            )
        elif value < 0 or (limit and value >= limit):
            told = of or f"net.num_{head}={limit}"
            expected = f"0 to {limit - 1} ({told})" if limit else "0 or more"
            problems.append(f"{where} line {row.number}: {head}={value}, expected {expected}")
        else:
            values[i] = value
    return values


def occluded(rows: list[tables.Row], problems: list[str], where: Path) -> np.ndarray | None:
    """bool [N] of the column `occluded`, or None where there is none."""
    if "occluded" not in rows[0].cells:
        return None
    for row in rows:
        if row.cells["occluded"] not in ("0", "1"):
            found = row.cells["occluded"]
            problems.append(f"{where} line {row.number}: occluded={found!r}, expected 0 or 1")
    return np.array([row.cells["occluded"] == "1" for row in rows])


def duplicates(rows: list[tables.Row], stems: list[str], problems: list[str], where: Path) -> None:
    """Adds rows that name a clip again: harmless if the labels agree, but never meant."""
    first: dict[str, int] = {}
    for row, stem in zip(rows, stems, strict=True):
        if stem in first:
            problems.append(
                f"{where} line {row.number}: {stem!r} again (first: line {first[stem]})"
            )
        first.setdefault(stem, row.number)


def raise_all(problems: list[str], what: str, advice: str = "") -> None:
    """One error for everything that is wrong, or nothing; `advice` stands behind it.

    Raises:
      UserError: there are problems.
    """
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise UserError(
            f"{what}: {count} found before anything was computed:\n"
            f"{listing(problems)}\nMend these and start again; nothing was skipped."
            f"{' ' if advice else ''}{advice}"
        )


def label_map(path: str, num_classes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Class names from a csv `gloss_id,label,cat_id,category`; {} for an empty path.

    A JSON object of names and ids, as Google's sign_to_prediction_index_map.json, names the glosses
    alone. An id 0 of `<blank>`, as in WhisperSign's label_map.json, is none of them: the others are
    then one less.

    Raises:
      UserError: unreadable, ids that leave gaps, or fewer names than classes.
    """
    if not path:
        return {}
    if path.lower().endswith(".json"):
        return {"gloss": _index_map(Path(path), num_classes.get("gloss", 0))}
    rows = tables.read_rows(Path(path), ("gloss_id", "label", "cat_id", "category"))
    result = {}
    for head, key, name in (("gloss", "gloss_id", "label"), ("cat", "cat_id", "category")):
        problems: list[str] = []
        ids = class_ids(rows, key, 0, problems, Path(path))
        names: dict[int, str] = {}
        for i, row in zip(ids.tolist(), rows, strict=True):
            text = row.cells[name]
            if not text or names.setdefault(i, text) != text:
                was = f", but it is {names[i]!r} above" if text else ""
                problems.append(f"{path} line {row.number}: {key}={i} is named {text!r}{was}")
        raise_all(problems, path)
        wanted = num_classes.get(head) or max(names) + 1
        missing = [i for i in range(wanted) if i not in names]
        if missing:
            raise UserError(f"{path}: no name for {key} {missing[:10]}; {wanted} are needed")
        result[head] = tuple(names[i] for i in range(wanted))
        distinct(result[head], Path(path))
    return result


def _index_map(path: Path, wanted: int) -> tuple[str, ...]:
    try:
        ids = tables.read_json(path)
        if ids.get("<blank>") == 0:
            ids = {name: index - 1 for name, index in ids.items() if name != "<blank>"}
        names = {index: name for name, index in ids.items()}
        whole = all(type(index) is int and index >= 0 for index in names)
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as a map of names to ids ({error})") from error
    count = wanted or len(ids)
    if not whole or len(names) != len(ids) or not set(range(count)) <= set(names):
        raise UserError(
            f"{path}: expected an object of names with the ids 0 to {count - 1}, each once; found "
            f"{len(ids)} names with the ids {sorted(map(str, set(ids.values())))[:5]} ..."
        )
    return tuple(names[i] for i in range(count))


def read_names(path: Path, heads: Iterable[str] = HEADS) -> dict[str, tuple[str, ...]]:
    """Class names from a `labels.json`, of those of `heads` that it has.

    Raises:
        UserError: unreadable or of another form, or a name stands twice.
    """
    expected = 'Expected {"heads": {"gloss": ["NAME OF 0", "NAME OF 1", ...], "cat": [...]}}.'
    try:
        stored = tables.read_json(path, expected)["heads"]
        if not isinstance(stored, dict):
            raise ValueError("heads that are no object")
        names = {head: _texts(stored[head] or []) for head in heads if head in stored}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not readable ({error!r}). {expected}") from error
    for found in names.values():
        distinct(found, path)
    return names


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("names that are no list of texts")
    return tuple(one.strip() for one in values)


def distinct(names: Sequence[str], path: Path) -> None:
    """Two classes of one name could not be told apart.

    Raises:
        UserError: a name stands twice or is empty.
    """
    for name, count in collections.Counter(names).items():
        if count > 1 or not name:
            numbers = [i for i, other in enumerate(names) if other == name]
            raise UserError(
                f"{path}: the classes {', '.join(map(str, numbers[:5]))} are named {name!r}; every "
                "class needs a name of its own: tell them apart in this file"
            )


def read_numbers(path: Path, example: str) -> dict[str, int]:
    """The numbers of signs from a JSON object such as {"HELLO": 0, "BYE": 1}.

    Args:
        path: the file.
        example: what it should look like, for messages.

    Raises:
        UserError: unreadable, other values than whole numbers, or a name that stands twice.
    """
    try:
        numbers = tables.read_json(path, f"Expected {example}.")
        numbers = tables.each_once([(name.strip(), number) for name, number in numbers.items()])
        wrong = [name for name, number in numbers.items() if not str(number).isdecimal()]
        if wrong:
            raise ValueError(f"the number of {wrong[0]!r} is {numbers[wrong[0]]!r}")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path}: not readable ({error}). Expected {example}.") from error
    return {name: int(number) for name, number in numbers.items()}


def join_names(names: Sequence[str]) -> str:
    r"""Names in one cell: joined by `|`, with `\` before a `|` or `\` that belongs to a name."""
    return "|".join(re.sub(r"([|\\])", r"\\\1", name) for name in names)


def split_names(text: str) -> tuple[str, ...]:
    """The names that `join_names` joined."""
    words = re.findall(r"((?:[^|\\]|\\.)*)(?:\||$)", text)
    # An empty match follows the last name.
    return tuple(re.sub(r"\\(.)", r"\1", word) for word in words if word)
