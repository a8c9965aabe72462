"""What a run remembers beside its arrays: where it stands, and the rows of its history."""

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input.batching import Position
from jaxsign.input.examples import Survey
from jaxsign.tasks import measures
from jaxsign.whole import write_text


@dataclasses.dataclass
class Best:
    """The best validation so far by one number.

    Attributes:
      score: its score, the higher the better; None where there is none.
      epoch: whose it is.
      loss: that epoch's validation loss, which a later epoch of the same score must fall below to
        become the best; None where there is no best.
    """

    score: float | None = None
    epoch: int = 0
    loss: float | None = None

    def value(self, number: measures.Number) -> float | None:
        """What the number was; None where there is no best."""
        return None if self.score is None else number.value(self.score)

    def observe(self, epoch: int, score: float, loss: float = math.nan) -> bool:
        """Takes note of an epoch's score and loss; True if it is a new best.

        Of equal scores the one with the lower loss is the best, of equal losses the first.
        """
        first = self.loss == -math.inf  # an older run goes on as it began
        lower = self.loss is not None and loss < self.loss
        better = _rises(score, self.score) or (score == self.score and lower)
        if better:
            self.score, self.epoch = score, epoch
            self.loss = self.loss if first else loss
        return better


@dataclasses.dataclass
class Records:
    """JSON-able position of a run; part of every checkpoint.

    Attributes:
      stage: index of the stage that runs.
      stage_epoch: epochs of it that are done.
      epoch: epochs of the run that are done.
      step: optimizer steps of the run that are done.
      steps_in_epoch: steps done of the epoch at hand.
      seconds: that these took, in all processes that trained it, until the last checkpoint.
      sums: metric sums of the epoch at hand: numbers, or arrays of them.
      best: the best epoch.
      also_best: the best epochs by other numbers, by their names.
      stop_best, since_best: the score that counts for stopping, and validations since it rose.
      saves: checkpoints made so far; numbers them.
      skipped: float16 steps in a row that changed nothing.
      schedule: the schedule's own state.
      iterator: position in the stage's input, None at its start.
      alignment: what the task's survey found, for the epoch at hand.
      data: fingerprints of the examples, by split; older runs have none.
      rows: one dict an epoch, the columns of metrics.csv.
      rates: the learning rate with which each epoch began; older runs have fewer than rows.
    """

    stage: int = 0
    stage_epoch: int = 0
    epoch: int = 0
    step: int = 0
    steps_in_epoch: int = 0
    seconds: float = 0.0
    sums: dict[str, float | np.ndarray] = dataclasses.field(default_factory=dict)
    best: Best = dataclasses.field(default_factory=Best)
    also_best: dict[str, Best] = dataclasses.field(default_factory=dict)
    stop_best: float | None = None
    since_best: int = 0
    saves: int = 0
    skipped: int = 0
    schedule: dict[str, float] = dataclasses.field(default_factory=dict)
    iterator: Position | None = None
    alignment: Survey = None
    data: dict[str, str] = dataclasses.field(default_factory=dict)
    rows: list[measures.Row] = dataclasses.field(default_factory=list)
    rates: list[float] = dataclasses.field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Plain values; non-finite numbers as strings, because JSON has none."""
        return {name: _plain(value) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Records":
        """The inverse of `to_json`; of what an older version has written too."""
        entries = {name: _numbers(one) for name, one in value.items()}
        sums = {k: np.asarray(v) if isinstance(v, list) else v for k, v in entries["sums"].items()}
        if "best_epoch" in entries:  # an older run
            # Before there were two scores one stood for both; and ties went to the first.
            entries = {"stop_best": entries["best"], "best_loss": -math.inf, **entries}
            score, epoch, loss = (entries.pop(f"best{part}") for part in ("", "_epoch", "_loss"))
            entries["best"] = {"score": score, "epoch": epoch, "loss": loss}
        best = Best(**entries.pop("best"))
        also = {name: Best(**one) for name, one in entries.pop("also_best", {}).items()}
        return cls(**{**entries, "sums": sums}, best=best, also_best=also)

    def add(self, sums: measures.Sums) -> None:
        """Adds a step's metric sums to those of the epoch."""
        add(self.sums, sums)

    def observe_stopping(self, score: float, min_delta: float, at_once: int = 0) -> None:
        """Takes note of the score that stops a stage once it no more rises by `min_delta`.

        NaN is no rise; one that is not finite counts as `at_once` observations, if that is not 0.
        """
        self.since_best += 1 if math.isfinite(score) else max(at_once, 1)
        if score > -math.inf and _rises(score, self.stop_best, min_delta):
            self.stop_best, self.since_best = score, 0

    def next_stage(self, *, reset_best: bool, reset_stop: bool, keep_count: bool = False) -> None:
        """Moves to the next stage; it forgets the best score, or only the one for stopping.

        Where it does not, `keep_count` lets the validations since then count on.
        """
        self.stage += 1
        self.stage_epoch = 0
        self.schedule, self.iterator = {}, None
        if reset_best:
            for best in (self.best, *self.also_best.values()):
                best.score = None
        if reset_best or reset_stop:
            self.stop_best, keep_count = None, False
        if not keep_count:
            self.since_best = 0


def _rises(score: float, best: float | None, by: float = 0.0) -> bool:
    return best is None or math.isnan(best) or score > best + by


def add(totals: dict[str, float | np.ndarray], sums: measures.Sums) -> None:
    """Adds metric sums to `totals`, in place: numbers as floats, arrays in float64."""
    for key, value in sums.items():
        wide = np.asarray(value, np.float64)
        totals[key] = totals.get(key, 0.0) + (wide if wide.ndim else float(wide))


def write_csv(path: Path, rows: Sequence[measures.Row]) -> None:
    """Writes metrics.csv: the header and one line an epoch; no file without a row."""
    if not rows:
        path.unlink(missing_ok=True)
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


def _cell(key: str, value: measures.Cell) -> measures.Cell:
    if not isinstance(value, float):
        return value
    return f"{value:.8g}" if key == "lr" else f"{value:.6f}"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
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
