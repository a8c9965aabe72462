"""Tables of trainings that take hours: each is written down as it ends, a stopped one goes on.

Nets of this size leave the second core half idle, so that a process a core (`on_every_core`) trains
a table in little more than half the time of one process on two.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import filelock
import numpy as np
from rich.table import Table

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.screen import Console
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
Wanted = Iterable[tuple[Cell, Learn]]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A table as a command of its own.

    Attributes:
      module: `python -m` starts it.
      title: what its numbers are.
      corner: what a row is.
      columns: all there are.
      wanted: the command's options -> cells, and what trains one in a folder.
    """

    module: str
    title: str
    corner: str
    columns: Sequence[str]
    wanted: Callable[[argparse.Namespace], Wanted]


def main(plan: Plan, parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> None:
    """Trains what is wanted, on each core by itself, and prints the table.

    Args:
      plan: the table.
      parser: of the command's own options; --out and --core come to them.
      argv: arguments; those of the process if None.
    """
    place = Path("runs") / f"{plan.module.rpartition('.')[2]}.json"
    parser.add_argument("--out", type=Path, default=place, metavar="JSON")
    parser.add_argument("--core", type=int, metavar="NUMBER", help="train on this core alone")
    given = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(given)
    # An exception, so that what runs beside ends too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if options.core is None:
        on_every_core(plan.module, given)
        title = f"{plan.title}, seconds of training on one core: {runtime.processor()}"
        Console().print(table(read(options.out), title, plan.corner, plan.columns))
        return
    os.sched_setaffinity(0, {options.core})  # before XLA counts cores
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    try:
        measure(options.out, plan.wanted(options))
    except UserError as error:
        raise SystemExit(f"error: {error}") from error


def measure(out: Path, wanted: Wanted) -> dict[Cell, Found]:
    """Trains what is not yet in `out`, nor in training by another process.

    Args:
      out: a JSON file, made if there is none; runs stand beside it while they train.
      wanted: cells, and what trains one in a folder.

    Returns:
      All that is in `out` in the end.

    Raises:
      UserError: some cells failed; what could be trained was.
    """
    place = out.with_suffix("")
    place.mkdir(parents=True, exist_ok=True)
    failed = []
    with contextlib.ExitStack() as kept:  # nobody else trains what failed
        for cell, learn in wanted:
            folder = place / re.sub(r"[^\w.-]", "_", str(cell))
            with contextlib.ExitStack() as held:
                try:
                    held.enter_context(filelock.FileLock(f"{folder}.lock", timeout=0))
                except filelock.Timeout:
                    print(f"{cell}: another process trains it", flush=True)
                    continue
                if not _tried(out, folder, cell, learn):
                    failed.append(cell)
                    kept.push(held.pop_all())
    if failed:
        raise UserError(f"not trained: {', '.join(map(str, failed))}")
    return read(out)


def _tried(out: Path, folder: Path, cell: Cell, learn: Learn) -> bool:
    """Whether the cell is in `out` now; tells why not: a table of hours does not end for one."""
    try:
        if cell not in read(out):
            with _cleared(folder):
                _keep(out, cell, learn(folder))
    except Exception as error:
        print(f"{cell}: {error}", flush=True)
        return False
    return True


@contextlib.contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """No such folder before, nor behind what succeeds."""
    shutil.rmtree(folder, ignore_errors=True)
    yield
    shutil.rmtree(folder, ignore_errors=True)


def read(out: Path) -> dict[Cell, Found]:
    """What was trained so far; nothing if there is no such file."""
    stored = json.loads(out.read_text()) if out.is_file() else {}
    return {_cell(name): Found(**value) for name, value in stored.items()}


def _keep(out: Path, cell: Cell, new: Found) -> None:
    with filelock.FileLock(out.with_suffix("") / "table.lock"):
        found = {**read(out), cell: new}
        write_json(out, {str(one): dataclasses.asdict(value) for one, value in found.items()})
    print(f"{cell}: {new}", flush=True)


def on_every_core(module: str, words: Sequence[str]) -> None:
    """Runs a command that calls `measure` once on each core that this process may use.

    Args:
      module: of the command, which takes `--core NUMBER`.
      words: its other arguments.

    Raises:
      SystemExit: one of them failed; the others have ended.
    """
    command = [sys.executable, "-m", module, *words, "--core"]
    with contextlib.ExitStack() as ends:
        made = []
        for core in sorted(os.sched_getaffinity(0)):
            made.append(ends.enter_context(subprocess.Popen([*command, str(core)])))
            ends.callback(made[-1].terminate)  # where this process is stopped
        failed = sum(bool(one.wait()) for one in made)  # every one is waited for
    if failed:
        raise SystemExit(f"{failed} of {len(made)} processes failed; the same command goes on")


def _cell(name: str) -> Cell:
    row, column, seed = name.split("|")
    return Cell(row, column, int(seed))


def table(found: Mapping[Cell, Found], title: str, corner: str, columns: Sequence[str]) -> Table:
    """Mean and spread over seeds in percent, and seconds; columns of which there is something."""
    made = Table(title=title)
    shown = [name for name in columns if any(cell.column == name for cell in found)]
    for name in (corner, *shown):
        made.add_column(name, justify="right")
    for row in rows(found):
        made.add_row(row, *(spelt(of(found, row, name)) for name in shown))
    return made


def rows(found: Mapping[Cell, Found]) -> list[str]:
    """Names of what was trained on, in order."""
    return sorted({cell.row for cell in found})


def of(found: Mapping[Cell, Found], row: str, column: str) -> list[Found]:
    """What all seeds of a row and a column came to."""
    return [value for cell, value in found.items() if (cell.row, cell.column) == (row, column)]


def spelt(own: Sequence[Found]) -> str:
    """One cell: `86.1 ± 2.0 (70 s)`."""
    if not own:
        return ""
    values = 100 * np.array([one.number for one in own])
    spread = f" ± {values.std(ddof=1):.1f}" if len(own) > 1 else ""
    return f"{values.mean():.1f}{spread} ({np.mean([one.seconds for one in own]):.0f} s)"
