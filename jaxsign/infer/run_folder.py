"""What a run folder looks like, told without anything that is heavy to import."""

import argparse
import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jaxsign import arguments, run_files, shipped
from jaxsign.errors import UserError
from jaxsign.train import sweeps

if TYPE_CHECKING:
    from jaxsign import chains

CLIPS = "a clip or a film, or a folder of either"
_SHIPPED = ", or model:NAME, one that comes with jaxsign (`jaxsign models`)"


class _Run(arguments.Checked):
    """A word of a command line that names a run, where it does by `model:NAME` its folder."""

    is_read = True

    def __new__(cls, word: str) -> Self:
        return super().__new__(cls, shipped.resolved(word))


class RunFolder(_Run):
    """A run folder, as a word of a command line."""

    def check(self) -> None:
        check(Path(self))


class RunFolders(_Run):
    """A run folder, or one of the folds of a training."""

    def check(self) -> None:
        for member in members(Path(self)):
            check(member)


class DetectorRun(_Run, arguments.Existing):
    """The run folder of a detector, or a file of its weights."""


@dataclasses.dataclass(frozen=True)
class Behind:
    """The words of a verb that may stand behind several run folders: --workdir A B INPUT.

    Attributes:
      kind: type of each.
      several: whether there may be more than one.
    """

    kind: type[arguments.Existing] = arguments.Existing
    several: bool = False

    def add(self, verb: argparse.ArgumentParser, text: str) -> None:
        """Adds them as the list `input`; how many there are is seen by `check_input` alone."""
        verb.add_argument(
            "input",
            type=self.kind,
            nargs="*",
            default=argparse.SUPPRESS,  # what stands behind the runs is not overwritten
            metavar="INPUT",
            help=text,
        )


class _Several(argparse.Action):
    """Run folders; what stands behind the last of them are words of `const`, a `Behind`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        place = len(values)
        if self.const is not None:
            least = 1 if self.const.several else max(place - 1, 1)
            while place > least and not _holds_runs(Path(values[place - 1])):
                place -= 1
            if words := [self.const.kind(word) for word in values[place:]]:
                namespace.input = words
        setattr(namespace, self.dest, values[:place])


def add_run(verb: argparse.ArgumentParser) -> None:
    """Adds the options that name a run and one of its checkpoints."""
    verb.add_argument(
        "--workdir", type=RunFolder, required=True, metavar="RUN", help=f"the run folder{_SHIPPED}"
    )
    _add_which(verb)


def add_runs(verb: argparse.ArgumentParser, behind: Behind | None = None) -> None:
    """Adds the options that name one run or several, which answer together, and a checkpoint.

    Args:
      verb: the parser.
      behind: words of the verb that may stand behind the folders.
    """
    verb.add_argument(
        "--workdir",
        type=RunFolders,
        action=_Several,
        const=behind,
        nargs="+",
        required=True,
        metavar="RUN",
        help=f"the run folder{_SHIPPED}; several, or a folder of folds: the mean of what they say",
    )
    _add_which(verb)


def _add_which(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--which",
        type=_which,
        default="best",
        metavar="CHECKPOINT",
        help="which checkpoint to use: best (the default), last, an epoch that was kept, or "
        "best-NUMBER, the best by a number of checkpoint.also_best",
    )


def _which(word: str) -> str:
    if word not in ("best", "last") and not word.isdecimal() and not word.startswith("best-"):
        raise argparse.ArgumentTypeError(
            f"{word!r} is none of best, last, best-NUMBER and epochs that were kept"
        )
    return word


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
    verb.add_argument("input", type=arguments.Existing, metavar="INPUT", help=CLIPS)


def check_input(words: argparse.Namespace) -> None:
    """Refuses a command line without the words that may stand behind runs.

    Raises:
      UserError: there are none.
    """
    if not getattr(words, "input", None):
        raise UserError(f"{words.verb} what? Give INPUT behind the run folder")


def add_batch_size(verb: argparse.ArgumentParser) -> None:
    """Adds the option of how many clips a run takes at once."""
    verb.add_argument(
        "--batch-size", type=arguments.positive, default=32, help="clips at once (32)"
    )


def members(workdir: Path) -> list[Path]:
    """The run folders of a folder of folds, in their order; of any other, the folder itself."""
    return [workdir] if run_files.is_run(workdir) else _folds(workdir) or [workdir]


def check_new(workdir: Path) -> None:
    """Refuses a folder of folds or of a sweep as the folder of one run.

    Raises:
      UserError: runs of folds, or trials, lie there.
    """
    if (workdir / sweeps.PLAN).exists():
        raise UserError(
            f"--workdir {workdir} holds a sweep, which goes on by `jaxsign sweep`. Choose another "
            "folder for a run of its own"
        )
    if not run_files.is_run(workdir) and (folds := _folds(workdir)):
        raise UserError(
            f"--workdir {workdir} holds {len(folds)} folds, to go on with which --folds "
            f"{len(folds)} is given. Choose another folder for a run of its own"
        )


def _chain(workdir: Path) -> "list[chains.Recorded]":
    """What a folder of a chain tells of its runs."""
    if not (workdir / run_files.MANIFEST).is_file():
        return []
    from jaxsign import chains  # imports what is heavy

    return chains.recorded(workdir)


def fold(workdir: str | Path, number: int) -> Path:
    """The run folder of a fold, from 1."""
    return Path(workdir) / f"fold-{number}"


def _folds(workdir: Path) -> list[Path]:
    found = itertools.takewhile(Path.is_dir, (fold(workdir, n) for n in itertools.count(1)))
    return list(found)


def _holds_runs(workdir: Path) -> bool:
    return run_files.is_run(workdir) or bool(_folds(workdir))


def check(workdir: Path) -> None:
    """Refuses what is no run folder.

    Raises:
      UserError: tells what was found.
    """
    if run_files.is_run(workdir):
        return
    if folds := _folds(workdir):
        raise UserError(
            f"{workdir} holds {len(folds)} folds, each a run. Give one of them, such as {folds[0]}"
        )
    if (workdir / sweeps.PLAN).is_file():
        raise UserError(
            f"{workdir} holds a sweep. Give one of its trials, each a run: "
            f"{workdir / 'trials.csv'} tells which are good"
        )
    if chain := _chain(workdir):
        ended = "".join("" if one.ended else f", {one.run} not ended" for one in chain)
        raise UserError(
            f"{workdir} holds a chain of {len(chain)} runs, each from the one before{ended}. Give "
            f"one of them; the last is {workdir / chain[-1].run}"
        )
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
