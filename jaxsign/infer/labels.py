"""The label map: which names the class ids of the heads have."""

import csv
from pathlib import Path

from jaxsign.errors import UserError, listing

_COLUMNS = {"gloss": ("gloss_id", "label"), "cat": ("cat_id", "category")}


def read(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Names by id of the heads `gloss` and `cat`.

    Args:
      path: csv with the columns gloss_id, label, cat_id, category; one row a gloss.

    Raises:
      UserError: not such a file, an id without a name, or an id with two.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such label map. Expected a csv gloss_id,label,cat_id,category."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error}). Save it as UTF-8.") from error
    wanted = [column for pair in _COLUMNS.values() for column in pair]
    found = list(rows[0]) if rows else []
    if not set(wanted) <= set(found):
        raise UserError(
            f"{path}: has the columns {', '.join(map(str, found)) or 'none'}, expected "
            f"{', '.join(wanted)}."
        )
    return {head: _names(rows, *columns, path) for head, columns in _COLUMNS.items()}


def _names(rows: list[dict[str, str]], id_column: str, column: str, path: Path) -> tuple[str, ...]:
    names: dict[int, str] = {}
    problems = []
    for line, row in enumerate(rows, 2):
        try:
            number = int(row[id_column])
        except (TypeError, ValueError):
            problems.append(f"line {line}: {id_column} {row[id_column]!r} is no whole number")
            continue
        name = (row[column] or "").strip()
        if names.setdefault(number, name) != name:
            problems.append(f"line {line}: {id_column} {number} is {names[number]!r} and {name!r}")
    missing = sorted(set(range(len(names))) - set(names))
    problems += [f"{id_column} {number} has no row" for number in missing]
    if problems:
        raise UserError(
            f"{path}: the ids must be 0, 1, 2 ... with one name each:\n{listing(problems)}"
        )
    return tuple(names[number] for number in range(len(names)))
