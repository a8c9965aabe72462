"""Runs golden cases through jaxsign and says how near it comes to the originals."""

import argparse
import contextlib
import dataclasses
import difflib
import fnmatch
import functools
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import jax

from jaxsign.errors import UserError
from parity import cases, compare, report, targets

SHIPPED = Path(__file__).resolve().parent.parent / "tests" / "golden"
OURS, REFERENCE = "parity.targets", "parity.reference"
FileFunction = Callable[[Path], targets.FileCheck]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One line of the report.

    Attributes:
      status: 'passed', 'failed', 'unknown' (no such target) or 'left out'.
      name: the case or file.
      target: what of jaxsign it tests.
      is_case: a golden case, as opposed to a file beside the cases.
      differences: one an array, worst first.
      message: why it failed or was left out, where that is not a number.
      seconds: wall-clock time.
    """

    status: str
    name: str
    target: str
    is_case: bool
    differences: tuple[compare.Difference, ...] = ()
    message: str = ""
    seconds: float = 0.0


def check_case(path: Path, package: str = OURS) -> Outcome:
    """Runs one golden case; whatever goes wrong inside is the outcome, never an exception."""
    try:
        case = cases.load(path)
    except UserError as error:
        return Outcome("failed", path.stem, "?", True, message=str(error))
    function = targets.find(case.system, case.target, package)
    if function is None:
        message = f"no target of {package} is called {case.target!r} (system {case.system!r})"
        return Outcome("unknown", case.name, case.target, True, message=message)

    def differences() -> list[compare.Difference]:
        return compare.compare(
            case.expected,
            function(case),
            case.meta.get("tolerance", {}),
            nan=case.call.get("nan", ()),
            ignore=case.meta.get("ignore", ()),
        )

    return _judge(case.name, case.target, True, differences)


def check_file(path: Path, function: FileFunction) -> Outcome:
    """Compares one file beside the cases."""

    def differences() -> list[compare.Difference]:
        found = function(path)
        return compare.compare(found.expected, found.produced, found.tolerance)

    return _judge(path.name, _spell(function), False, differences)


def _judge(
    name: str, target: str, is_case: bool, differences: Callable[[], list[compare.Difference]]
) -> Outcome:
    start = time.perf_counter()
    try:
        found = sorted(differences(), key=lambda d: d.share, reverse=True)
        message = "" if found else "nothing was compared"
    except UserError as error:
        found, message = [], str(error)
    except Exception:  # a crash in one case must not hide the others
        found, message = [], traceback.format_exc()
    passed = bool(found) and all(d.passed for d in found)
    status = "passed" if passed else "failed"
    seconds = time.perf_counter() - start
    return Outcome(status, name, target, is_case, tuple(found), message, seconds)


@dataclasses.dataclass(frozen=True)
class Job:
    """One thing to compare: its name and target for the report, the words that select it."""

    name: str
    target: str
    words: tuple[str, ...]
    work: Callable[[], Outcome]


def jobs(folder: Path, package: str = OURS) -> list[Job]:
    """Everything that can be compared in `folder`, cases first.

    Raises:
      UserError: no such folder, or no case in it.
    """
    paths = sorted(folder.glob("*.npz"))
    if not folder.is_dir() or not paths:
        found = "no case (*.npz) is in it" if folder.is_dir() else "no such folder"
        raise UserError(
            f"{folder}: {found}. Expected a folder of golden cases, such as "
            f"{SHIPPED / 'fslr'}; see tests/golden/README.md for their layout."
        )
    found = [_case_job(path, package) for path in paths]
    holder = targets.module(folder.resolve().name, package)
    for path in sorted(folder.iterdir()) if holder else ():
        for pattern, function in getattr(holder, "FILES", {}).items():
            if fnmatch.fnmatch(path.name, pattern):
                found.append(_file_job(path, function))
        reason = getattr(holder, "LEFT_OUT", {}).get(path.name)
        if reason:
            outcome = Outcome("left out", path.name, "", False, message=reason)
            found.append(Job(path.name, "", (path.name,), functools.partial(_same, outcome)))
    return found


def _case_job(path: Path, package: str) -> Job:
    target = "?"
    with contextlib.suppress(UserError):  # the case's own line will say what is wrong with it
        target = cases.load(path).target
    words = (path.stem, *(part.strip() for part in target.split(",")))
    return Job(path.stem, target, words, functools.partial(check_case, path, package))


def _file_job(path: Path, function: FileFunction) -> Job:
    words = (path.name, path.stem)
    return Job(path.name, _spell(function), words, functools.partial(check_file, path, function))


def _spell(function: FileFunction) -> str:
    return function.__name__.replace("_", " ")


def _same(outcome: Outcome) -> Outcome:
    return outcome


def select(found: Sequence[Job], only: Iterable[str]) -> list[Job]:
    """The jobs that any word of `only` names, by target, case or file; all without words.

    Raises:
      UserError: a word that names nothing.
    """
    chosen = []
    known = {word.lower(): word for job in found for word in job.words}
    for word in only:
        if word.lower() not in known:
            near = difflib.get_close_matches(word.lower(), known, n=1)
            hint = f" Did you mean {known[near[0]]!r}?" if near else ""
            raise UserError(
                f"--only {word}: no target, case or file is called that.{hint} "
                f"Known: {', '.join(sorted(known.values()))}"
            )
        chosen.append(word.lower())
    return [job for job in found if not chosen or any(word.lower() in chosen for word in job.words)]


def shipped() -> list[Path]:
    """The folders of golden cases that come with the tests."""
    return sorted(path for path in SHIPPED.iterdir() if path.is_dir()) if SHIPPED.is_dir() else []


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m parity`."""
    made = argparse.ArgumentParser(
        prog="python -m parity",
        description="Compare jaxsign with what the original systems computed.",
    )
    made.add_argument(
        "folders", nargs="*", type=Path, metavar="DIR",
        help="folder of golden cases (default: those shipped with the tests)",
    )  # fmt: skip
    made.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="TARGET",
        help="only these targets, cases or files",
    )  # fmt: skip
    made.add_argument(
        "--verbose", action="store_true", help="every array of every case, and full errors"
    )
    made.add_argument(
        "--reference", action="store_true",
        help="check the torch references instead of jaxsign (needs torch)",
    )  # fmt: skip
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and prints it.

    Args:
      argv: command-line words without the program's name; None = those of this process.

    Returns:
      0 if every case passed; 1 on a failure, an unknown target or a folder without cases.
    """
    options = parser().parse_args(argv)
    package = REFERENCE if options.reference else OURS
    try:
        folders = options.folders or shipped()
        if not folders:
            raise UserError(f"{SHIPPED}: no golden cases came with this copy; name a folder.")
        found = [job for folder in folders for job in jobs(folder, package)]
        chosen = select(found, options.only)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    # Full float32 products everywhere: accelerators shorten them by default.
    with jax.default_matmul_precision("highest"):
        lines = report.Report(chosen, verbose=options.verbose)
        outcomes = [lines.show(job.work()) for job in chosen]
        lines.summary(outcomes)
    return 0 if all(o.status in ("passed", "left out") for o in outcomes) else 1
