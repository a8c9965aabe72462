"""What a run folder tells of its epochs, without anything that is heavy to import."""

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxsign import run_files
from jaxsign.errors import UserError
from jaxsign.tasks.manifests import Manifest
from jaxsign.train import records

Row = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class RunSoFar:
    """What a run folder tells of its epochs and the number that chooses the best one.

    Attributes:
      rows: of metrics.csv, as text; none where it has not begun.
      course: (epoch, value) of every validation; empty where metrics.csv lacks the number.
      best, epoch: its best value and whose it is; None and 0 before the first.
    """

    rows: tuple[Row, ...] = ()
    course: tuple[tuple[int, float], ...] = ()
    best: float | None = None
    epoch: int = 0


def so_far(folder: Path, manifest: Manifest) -> RunSoFar:
    """How far the run in `folder` has come, of which `manifest` tells.

    Raises:
      UserError: metrics.csv is damaged.
    """
    path, column = folder / run_files.METRICS, manifest.monitor_column
    best, epoch = manifest.best_metric, manifest.best_epoch or 0
    try:
        rows = tuple(records.read_csv(path)) if path.exists() else ()
        cells = [(int(row["epoch"]), row.get(column)) for row in rows]
        course = tuple((epoch, float(cell)) for epoch, cell in cells if cell)
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise UserError(
            f"{path}: not what a run writes ({error!r}). Its weights may be whole: `jaxsign train` "
            "with the same --workdir writes it anew"
        ) from error
    return RunSoFar(rows, course, best, 0 if best is None else epoch)
