"""What a run folder tells of itself, without its net or anything else that is heavy to import."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxsign import config as configs
from jaxsign import locking, reading, stages
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.train import courses, records

Row = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class KnownRun:
    """A run folder.

    Attributes:
      folder: its path.
      recipe: key -> value, as the run keeps it.
      stage_epochs: epochs that its recipe asks for, of all stages.
      epochs: of these it has done; of one that was imported, 0.
      ended: it has made all that it was to make; None = not told (runs of earlier versions).
      imported: its weights come from a checkpoint of torch.
      monitor: the name of the number that chose its best epoch.
      so_far: that number's course.
      rows: of metrics.csv, as text.
      parameters, examples: numbers in its net's parameters, training examples; 0 = not told.
      written: when its manifest was last written, ISO 8601 in UTC; "" = not told.
      trains: a process is training it right now.
    """

    folder: Path
    recipe: Mapping[str, object]
    stage_epochs: int
    epochs: int
    ended: bool | None
    imported: bool
    monitor: str
    so_far: courses.RunSoFar
    rows: tuple[Row, ...]
    parameters: int
    examples: int
    written: str
    trains: bool

    @property
    def seconds(self) -> float:
        """Of all its epochs, training and validation."""
        return sum(float(row.get("epoch_time") or 0) for row in self.rows)

    @property
    def done(self) -> str:
        """How far it came: '12/40' epochs, '12/40 ended' where it takes no more, 'imported'."""
        if self.imported:
            return "imported"
        ended = " ended" if self.ended and self.epochs < self.stage_epochs else ""
        return f"{self.epochs}/{self.stage_epochs}{ended}"


def read(folder: Path) -> KnownRun:
    """What lies in a run folder.

    Raises:
      UserError: it is none, or one of its files is damaged.
    """
    run_folder.check(folder)
    config = configs.load_run_config(folder)
    manifest, metrics = folder / "manifest.json", folder / "metrics.csv"
    try:
        told = reading.read_json(manifest) if manifest.exists() else {}
        rows = tuple(records.read_csv(metrics)) if metrics.exists() else ()
        return KnownRun(
            folder=folder,
            recipe=configs.flatten(config),
            stage_epochs=stages.epochs(config),
            epochs=int(told.get("epochs_done") or 0),
            ended=told.get("ended"),
            imported="imported" in told,
            monitor=str(told.get("monitor") or told.get("metric") or config.task.monitor),
            so_far=courses.so_far(folder),
            rows=rows,
            parameters=int(told.get("parameters") or 0),
            examples=int(told.get("train_examples") or 0),
            written=str(told.get("written", "")),
            trains=locking.held(folder, ".lock"),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{folder}: manifest.json or metrics.csv is not what a run writes ({error}). Its "
            "weights may be whole: `jaxsign train` with the same --workdir writes both anew"
        ) from error


def find(place: Path) -> Iterator[Path]:
    """The run folders in a folder, in the order of their names; nothing inside of a run."""
    for found, folders, files in os.walk(place):
        if "config.json" in files:
            folders.clear()
            yield Path(found)
        folders.sort()


def read_all(place: Path) -> tuple[list[KnownRun], list[str]]:
    """The runs in a folder, and what is wrong with those that cannot be read.

    Raises:
      UserError: there is no run.
    """
    runs, wrong = [], []
    for folder in find(place):
        try:
            runs.append(read(folder))
        except UserError as error:
            wrong.append(str(error))
    if not runs and not wrong:
        raise UserError(
            f"{place}: no run folder lies in it (a folder with config.json, as `jaxsign train` or "
            "`jaxsign import` makes them)"
        )
    return runs, wrong
