"""What a run folder (`--workdir`) holds, by its name there."""

import os
from pathlib import Path

CONFIG = "config.json"  # the recipe; what has one is a run
LABELS = "labels.json"  # names of classes
MANIFEST = "manifest.json"  # what the run is and how far it is; of a chain, its runs
METRICS = "metrics.csv"  # a row an epoch
LOG = "logfile.txt"
HISTORY = "history.png"
TENSORBOARD = "tensorboard"
CHECKPOINTS = "checkpoints"  # `last`, `best` and others
BASELINE = "baseline.json"  # what simple methods reach on its data
NONE = "none.json"  # when an answer means none of the signs
LOCK = ".lock"  # of who writes


def is_run(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is a run's."""
    return (Path(folder) / CONFIG).exists()
