"""What there is to compare in a folder of golden cases, and how each comparison went."""

import contextlib
import dataclasses
import difflib
import fnmatch
import functools
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.nets import state_dict
from parity import cases, compare, targets

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
    holder = targets.module(case.system, package)
    function = targets.find(case.system, case.target, package)
    reason = _left_out(holder, case.name) or (not function and _left_out(holder, case.target))
    if reason:
        return Outcome("left out", case.name, case.target, True, message=reason)
    if function is None:
        message = f"no target of {package} is called {case.target!r} (system {case.system!r})"
        return Outcome("unknown", case.name, case.target, True, message=message)

    later = getattr(holder, "LATER", {}).get(case.name, {})
    wanted = {k: v for k, v in case.expected.items() if not k.startswith(tuple(later))}

    def differences() -> list[compare.Difference]:
        found = compare.compare(
            wanted,
            function(case),
            {**case.meta.get("tolerance", {}), **_meant(case, package)},
            nan=case.call.get("nan", ()),
            ignore=case.meta.get("ignore", ()),
        )
        case.check_read()
        return found

    outcome = _judge(case.name, case.target, True, differences)
    left = [f"left out: {names}*: {reason}" for names, reason in later.items()]
    return dataclasses.replace(outcome, message="\n".join(filter(None, (outcome.message, *left))))


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
    except state_dict.TorchMissing as error:
        return Outcome("left out", name, target, is_case, message=str(error))
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
    if not paths:
        problem = "no case (*.npz) is in it" if folder.is_dir() else "no such folder"
        raise UserError(
            f"{folder}: {problem}. Expected a folder of golden cases, such as "
            f"{SHIPPED / 'fslr'}; see tests/golden/README.md for their layout."
        )
    found = [_case_job(path, package) for path in paths]
    holders = [targets.module(system, package) for system in _systems(paths)]
    for path in sorted(folder.iterdir()):
        for holder in filter(None, holders):
            found += _jobs_beside(path, holder)
    return found


def _systems(paths: Iterable[Path]) -> list[str]:
    """The systems of the readable cases; an unreadable one says so in its own line."""
    found = set()
    for path in paths:
        with contextlib.suppress(UserError):
            found.add(cases.load(path).system)
    return sorted(found)


def _jobs_beside(path: Path, holder: Any) -> list[Job]:
    """What a system's module knows to do with a file or folder beside the cases."""
    functions = getattr(holder, "FILES", {}).items()
    made = [_file_job(path, f) for pattern, f in functions if fnmatch.fnmatch(path.name, pattern)]
    reason = _left_out(holder, path.name)
    if reason:
        outcome = Outcome("left out", path.name, "", False, message=reason)
        made.append(Job(path.name, "", (path.name,), functools.partial(_same, outcome)))
    return made


def _case_job(path: Path, package: str) -> Job:
    target = "?"
    with contextlib.suppress(UserError):  # the case's own line will say what is wrong with it
        target = cases.load(path).target
    words = (path.stem, *(part.strip() for part in target.split(",")))
    return Job(path.stem, target, words, functools.partial(check_case, path, package))


def _meant(case: cases.Case, package: str) -> dict[str, compare.Tolerance]:
    """Tolerances of arrays that a case's own prefixes catch by accident."""
    holder = targets.module(case.system, package)
    return getattr(holder, "TOLERANCES", {}).get(case.name, {})


def _left_out(holder: Any, name: str) -> str:
    return getattr(holder, "LEFT_OUT", {}).get(name, "")


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
