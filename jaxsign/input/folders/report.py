"""A table of what became of every file of a folder: a CSV that survives kills."""

import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.whole import whole

# Names of files need not be text on every system.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
_READ = _TEXT | {"encoding": "utf-8-sig"}  # a spreadsheet may have put a mark before it


class ReportRow(Protocol):
    """A dataclass of texts and numbers; its first field names the file that it tells of."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=ReportRow)


class FolderReport(Generic[R]):
    """The report at `path`, whose lines are of the dataclass `kind`."""

    def __init__(self, path: Path, kind: type[R]):
        self.path, self._kind = path, kind
        self._types: dict[str, Any] = {f.name: f.type for f in dataclasses.fields(kind)}
        self._key = next(iter(self._types))

    def read(self) -> dict[str, R]:
        """The rows by file; a line that a killed run left half-written is left out."""
        rows: dict[str, R] = {}
        if not self.path.exists():
            return rows
        with open(self.path, newline="", **_READ) as file:
            for cells in csv.DictReader(file):
                try:
                    values = {
                        name: read(spreadsheet.unguarded(cells[name]))
                        for name, read in self._types.items()
                    }
                    row = self._kind(**values)
                except (KeyError, ValueError, TypeError):
                    continue
                rows[values[self._key]] = row
        return rows

    def check(self) -> None:
        """Refuses a table that is no such report, of which `read` would give nothing.

        Raises:
          UserError: it lacks columns.
        """
        with open(self.path, newline="", **_READ) as file:
            columns = next(csv.reader(file), [])
        missing = [name for name in self._types if name not in columns]
        if missing:
            raise UserError(
                f"{self.path}: lacks the column(s) {', '.join(missing)}; its first line is "
                f"{','.join(columns)!r}. Expected {','.join(self._types)}, between commas. If it "
                "was saved by another program, save it as CSV with commas; if nothing of it is "
                "needed, remove it"
            )

    def write(self, rows: Iterable[R]) -> None:
        """Writes the whole report, sorted by file; whole or not at all."""
        cells = sorted(map(dataclasses.asdict, rows), key=lambda row: row[self._key])
        with whole(self.path) as draft, open(draft, "w", newline="", **_TEXT) as file:
            writer = csv.DictWriter(file, list(self._types), lineterminator="\n")
            writer.writeheader()
            writer.writerows(map(_guarded, cells))

    def append(self, row: R) -> None:
        """Adds a line, so that a killed run has reported all that it finished."""
        with open(self.path, "a", newline="", **_TEXT) as file:
            writer = csv.DictWriter(file, list(self._types), lineterminator="\n")
            writer.writerow(_guarded(dataclasses.asdict(row)))


def _guarded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: spreadsheet.guarded(cell) for name, cell in row.items()}
