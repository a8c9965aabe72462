"""What the verbs' command lines share: how a verb is added, and numbers that words must be."""

import argparse
import os
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from jaxsign import reading, run_files, shipped
from jaxsign.errors import UserError

# What a run folder is known by and cannot answer or go on without.
_RUN_FILES = (run_files.CONFIG, run_files.LABELS, run_files.MANIFEST, run_files.METRICS)
# Endings of results, and names of files of these endings that data have.
_RESULTS = (".json", ".csv", ".srt", ".vtt", ".png")
_LABELS = ("labels", "classes", "label_map", "glosses", "train", "val", "test")
# Of `ArgumentParser.add_subparsers`.
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Options: TypeAlias = "argparse.ArgumentParser | argparse._ArgumentGroup"


def add_verb(
    verbs: Verbs, name: str, summary: str, text: str, examples: str
) -> argparse.ArgumentParser:
    """A subparser whose help shows `text` and `examples` as they are written.

    Args:
      verbs: of `ArgumentParser.add_subparsers`.
      name: the verb.
      summary: a few words for the list of verbs.
      text: what the verb does, in lines of at most 100 letters.
      examples: command lines.
    """
    return verbs.add_parser(
        name,
        help=summary,
        description=textwrap.dedent(text).strip(),
        epilog="examples:\n" + textwrap.indent(textwrap.dedent(examples).strip(), "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_person(verb: argparse.ArgumentParser) -> None:
    """The option that chooses one of several people."""
    verb.add_argument(
        "--person",
        type=positive,
        default=0,
        metavar="N",
        help=".pose files of several people: take person N, from 1 (the one who moves)",
    )


def add_films(verb: Options) -> None:
    """The options that say which frames of films are taken, and how fast they follow."""
    kept = verb.add_mutually_exclusive_group()
    kept.add_argument(
        "--target-fps",
        type=rate,
        default=0.0,
        metavar="F",
        help="keep about F frames a second of films (all)",
    )
    kept.add_argument(
        "--every-nth", type=positive, default=1, metavar="N", help="keep each N-th frame (1)"
    )
    add_source_fps(verb)
    verb.add_argument(
        "--keep-partial",
        action="store_true",
        help="take what can be decoded of damaged films; without it they fail",
    )


def add_shard(verb: Options, things: str) -> None:
    """The option that takes a part of a folder; `things` are what lies in it."""
    verb.add_argument(
        "--shard",
        type=shard,
        default=(1, 1),
        metavar="I/N",
        help=f"only the I-th part of N of the {things}, such as 2/8; all may share one --out",
    )


def add_ray(verb: Options, things: str) -> None:
    """The option that works on a folder's files on a cluster; `things` are what lies in it."""
    verb.add_argument(
        "--ray",
        type=ray_address,
        default=None,
        metavar="ADDRESS",
        help=f"work on the {things} as tasks of Ray: HOST:PORT of a cluster's head, auto (the "
        "cluster of this machine), or local",
    )


def ray_address(word: str) -> str:
    """Where a cluster is."""
    host, _, port = word.rpartition(":")
    if word not in ("auto", "local") and not (host and "/" not in host and port.isdecimal()):
        raise argparse.ArgumentTypeError(
            f"{word!r}: expected HOST:PORT of the cluster's head, auto or local"
        )
    return word


def shard(word: str) -> tuple[int, int]:
    """I and N of I/N."""
    first, _, count = word.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise argparse.ArgumentTypeError(
            f"{word!r}: expected I/N with I from 1 to N, such as 2/8 (SLURM: --array=1-8)"
        )
    return int(first), int(count)


def add_source_fps(verb: Options) -> None:
    """The option that gives the true rate of clips whose files do not know it."""
    verb.add_argument(
        "--source-fps",
        type=rate,
        default=0.0,
        metavar="N",
        help="frames a second of films and clips, whatever their files say (as they say)",
    )


def given(words: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """What a command line says of some options, by their names."""
    return {name: vars(words)[name] for name in names}


def is_rate(value: float) -> bool:
    """Whether there may be so many frames a second."""
    return 0.01 <= value <= 1000


def rate(word: str) -> float:
    """Frames a second, 0.01 to 1000."""
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not is_rate(value):
        raise argparse.ArgumentTypeError(f"{word!r}: expected 0.01 to 1000")
    return value


class Checked(str):
    """A word of a command line that is looked at before the verb imports what is heavy."""

    is_read = False
    """Whether it names what the verb reads, which no file that it writes may replace."""

    def check(self) -> None:
        """Raises UserError where the word cannot be right."""
        raise NotImplementedError


class Existing(Checked):
    """A file or folder that there is."""

    is_read = True

    def check(self) -> None:
        if not self.strip():
            raise UserError(
                "an empty word stands where a file or folder was expected: is it unset?"
            )
        if not Path(self).exists():
            raise UserError(f"{self}: no such file or folder")


class NewFile(Checked):
    """A file to write, in a folder that may be new; one of its name is replaced at the end."""

    def check(self) -> None:
        if Path(self).is_dir():
            raise UserError(f"{self}: is a folder. Expected the name of a file to write")
        _check_writable(Path(self).parent, self)


class NewFolder(Checked):
    """A folder to write into, which may be new."""

    def check(self) -> None:
        _check_writable(Path(self), self)


class NewRun(Checked):
    """A run folder to write into, which may be new."""

    def check(self) -> None:
        shipped.refuse_writing(
            self,
            "Give a folder of your own as --workdir; a training starts from this model's weights "
            f"by --config.train.init_from={self}",
        )


def _check_writable(folder: Path, word: str) -> None:
    found = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not found.is_dir():
        raise UserError(f"{word}: cannot be written: {found} is a file. Expected a folder there")
    if not os.access(found, os.W_OK | os.X_OK):
        raise UserError(f"{word}: cannot be written: {found} does not allow it")


def check(words: argparse.Namespace) -> None:
    """Looks at every `Checked` word of a command line.

    Raises:
      UserError: one that cannot be right, or a file to write that would replace what is read.
    """
    values = [v if isinstance(v, list) else [v] for v in vars(words).values()]
    checked = [word for value in values for word in value if isinstance(word, Checked)]
    for word in checked:
        word.check()
    read = [Path(word) for word in checked if word.is_read and Path(word).exists()]
    for word in checked:
        if isinstance(word, NewFile) and Path(word).exists():
            _refuse_replacing(Path(word), read)


def _refuse_replacing(out: Path, read: Iterable[Path]) -> None:
    """Refuses a file to write that is one of those that are read, or may be."""
    for place in read:
        inside = place.is_dir() and out.resolve().is_relative_to(place.resolve())
        if out.samefile(place) or (inside and not _is_result(out.resolve(), place.resolve())):
            raise UserError(
                f"{out}: is part of what is read ({place}), and would be replaced. Choose another "
                "file; if it is an older result, remove it first"
            )


def _is_result(out: Path, folder: Path) -> bool:
    """Whether a file in a folder that is read may be an earlier result, which is replaced."""
    inner = out.relative_to(folder).parts
    if run_files.is_run(folder):
        return inner[0] != run_files.CHECKPOINTS and inner not in [(name,) for name in _RUN_FILES]
    return out.suffix in _RESULTS and out.stem not in _LABELS


def add_encoding(verb: argparse._ActionsContainer) -> None:
    """Adds `--encoding`, which holds for all tables that the verb reads."""
    verb.add_argument(
        "--encoding", default="", metavar="NAME",
        help="code page of tables that are no UTF-8, such as cp1250",
    )  # fmt: skip


def positive(word: str) -> int:
    """A whole number from 1 on."""
    return _whole(word, 1, "a positive whole number")


def size(word: str) -> int:
    """Bytes, such as 3000000000 or 3G (K, M, G, T: thousands of 1024)."""
    try:
        return reading.bytes_of(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_limit(verb: argparse.ArgumentParser) -> None:
    """The option of every verb that says how much is read at once."""
    verb.add_argument(
        "--max-bytes",
        type=size,
        metavar="N",
        help="most bytes that one array, column or table of a file may take in memory (2G)",
    )


def count(word: str) -> int:
    """A whole number from 0 on."""
    return _whole(word, 0, "a whole number of 0 or more")


def _whole(word: str, least: int, expected: str) -> int:
    if not word.isdecimal() or int(word) < least:
        raise argparse.ArgumentTypeError(f"{word!r} is not {expected}")
    return int(word)
