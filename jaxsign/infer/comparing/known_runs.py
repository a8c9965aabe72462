"""What a run folder tells of itself, without its net or anything else that is heavy to import."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxsign import config as configs
from jaxsign import locking, run_files, stages
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.tasks import manifests
from jaxsign.train import courses


@dataclasses.dataclass(frozen=True)
class KnownRun:
    """A run folder.

    Attributes:
      folder: its path.
      recipe: key -> value, as the run keeps it.
      stage_epochs: epochs that its recipe asks for, of all stages.
      manifest: what it tells.
      monitor: the name of the number that chose its best epoch.
      so_far: its epochs, and that number's course.
      trains: a process is training it right now.
    """

    folder: Path
    recipe: Mapping[str, object]
    stage_epochs: int
    manifest: manifests.Manifest
    monitor: str
    so_far: courses.RunSoFar
    trains: bool

    @property
    def seconds(self) -> float:
        """Of all its epochs, training and validation."""
        return sum(float(row.get("epoch_time") or 0) for row in self.so_far.rows)

    @property
    def done(self) -> str:
        """How far it came: '12/40' epochs, '12/40 ended' where it takes no more, 'imported'."""
        if self.manifest.imported is not None:
            return "imported"
        epochs = self.manifest.epochs_done or 0
        ended = " ended" if self.manifest.ended and epochs < self.stage_epochs else ""
        return f"{epochs}/{self.stage_epochs}{ended}"


def read(folder: Path) -> KnownRun:
    """What lies in a run folder.

    Raises:
      UserError: it is none, or one of its files is damaged.
    """
    run_folder.check(folder)
    config, manifest = configs.load_run_config(folder), manifests.read(folder)
    return KnownRun(
        folder=folder,
        recipe=configs.flatten(config),
        stage_epochs=stages.epochs(config),
        manifest=manifest,
        monitor=manifest.monitor or config.task.monitor,
        so_far=courses.so_far(folder, manifest),
        trains=locking.held(folder, run_files.LOCK),
    )


def find(place: Path) -> Iterator[Path]:
    """The run folders in a folder, in the order of their names; nothing inside of a run."""
    for found, folders, files in os.walk(place):
        if run_files.CONFIG in files:
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
