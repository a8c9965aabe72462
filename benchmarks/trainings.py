"""Tables of trainings that take hours: each is written down as it ends, a stopped one goes on."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from jaxsign.whole import write_json


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row and a column of the table, and a seed."""

    row: str
    column: str
    seed: int

    def __str__(self) -> str:
        return f"{self.row}|{self.column}|{self.seed}"


@dataclasses.dataclass(frozen=True)
class Found:
    """What one training came to: the number that is compared, from 0 to 1, and seconds."""

    number: float
    seconds: float


Learn = Callable[[Path], Found]


def measure(out: Path, wanted: Iterable[tuple[Cell, Learn]]) -> dict[Cell, Found]:
    """Trains what is not yet in `out`.

    Args:
      out: a JSON file, made if there is none; runs stand beside it while they train.
      wanted: cells, and what trains one in a folder.
    """
    stored = json.loads(out.read_text()) if out.is_file() else {}
    found = {_cell(name): Found(**value) for name, value in stored.items()}
    for cell, learn in wanted:
        if cell in found:
            continue
        folder = out.with_suffix("") / re.sub(r"[^\w.-]", "_", str(cell))
        shutil.rmtree(folder, ignore_errors=True)
        found[cell] = learn(folder)
        shutil.rmtree(folder, ignore_errors=True)
        write_json(out, {str(one): dataclasses.asdict(value) for one, value in found.items()})
        print(f"{cell}: {found[cell]}", flush=True)
    return found


def _cell(name: str) -> Cell:
    row, column, seed = name.split("|")
    return Cell(row, column, int(seed))


def table(found: Mapping[Cell, Found], title: str, corner: str, columns: Sequence[str]) -> Table:
    """Mean and spread over seeds in percent, and seconds; columns of which there is something."""
    made = Table(title=title)
    shown = [name for name in columns if any(cell.column == name for cell in found)]
    for name in (corner, *shown):
        made.add_column(name, justify="right")
    for row in dict.fromkeys(cell.row for cell in sorted(found, key=lambda cell: cell.row)):
        own = [
            [value for cell, value in found.items() if (cell.row, cell.column) == (row, name)]
            for name in shown
        ]
        made.add_row(row, *map(spelt, own))
    return made


def spelt(own: Sequence[Found]) -> str:
    """One cell: `86.1 ± 2.0 (70 s)`."""
    if not own:
        return ""
    values = 100 * np.array([one.number for one in own])
    spread = f" ± {values.std(ddof=1):.1f}" if len(own) > 1 else ""
    return f"{values.mean():.1f}{spread} ({np.mean([one.seconds for one in own]):.0f} s)"
