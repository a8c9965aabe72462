"""The verb `train`, whose folds are answered to together once they are trained."""

import argparse
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.train import commands

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from jaxsign.train import log


def add_train(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign train`."""
    commands.add_train(verbs)
    verbs.choices["train"].set_defaults(run=train)


def train(words: argparse.Namespace) -> int:
    """Runs `jaxsign train`."""
    return commands.train(words, several)


def several(
    config: "ConfigDict", workdir: str, display: "log.TrainingDisplay", going_on: str
) -> int:
    """Trains all folds of a recipe in folders of `workdir`, then tells how good they are."""
    from jaxsign.infer import folds

    for number, (folder, one) in enumerate(folds.recipes(config, workdir), 1):
        display.say(f"\nfold {number} of {config.data.folds.count}")
        if not commands.train_one(one, str(folder), display, going_on):
            return 130
    folds.evaluate(workdir, config.data.folds.count)
    return 0
