"""What a run folder looks like, told without anything that is heavy to import."""

import argparse
from pathlib import Path

from jaxsign import arguments
from jaxsign.errors import UserError


class RunFolder(arguments.Checked):
    """A run folder, as a word of a command line."""

    def check(self) -> None:
        check(Path(self))


def add_run(verb: argparse.ArgumentParser) -> None:
    """Adds the options that name a run and one of its checkpoints."""
    verb.add_argument(
        "--workdir", type=RunFolder, required=True, metavar="RUN", help="the run folder"
    )
    verb.add_argument(
        "--which",
        choices=("best", "last"),
        default="best",
        help="which checkpoint to use (default: best)",
    )


def add_language(verb: argparse.ArgumentParser) -> None:
    """Adds the option that tells the language of what is given."""
    verb.add_argument(
        "--language",
        type=arguments.count,
        metavar="N",
        help="language of the clips, from 0 in the order of the recipe's data.parts: for runs that "
        "are told it (net.languages); it also tells the shape of their films (data.aspect)",
    )


def add_clips(verb: argparse.ArgumentParser) -> None:
    """Adds the word that names what a run is asked about."""
    verb.add_argument(
        "input",
        type=arguments.Existing,
        metavar="INPUT",
        help="a clip or a film, or a folder of either",
    )


def add_batch_size(verb: argparse.ArgumentParser) -> None:
    """Adds the option of how many clips a run takes at once."""
    verb.add_argument(
        "--batch-size", type=arguments.positive, default=32, help="clips at once (32)"
    )


def check(workdir: Path) -> None:
    """Refuses what is no run folder.

    Raises:
      UserError: tells what was found.
    """
    if workdir.is_dir() and (workdir / "config.json").is_file():
        return
    found = "no such folder"
    if workdir.is_file():
        found = "a file"
    elif workdir.is_dir():
        names = sorted(p.name for p in workdir.iterdir())
        found = f"a folder with {', '.join(names[:6]) or 'nothing in it'}"
    torch = " Bring a .pt file in with: jaxsign import FILE --workdir RUN"
    raise UserError(
        f"{workdir} is not a run folder: {found}. Expected a folder that `jaxsign train` or "
        "`jaxsign import` made: config.json, labels.json, checkpoints/ and manifest.json."
        f"{torch if workdir.suffix in ('.pt', '.pth') else ''}"
    )
