"""What a run remembers beside its arrays: where it stands, and the rows of its history."""

import csv
import dataclasses
import io
import math
from pathlib import Path
from typing import Any

from jaxsign.whole import write_text


@dataclasses.dataclass
class Records:
    """JSON-able position of a run; part of every checkpoint.

    Attributes:
      stage: index of the stage that runs.
      stage_epoch: epochs of it that are done.
      epoch: epochs of the run that are done.
      step: optimizer steps of the run that are done.
      steps_in_epoch: steps done of the epoch at hand.
      sums: metric sums of the epoch at hand.
      best, best_epoch, since_best: validation score to beat, and epochs without a new best.
      saves: checkpoints made so far; numbers them.
      skipped: float16 steps in a row that changed nothing.
      schedule: the schedule's own state.
      iterator: position in the stage's input, None at its start.
      alignment: where the model found the labels of every training clip, for the epoch at hand.
      rows: one dict an epoch, the columns of metrics.csv.
    """

    stage: int = 0
    stage_epoch: int = 0
    epoch: int = 0
    step: int = 0
    steps_in_epoch: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    since_best: int = 0
    saves: int = 0
    skipped: int = 0
    schedule: dict[str, Any] = dataclasses.field(default_factory=dict)
    iterator: dict[str, Any] | None = None
    alignment: list[list[int] | None] | None = None
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values; non-finite numbers as strings, because JSON has none."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Records":
        """The inverse of `to_json`."""
        return cls(**_numbers(value))

    def add(self, sums: dict[str, Any]) -> None:
        """Adds a step's metric sums to those of the epoch."""
        add(self.sums, sums)

    def observe(self, score: float) -> bool:
        """Takes note of an epoch's validation score; True if it is a new best."""
        if self.best is None or score > self.best:
            self.best, self.best_epoch, self.since_best = score, self.epoch, 0
            return True
        self.since_best += 1
        return False

    def next_stage(self, *, reset_best: bool) -> None:
        """Moves to the next stage."""
        self.stage += 1
        self.stage_epoch, self.since_best = 0, 0
        self.schedule, self.iterator = {}, None
        if reset_best:
            self.best = None


def add(totals: dict[str, float], sums: dict[str, Any]) -> None:
    """Adds metric sums to `totals`, in place."""
    for key, value in sums.items():
        totals[key] = totals.get(key, 0.0) + float(value)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes metrics.csv: the header and one line an epoch."""
    if not rows:
        return
    text = io.StringIO()
    # Stages may differ in their columns.
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(key, value) for key, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """Rows of a metrics.csv, also of the originals' with comment lines before the header."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.strip() and not line.lstrip('"').startswith("#")]
    return list(csv.DictReader(kept))


def _cell(key: str, value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return f"{value:.8g}" if key == "lr" else f"{value:.6f}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        return {key: _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value
