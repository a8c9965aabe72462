"""Opens a recipe's examples; where another run's net makes them, with that run."""

from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import tasks
from jaxsign.errors import UserError
from jaxsign.input.examples import Examples
from jaxsign.train import trained


def open_examples(
    config: ConfigDict, split: str, *, training: bool = False, trial: bool = False
) -> Examples:
    """The examples of a split: `Task.open`, or `Task.open_with` the run that its task names.

    Args:
      config, split, training: as of these.
      trial: where another run makes examples, a few do.

    Raises:
      UserError: as these; no such run.
    """
    kind = tasks.kind(config)
    if not (folder := kind.looks_with(config)):
        return kind.open(config, split, training=training)
    if Path(folder).is_file():
        raise UserError(
            f"{folder}: is a file, expected the folder of a run. Bring the weights in first: "
            f"jaxsign import {folder} --workdir RUN, and name that"
        )
    run = trained.load(folder)
    return kind.open_with(run, config, split, training=training, trial=trial)
