"""The verb `train`, whose folds are answered to together once they are trained."""

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.train import commands

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from jaxsign.train import log


def add_train(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign train`."""
    commands.add_train(verbs)
    verb = verbs.choices["train"]
    verb.add_argument(
        "--curve",
        action="store_true",
        help="with --folds: train them with a quarter and half of the clips too, and draw the "
        "learning curve: whether more clips would help",
    )
    verb.set_defaults(run=train)


def train(words: argparse.Namespace) -> int:
    """Runs `jaxsign train`."""
    if words.workdir and not words.folds:
        run_folder.check_new(Path(words.workdir))
    if words.curve and not words.folds:
        raise UserError("--curve is of folds: give their number too, such as --folds 5")
    return commands.train(words, functools.partial(several, curve=words.curve))


def several(
    config: "ConfigDict",
    workdir: str,
    display: "log.TrainingDisplay",
    going_on: str,
    *,
    curve: bool = False,
) -> int:
    """Trains all folds of a recipe in folders of `workdir`, then tells how good they are.

    Args:
      config: the recipe of the first fold.
      workdir: the folder of all.
      display: shows how far it is.
      going_on: the command that goes on.
      curve: also train with parts of the clips, and draw the learning curve.
    """
    from jaxsign.infer import folds, learning_curve

    count = config.data.folds.count
    if not _all(config, workdir, display, going_on, ""):
        return 130
    less = learning_curve.parts(config, workdir) if curve else ()
    for share, folder, one in less:
        if not _all(one, str(folder), display, going_on, f", {share:.0%} of the clips"):
            return 130
    complete = folds.evaluate(workdir, count)
    if curve:
        learning_curve.tell(config, workdir, complete)
    return 0


def _all(
    config: "ConfigDict", workdir: str, display: "log.TrainingDisplay", going_on: str, what: str
) -> bool:
    """Trains all folds, or goes on with them; False if it was stopped."""
    from jaxsign.infer import folds

    for number, (folder, one) in enumerate(folds.recipes(config, workdir), 1):
        display.say(f"\nfold {number} of {config.data.folds.count}{what}")
        if not commands.train_one(one, str(folder), display, going_on):
            return False
    return True
