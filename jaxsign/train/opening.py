"""Opens a recipe's examples; where another run's net makes them, with that run."""

import functools
from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import tasks
from jaxsign.input.examples import Examples
from jaxsign.tasks import answering
from jaxsign.train import storage, trained


def open_examples(config: ConfigDict, split: str, *, training: bool = False) -> Examples:
    """The examples of a split: `Task.open`, or `Task.open_with` the run that its task names.

    Raises:
      UserError: as these; no such run.
    """
    kind = tasks.kind(config)
    if not (folder := kind.looks_with(config)):
        return kind.open(config, split, training=training)
    other = _other(folder, storage.latest(Path(folder).resolve() / "checkpoints" / "best"))
    return kind.open_with(other, config, split, training=training)


@functools.lru_cache(maxsize=1)  # training and validation ask the same one
def _other(folder: str, best: int | None) -> answering.Trained:
    """The run's best checkpoint, which has the number `best`."""
    return trained.load(folder)
