"""The verbs `runs` and `compare`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

_RUNS = """\
    List the run folders in a folder, those of folds, sweeps and chains too: net, best number and
    its epoch, epochs done of those asked for, time, when. Nothing is loaded or changed.
    """
_COMPARE = """\
    Show run folders side by side: what became of each, the keys in which their recipes differ, and
    with --png their losses and monitored numbers in one picture.
    """


def add_runs(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign runs`."""
    verb = arguments.add_verb(
        verbs, "runs", "which runs lie in a folder", _RUNS, "jaxsign runs\njaxsign runs sweeps/lr"
    )
    verb.add_argument(
        "place", type=arguments.Existing, nargs="?", default=arguments.Existing("runs"),
        metavar="DIR", help="the folder (runs)",
    )  # fmt: skip
    verb.set_defaults(run=list_runs)


def add_compare(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign compare`."""
    verb = arguments.add_verb(
        verbs, "compare", "runs side by side: recipes and courses", _COMPARE,
        "jaxsign compare runs/first runs/second --png curves.png",
    )  # fmt: skip
    verb.add_argument(
        "runs", type=run_folder.RunFolders, nargs="+", metavar="RUN",
        help="run folders, two or more; a folder of folds stands for its folds",
    )  # fmt: skip
    verb.add_argument(
        "--png", type=arguments.NewFile, metavar="PNG", help="draw their courses into this file"
    )
    verb.set_defaults(run=compare)


def list_runs(words: argparse.Namespace) -> int:
    """Runs `jaxsign runs`."""
    from jaxsign.infer.comparing import known_runs, tables
    from jaxsign.screen import Console

    place = Path(words.place)
    runs, wrong = known_runs.read_all(place)
    Console().print(tables.of_runs(runs, place))
    if wrong:
        raise UserError("\n".join(wrong))
    return 0


def compare(words: argparse.Namespace) -> int:
    """Runs `jaxsign compare`."""
    folders = [one for place in words.runs for one in run_folder.members(Path(place))]
    if len(folders) < 2:
        raise UserError(f"compare {folders[0]} with what? Give two run folders or more")
    from jaxsign.infer.comparing import known_runs, pictures, tables
    from jaxsign.screen import Console

    runs, names = [known_runs.read(folder) for folder in folders], _names(folders)
    console = Console()
    console.print(tables.of_results(runs, names))
    differences = tables.differences(runs)
    print()
    if differences:
        console.print(tables.of_differences(differences, names))
    else:
        print("their recipes are the same")
    if words.png:
        begun = [i for i, run in enumerate(runs) if run.so_far.rows]
        if not begun:
            raise UserError(f"--png {words.png}: none of these runs has an epoch to draw")
        pictures.draw(Path(words.png), [runs[i] for i in begun], [names[i] for i in begun])
        print(f"\ncurves   {words.png}")
    return 0


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with as many above them as tell them apart."""
    paths = [Path(os.path.abspath(folder)).parts for folder in folders]
    shared = len(os.path.commonprefix([path[:-1] for path in paths]))
    return ["/".join(path[shared:]) for path in paths]
