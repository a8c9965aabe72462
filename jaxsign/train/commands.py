"""The verb `train`."""

import argparse
import datetime
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments, interrupts, machines
from jaxsign.errors import UserError
from jaxsign.machines import finding, joining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ml_collections import ConfigDict

    from jaxsign.train import log

    # (recipe of all, their folder, display, the command that goes on) -> exit status
    Several = Callable[[ConfigDict, str, log.TrainingDisplay, str], int]
    # What is said before a run, its folder and its recipe.
    Row = tuple[str, Path, ConfigDict]

_WAIT = 300  # seconds
_EPILOG = """\
Every number of the recipe is a key of the config and can be set here:

  jaxsign train --config fslr_transformer --workdir runs/mine \\
      --config.data.train.path=data/train --config.data.train.labels=data/train/labels.csv \\
      --config.data.val.path=data/val --config.data.val.labels=data/val/labels.csv \\
      --config.optim.lr=3e-4 --config.train.epochs=50

A run that was stopped goes on when the same command is given again. --list-keys shows all keys.
"""


def add_train(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign train`."""
    verb = verbs.add_parser(
        "train",
        help="train a recogniser, or go on with a stopped run",
        description="Train a recogniser from a recipe, or go on with the run in --workdir.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.add_argument(
        "--config",
        required=True,
        metavar="FILE[:ARG]",
        help="recipe: a file, or the name of a shipped one (fslr_transformer, asl_hybrid, "
        "whisper_sign:small, ...; all: the files of configs/)",
    )
    verb.add_argument(
        "--workdir",
        type=arguments.NewRun,
        metavar="DIR",
        help="run folder; made if it does not exist (runs/NAME_COMMIT_YYMMDD_HHMMSS, or what the "
        "recipe's log.folder says)",
    )
    verb.add_argument(
        "--smoke-test",
        action="store_true",
        help="no data: one forward and backward pass on random numbers, save, load",
    )
    verb.add_argument(
        "--list-keys",
        nargs="?",
        const="",
        metavar="TEXT",
        help="explain the keys that the recipe uses: meaning, values, default; with TEXT those "
        "that hold it (optim, warm-up, ...), with all also those that it does not use",
    )
    verb.add_argument(
        "--folds",
        type=_folds,
        metavar="N",
        help="train N runs in DIR/fold-1, ..., each tried on one of N parts of the training clips "
        "that the others learn; nobody signs in two where the labels tell who signs",
    )
    _add_machines(verb)
    verb.set_defaults(run=train, overrides=True)


def _add_machines(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group(
        "several machines",
        "The same command on each of them; tasks of one step of SLURM (srun) find each other.",
    )
    group.add_argument(
        "--coordinator",
        default="",
        metavar="HOST:PORT",
        help="where process 0 listens: its machine and a free port",
    )
    group.add_argument(
        "--processes", type=arguments.positive, metavar="N", help="how many; 1 = none but this one"
    )
    group.add_argument(
        "--process-id",
        type=arguments.count,
        metavar="I",
        help="which of them this one is, from 0 (JOB_COMPLETION_INDEX of Kubernetes)",
    )
    group.add_argument(
        "--wait",
        type=arguments.positive,
        default=_WAIT,
        metavar="SECONDS",
        help=f"how long to wait for all of them to come ({_WAIT})",
    )


def _folds(word: str) -> int:
    if (count := arguments.positive(word)) < 2:
        raise argparse.ArgumentTypeError(f"{word!r}: expected 2 folds or more")
    return count


def _smoke_test(recipes: "Iterable[ConfigDict]", workdir: str | None) -> int:
    import tempfile

    from jaxsign.train import smoke

    with tempfile.TemporaryDirectory() as passing:
        for config in recipes:
            print(*smoke.smoke_test(config, workdir or passing), sep="\n")
    return 0


def new_folder(recipe: str, now: datetime.datetime, config: "ConfigDict") -> str:
    """A folder for a run of `recipe`: its name, the commit of the code at hand, the time.

    Or as `log.folder` of its config says.

    Raises:
      UserError: that has other words in braces than there are.
    """
    if config.log.folder:
        fields = {
            "data": config.data.source,
            "net": config.net.name,
            "mode": config.net.get("mode") or config.task.name,
            "time": f"{now:%Y%m%d_%H%M%S}",
        }
        try:
            return str(config.log.folder.format_map(fields))
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            known = ", ".join(f"{{{word}}}" for word in fields)
            raise UserError(
                f"log.folder={config.log.folder!r}: expected a path, in which {known} may stand"
            ) from error
    file, _, variant = recipe.partition(":")
    words = [Path(file).stem, variant, _commit(), f"{now:%y%m%d_%H%M%S}"]
    return str(Path("runs") / "_".join(filter(None, words)))


def _commit() -> str:
    """The short hash of the repository's commit; '' outside of one or without git."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def again(arguments: argparse.Namespace) -> str:
    """The command line that goes on with the run."""
    limit = ["--max-bytes", str(arguments.max_bytes)] if arguments.max_bytes else []
    folds = ["--folds", str(arguments.folds)] if arguments.folds else []
    folds += ["--curve"] if arguments.curve else []
    folds += _of_machines(arguments)
    words = ["--config", arguments.config, "--workdir", arguments.workdir, *folds, *limit]
    return shlex.join(["jaxsign", "train", *words, *arguments.rest])


def _of_machines(arguments: argparse.Namespace) -> list[str]:
    given = {
        "--coordinator": arguments.coordinator,
        "--processes": arguments.processes,
        "--process-id": arguments.process_id,
    }
    return [
        word
        for key, value in given.items()
        if value not in ("", None)
        for word in (key, str(value))
    ]


def train(arguments: argparse.Namespace, several: "Several | None" = None) -> int:
    """Runs `jaxsign train`; `several` trains folds and chains."""
    seat = finding.find(
        arguments.coordinator, arguments.process_id, arguments.processes, os.environ
    )
    with joining.joined(seat, arguments.wait) as here:
        return _train(arguments, here, several)


def _train(
    arguments: argparse.Namespace, here: machines.Machines, several: "Several | None"
) -> int:
    from jaxsign import chains, stages
    from jaxsign import config as configs
    from jaxsign.input import places

    interrupts.end_with_starter()
    config = configs.load(arguments.config, arguments.rest)
    if arguments.list_keys is not None:
        from jaxsign.train import keys

        print(keys.listing(config, arguments.list_keys))
        return 0
    stages.check_taken(config, configs.keys_of(arguments.rest))
    links = chains.resolve(config)
    if here.several and (arguments.folds or links or arguments.smoke_test):
        raise UserError(
            "--folds, --smoke-test and chains are of one process: several train one run together. "
            "Start them with --processes 1"
        )
    if arguments.smoke_test:
        return _smoke_test([link.config for link in links] or [config], arguments.workdir)
    if arguments.workdir and not links:
        chains.check_alone(Path(arguments.workdir))
    if arguments.folds:
        if config.chain:
            raise UserError("--folds: the runs of a chain have no folds. Set --config.chain=''")
        config.data.folds.update(count=arguments.folds, number=1)
    # Before what is heavy to import; what a run that has ended learnt need not be there any more.
    left = chains.left(links, Path(arguments.workdir)) if arguments.workdir else links
    for recipe in [link.config for link in left] if links else [config]:
        places.check(recipe)
    from jaxsign import tasks
    from jaxsign.screen import Console
    from jaxsign.train import log

    display = log.TrainingDisplay(
        live=config.log.progress, console=None if here.first else Console(quiet=True)
    )
    arguments.workdir = arguments.workdir or here.of_first(
        new_folder(arguments.config, datetime.datetime.now(), config)
    )
    going_on = again(arguments)
    try:
        if several is not None and (arguments.folds or links):
            return several(config, arguments.workdir, display, going_on)
        done = train_one(config, arguments.workdir, display, going_on)
    except KeyboardInterrupt:
        text = f"stopped; what was done since the last checkpoint is lost\nto go on: {going_on}"
        display.say(text)
        if here.several:
            raise  # the others are told
        return 130
    if not done:
        return 130
    display.say(f"next: {tasks.kind(config).next_command(arguments.workdir)}")
    return 0


def train_one(
    config: "ConfigDict", workdir: str, display: "log.TrainingDisplay", going_on: str
) -> bool:
    """Trains, or goes on with a run, and says how it ended; False if it was stopped."""
    from jaxsign.train import loop

    result = loop.train(config, workdir, display)
    if result.interrupted:
        display.say(
            f"stopped after epoch {result.epochs}, step {result.step}; nothing is lost. The run is "
            f"in {result.workdir}\nto go on: {going_on}"
        )
        return False
    display.say(
        f"done: best {result.monitor.words} {result.monitor.shown(result.best)} (epoch "
        f"{result.best_epoch}). The run is in {result.workdir}"
    )
    if result.doubt:
        display.say(f"warning  {result.doubt}")
    return True


def train_all(rows: "Iterable[Row]", display: "log.TrainingDisplay", going_on: str) -> bool:
    """Trains runs one behind the other, or goes on with them; False if one was stopped."""
    for what, folder, config in rows:
        display.say(f"\n{what}")
        if not train_one(config, str(folder), display, going_on):
            return False
    return True
