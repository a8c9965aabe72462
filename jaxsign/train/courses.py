"""What a run folder tells of its monitored number, without anything that is heavy to import."""

import dataclasses
import math
from pathlib import Path

from jaxsign import reading
from jaxsign.train import records


@dataclasses.dataclass(frozen=True)
class RunSoFar:
    """What a run folder tells of the monitor so far.

    Attributes:
      course: (epoch, value) of every validation; empty where metrics.csv lacks the monitor.
      best, epoch: its best value and whose it is; None and 0 before the first.
    """

    course: tuple[tuple[int, float], ...] = ()
    best: float | None = None
    epoch: int = 0


def so_far(folder: Path) -> RunSoFar:
    """How far the run in `folder` has come; nothing where it has not begun.

    Raises:
      UserError: its files are damaged.
    """
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return RunSoFar()
    told = reading.read_json(manifest)
    best, column = told["best_metric"], told.get("monitor_column", "")  # none where it is imported
    course = []
    if column and (folder / "metrics.csv").exists():
        rows = records.read_csv(folder / "metrics.csv")
        cells = [(int(row["epoch"]), row.get(column, "")) for row in rows]
        course = [(epoch, float(cell)) for epoch, cell in cells if cell]
    fine = best is not None and math.isfinite(best)
    return RunSoFar(tuple(course), best if fine else None, told["best_epoch"] if fine else 0)
