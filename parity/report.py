"""The parity report: one aligned line a case, in colour on a terminal only."""

from collections import Counter
from collections.abc import Iterable

from rich import text

from jaxsign.screen import Console
from parity.jobs import Job, Outcome

_COLOURS = {"passed": "green", "failed": "bold red", "unknown": "bold yellow", "left out": "dim"}
_HEADINGS = ("status", "case", "target", "worst array", "error", "share")
_LONGEST = 34


class Report:
    """Prints outcomes as they come.

    `error` is the worst number's absolute error, `share` the part of its tolerance that it uses:
    up to 1 passes.

    Args:
      jobs: everything that will be shown, for the widths of the columns.
      verbose: every array of every case, and the whole text of crashes.
    """

    def __init__(self, jobs: Iterable[Job], *, verbose: bool = False):
        jobs = list(jobs)
        self._name = max((len(job.name) for job in jobs), default=4)
        self._target = min(max((len(job.target) for job in jobs), default=6), _LONGEST)
        self._verbose = verbose
        self._console = Console(highlight=False, soft_wrap=True)
        self._print(self._columns(*_HEADINGS), "bold")

    def show(self, outcome: Outcome) -> Outcome:
        """Prints the line of `outcome` and what explains it; returns it."""
        worst = outcome.differences[0] if outcome.differences else None
        cells = (worst.name, f"{worst.error:.1e}", f"{worst.share:.3f}") if worst else ("", "", "")
        status = text.Text(f"{outcome.status:<8}", _COLOURS[outcome.status])
        rest = self._columns("", outcome.name, outcome.target, *cells)[8:]
        self._console.print(status + text.Text(rest.rstrip()))
        self._details(outcome)
        return outcome

    def summary(self, outcomes: Iterable[Outcome]) -> None:
        """Prints the counts: files beside the cases first, the cases last."""
        outcomes = list(outcomes)
        files = Counter(o.status for o in outcomes if not o.is_case)
        if files:
            left = f", {files['left out']} left out" if files["left out"] else ""
            counts = f"{files['passed']} passed, {files['failed']} failed{left}"
            self._print(f"{files.total()} files: {counts}", _verdict(files))
        count = Counter(o.status for o in outcomes if o.is_case)
        counts = ", ".join(f"{count[s]} {s}" for s in ("passed", "failed", "unknown"))
        left = f", {count['left out']} left out" if count["left out"] else ""
        self._print(f"{count.total()} cases: {counts}{left}", _verdict(count))

    def _details(self, outcome: Outcome) -> None:
        lines = outcome.message.rstrip().splitlines()
        crashed = bool(lines) and lines[0].startswith("Traceback")
        for line in lines[-1:] if crashed and not self._verbose else lines:
            self._print(f"         {line}")
        for found in outcome.differences:
            if self._verbose or not found.passed:
                share = "ok" if found.passed else "WRONG"
                self._print(f"         {share:<5} {found.share:9.3g}  {found.name}: {found.where}")
        if self._verbose and outcome.seconds:
            self._print(f"         {outcome.seconds:.2f} s")

    def _columns(self, *cells: str) -> str:
        status, name, target, array, error, share = cells
        target = target if len(target) <= self._target else target[: self._target - 3] + "..."
        return (
            f"{status:<8}  {name:<{self._name}}  {target:<{self._target}}  "
            f"{error:>8}  {share:>7}  {array}"
        )

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(text.Text(line, style))


def _verdict(count: Counter) -> str:
    return "bold red" if count["failed"] or count["unknown"] else "bold green"
