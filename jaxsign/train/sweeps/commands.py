"""The verb `sweep`."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError

if TYPE_CHECKING:
    from jaxsign.train.sweeps import plan as plans
    from jaxsign.train.sweeps import space as spaces

HOW = ("grid", "random", "bayes")
_TEXT = """\
    Train a recipe many times with other numbers, and tell which are best by its monitor.

    --space is a file of TOML: keys of the recipe, with a list of values or a range each:
      "optim.lr" = { low = 1e-4, high = 1e-2, log = true }
      "net.dropout" = [0.0, 0.1, 0.3]

    Each trial is a run folder DIR/trial-001, ... trained by a process of its own. DIR/trials.csv is
    the table, DIR/sweep.png the picture, DIR/best.py the recipe of the best trial.
    A sweep that was stopped or killed goes on when the same command is given again.
    """
_EXAMPLES = """\
    jaxsign sweep --config fslr_transformer:synthetic --workdir sweeps/first \\
        --space space.toml --how random --trials 12 --config.train.epochs=8
    """


def add_sweep(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign sweep`."""
    verb = arguments.add_verb(
        verbs, "sweep", "try many numbers for a recipe's keys", _TEXT, _EXAMPLES
    )
    verb.add_argument("--config", required=True, metavar="FILE[:ARG]", help="recipe, as in train")
    verb.add_argument(
        "--workdir", type=arguments.NewRun, required=True, metavar="DIR", help="folder of the sweep"
    )
    verb.add_argument(
        "--space", required=True, type=arguments.Existing, metavar="FILE",
        help="which keys are tried with which values",
    )  # fmt: skip
    verb.add_argument(
        "--how", choices=HOW, default="random",
        help="grid: all combinations; random (the default); bayes: learns from the trials that "
        "have ended (needs the extra 'sweep')",
    )  # fmt: skip
    verb.add_argument(
        "--trials", type=arguments.positive, metavar="N",
        help="trials in all; more of them later go on (a grid's default: all of it)",
    )  # fmt: skip
    verb.add_argument(
        "--seed", type=arguments.count, default=0, metavar="N",
        help="of the choice of values (0); the trainings have the recipe's",
    )  # fmt: skip
    verb.add_argument(
        "--prune-after", type=arguments.count, metavar="N",
        help="epochs that each trial gets before it may be ended for being worse than the median "
        "of those that ended (a third of the recipe's); 0: none is ended",
    )  # fmt: skip
    verb.add_argument(
        "--processes", type=arguments.positive, metavar="N",
        help="trials at a time (one a GPU; without GPUs, one)",
    )  # fmt: skip
    verb.set_defaults(run=sweep, overrides=True)


def sweep(words: argparse.Namespace) -> int:
    """Runs `jaxsign sweep`."""
    from jaxsign import chains, locking
    from jaxsign import config as configs
    from jaxsign.input import places
    from jaxsign.train.sweeps import plan as plans
    from jaxsign.train.sweeps import space as spaces

    recipe = configs.load(words.config, words.rest)
    chains.refuse(recipe)
    space = spaces.read(Path(words.space), recipe)
    if words.how == "grid":
        words.trials = min(words.trials or 10**9, len(space.grid()))
    if words.trials is None:
        raise UserError("--trials: how many? Without it only --how grid knows its end")
    places.check(recipe)  # before what is heavy to import
    folder = Path(words.workdir).resolve()
    text = Path(words.space).read_text(encoding="utf-8")
    overrides = tuple(words.rest)
    plan = plans.SweepPlan(words.config, overrides, text, words.how, words.seed, recipe)
    with locking.alone(folder, ".sweep.lock", "--workdir", "sweeps in this folder", tidy=True):
        return _sweep(words, folder, plan, space)


def _sweep(
    words: argparse.Namespace, folder: Path, plan: "plans.SweepPlan", space: "spaces.Space"
) -> int:
    """Sweeps in a folder that is held."""
    from jaxsign import stages, tasks
    from jaxsign.train import log, ranges
    from jaxsign.train.sweeps import driver, launching, pruning, reporting, searches
    from jaxsign.train.sweeps import space as named

    ranges.check(plan.recipe)
    named.check_net(space, plan.recipe, Path(words.space))
    epochs = stages.epochs(plan.recipe)
    number = tasks.monitors(plan.recipe).best
    after = words.prune_after if words.prune_after is not None else max(1, epochs // 3)
    places = launching.devices()
    count = words.processes or len(places)
    display = log.TrainingDisplay(live=False)
    search = searches.of(words.how, space, words.seed, number.better)
    plan.claim(folder)
    report = reporting.Report(folder, plan, number, display)
    work = driver.Sweep(
        folder, plan, search, words.trials, number,
        pruning.MedianPruner(number.better, after), launching.TrainJob,
        [places[i % len(places)] for i in range(count)], display.say, report.update,
    )  # fmt: skip
    display.say(f"sweep    {words.trials} trials ({words.how}) in {folder}")
    found, stopped = work.run()
    report.update(found, last=True)
    if stopped:
        display.say(f"stopped; nothing is lost\nto go on: {_again(words)}")
        return driver.STOPPED
    return report.tell(found)


def _again(words: argparse.Namespace) -> str:
    """The command line that goes on with the sweep."""
    line = ["jaxsign", "sweep", "--config", words.config, "--workdir", words.workdir]
    line += ["--space", words.space, "--how", words.how, "--trials", str(words.trials)]
    for option in ("seed", "prune_after", "processes", "max_bytes"):
        value = getattr(words, option)
        if value is not None:
            line += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join([*line, *words.rest])
