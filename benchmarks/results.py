"""Results of a machine in one JSON file: what is measured again takes the place of what was."""

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks.rows import Row
from jaxsign import runtime
from jaxsign.errors import UserError

FOLDER = Path("benchmarks/results")
_NOT_ITS_NAME = re.compile(r"\(\w+\)|@ \S+|\bCPU\b|\b\d+-Core\b|\bProcessor\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One measure.

    Attributes:
      size: full, quick or check.
      date: such as 2026-11-30.
      seconds: all of it took, preparations and compilation too.
      peak: float32 operations a second of the best matrix product just before.
      rows: its results.
    """

    size: str
    date: str
    seconds: float
    peak: float
    rows: Sequence[Row]

    def as_dict(self) -> dict[str, Any]:
        """For the file."""
        told = {"size": self.size, "date": self.date, "seconds": round(self.seconds, 1)}
        rows = [row.as_dict(self.peak) for row in self.rows]
        return {**told, "matmul_peak_gflop_per_s": self.peak / 1e9, "rows": rows}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Measured":
        """From what `as_dict` gave."""
        told = {name: saved[name] for name in ("size", "date", "seconds")}
        rows = [Row.of(row) for row in saved["rows"]]
        return cls(**told, peak=saved["matmul_peak_gflop_per_s"] * 1e9, rows=rows)


@dataclasses.dataclass
class Results:
    """Of one machine: measures by name, and why others are not there."""

    machine: Mapping[str, Any]
    measures: dict[str, Measured] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)


def today() -> str:
    """The date of a measure."""
    return datetime.date.today().isoformat()


def place() -> Path:
    """The file of this machine, such as benchmarks/results/amd-epyc-2-cores.json."""
    devices = jax.local_devices()
    if devices[0].platform == "cpu":
        words = f"{runtime.processor_name()} {runtime.available_cores()} cores"
    else:
        words = f"{devices[0].device_kind} {len(devices)}"
    return FOLDER / f"{file_name(words)}.json"


def file_name(machine: str) -> str:
    """'AMD EPYC 7763 64-Core Processor 2 cores' -> 'amd-epyc-7763-2-cores'."""
    return re.sub("[^a-z0-9]+", "-", _NOT_ITS_NAME.sub(" ", machine).lower()).strip("-")


def read(path: Path) -> Results:
    """A file of results."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    measures = {name: Measured.of(one) for name, one in saved["measures"].items()}
    return Results(saved["machine"], measures, saved["left_out"])


def opened(path: Path | None, machine: Mapping[str, Any]) -> Results:
    """What is in a file already, if there is one.

    Raises:
      UserError: it is of another machine, or of other versions of packages.
    """
    if path is None or not path.exists():
        return Results(machine)
    found = read(path)
    for name, value in machine.items():
        if found.machine.get(name) != value:
            raise UserError(
                f"{path}: measured with {name} {found.machine.get(name)}, and now it is {value}. "
                "Figures of both would stand in one table: give another file, or delete this one "
                "and measure all again"
            )
    return found


def save(path: Path | None, found: Results, new: Results) -> None:
    """Writes what was found, renewed by what is new; nothing without a path."""
    if path is None:
        return
    found.measures.update(new.measures)
    for name in new.measures:
        found.left_out.pop(name, None)
        found.left_out.pop(f"parts of {name}", None)
    found.left_out.update(new.left_out)
    content = {
        "machine": dict(found.machine),
        "measures": {name: one.as_dict() for name, one in found.measures.items()},
        "left_out": found.left_out,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
