"""The command line that all benchmarks share."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import report, timing
from jaxsign import runtime


def main(
    *measures: Callable[..., list[report.Row]],
    argv: Sequence[str] | None = None,
    choices: Sequence[str] = (),
) -> None:
    """Runs the benchmarks and reports.

    Args:
      measures: functions of a size (`full`, `quick`, `check`), and of those of `choices` that are
        asked for where there are any.
      choices: nets, of which `--net` takes some; without it all are measured.
      argv: arguments; those of the process if None.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and clips")
    parser.add_argument("--check", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    if choices:
        parser.add_argument("--net", action="append", choices=choices, help="only these nets")
    options = parser.parse_args(argv)
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    size = "check" if options.check else "quick" if options.quick else "full"
    peak = timing.matmul_peak(*((64, 1) if size == "check" else ()))
    chosen = [tuple(options.net or choices)] if choices else []
    rows = [row for measure in measures for row in measure(size, *chosen)]
    about = timing.machine()
    report.show(rows, about, peak)
    if options.json:
        report.save(options.json, rows, about, peak)
