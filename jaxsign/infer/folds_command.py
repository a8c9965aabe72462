"""The verb `train`: a run, the runs of a chain, or folds, which are then answered to together."""

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.train import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Trains the runs of a chain, or all folds of a recipe and tells how good these are.

    Args:
      config: the recipe; with folds that of the first.
      workdir: the folder of all.
      display: shows how far it is.
      going_on: the command that goes on.
      curve: also train with parts of the clips, and draw the learning curve.
    """
    if config.chain:
        from jaxsign.infer import chain

        return chain.train(config, workdir, display, going_on)
    from jaxsign.infer import folds, learning_curve

    count = config.data.folds.count
    if not commands.train_all(_rows(config, workdir, ""), display, going_on):
        return 130
    less = learning_curve.parts(config, workdir) if curve else ()
    for share, folder, one in less:
        rows = _rows(one, str(folder), f", {share:.0%} of the clips")
        if not commands.train_all(rows, display, going_on):
            return 130
    complete = folds.evaluate(workdir, count)
    if curve:
        learning_curve.tell(config, workdir, complete)
    display.say(f"next: jaxsign predict --workdir {workdir} CLIPS (all {count} answer together)")
    return 0


def _rows(config: "ConfigDict", workdir: str, what: str) -> "Iterator[commands.Row]":
    """Every fold."""
    from jaxsign.infer import folds

    for number, (folder, one) in enumerate(folds.recipes(config, workdir), 1):
        yield f"fold {number} of {config.data.folds.count}{what}", folder, one
