"""Rows of results: a table for people, JSON for programs."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.timing import Timing
from jaxsign.screen import Console


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
      name: what was measured.
      sides: times by side, ours first; the ratio is of the second to it.
      flops: operations of one run of our side, 0 = not counted.
      note: anything that the reader must know.
    """

    name: str
    sides: Mapping[str, Timing]
    flops: float = 0.0
    note: str = ""

    @property
    def ours(self) -> Timing:
        """Our side's times."""
        return next(iter(self.sides.values()))

    @property
    def other(self) -> str:
        """The side that ours is compared with, or an empty string."""
        return [*self.sides, ""][1]

    @property
    def ratio(self) -> float | None:
        """How many times as fast our side is."""
        return self.sides[self.other].median / self.ours.median if self.other else None

    def as_dict(self, peak: float) -> dict[str, Any]:
        """For the JSON report."""
        speed = self.flops / self.ours.median
        return {
            "name": self.name,
            "sides": {name: timing.as_dict() for name, timing in self.sides.items()},
            "compared_with": self.other,
            "ratio": self.ratio,
            "gflop": self.flops / 1e9,
            "gflop_per_s": speed / 1e9,
            "share_of_peak": speed / peak if self.flops else None,
            "note": self.note,
        }


def show(rows: Sequence[Row], about: Mapping[str, Any], peak: float) -> None:
    """Prints the table."""
    console = Console(width=140, highlight=False)
    console.print(
        f"{about['devices']}; torch {about['packages']['torch']} with {about['torch_threads']} "
        f"threads, jax {about['packages']['jax']} on {about['platform']}"
    )
    console.print(f"best float32 matrix product: {peak / 1e9:.0f} GFLOP/s")
    table = Table(
        "measured", "jaxsign", "other", "ratio", "GFLOP/s", "of peak", "first run", "note"
    )
    for row in rows:
        ours, ratio = row.ours, row.ratio
        speed = row.flops / ours.median
        table.add_row(
            row.name,
            _time(ours),
            f"{row.other} {_time(row.sides[row.other])}" if row.other else "",
            f"{ratio:.2f}x" if ratio else "",
            f"{speed / 1e9:.0f}" if row.flops else "",
            f"{speed / peak:.0%}" if row.flops else "",
            f"{ours.first:.1f} s",
            row.note,
        )
    console.print(table)
    console.print("times: median and half the distance of the quartiles; ratio: other / jaxsign")


def _time(timing: Timing) -> str:
    value = timing.median
    text = f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"
    return f"{text} ±{timing.spread:.0%}"


def save(path: Path, rows: Sequence[Row], about: Mapping[str, Any], peak: float) -> None:
    """Writes the JSON report."""
    content = {
        "machine": dict(about),
        "matmul_peak_gflop_per_s": peak / 1e9,
        "rows": [row.as_dict(peak) for row in rows],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
