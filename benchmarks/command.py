"""The command line that all benchmarks share."""

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import report, results, rows, timing
from jaxsign import runtime
from jaxsign.errors import UserError

# None is begun later: the longest takes a minute and a half.
_QUICK_MINUTES = 8.5
_OWN = Path()  # of --json without a file


@dataclasses.dataclass(frozen=True)
class Measure:
    """What is measured in one go.

    Attributes:
      name: for `--only`, and in the results.
      run: a size (`full`, `quick`, `check`) -> rows.
      not_quick: what a quick run leaves out of it, and why.
    """

    name: str
    run: Callable[[str], list[rows.Row]]
    not_quick: str = ""


def main(*measures: Measure, argv: Sequence[str] | None = None) -> None:
    """Runs benchmarks and reports; ends the process with 1 where none of them could run.

    Args:
      measures: all there are.
      argv: arguments; those of the process if None.
    """
    options = _parser([measure.name for measure in measures]).parse_args(argv)
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    size = "check" if options.check else "quick" if options.quick else "full"
    place = results.place() if options.json == _OWN else options.json
    try:
        found = results.opened(place, timing.machine())
        chosen = [one for one in measures if not options.only or one.name in options.only]
        minutes = options.minutes or (_QUICK_MINUTES if size == "quick" else float("inf"))
        new = _measured(chosen, size, minutes, found, place)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    report.show(new)
    if place:
        print(f"Saved to {place}")
    if not new.measures:
        raise SystemExit(1)


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=f"Measures: {', '.join(names)}.")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, smaller shapes: all in ten minutes"
    )
    parser.add_argument("--check", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help="these alone")
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="begin nothing after so many, and tell what is left out "
        f"(with --quick: {_QUICK_MINUTES})",
    )
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=_OWN,
        metavar="FILE",
        help="also write the results to this file, in place of older ones of the same measures; "
        f"without FILE to {results.FOLDER}/MACHINE.json",
    )
    return parser


def _measured(
    measures: Sequence[Measure],
    size: str,
    minutes: float,
    found: results.Results,
    place: Path | None,
) -> results.Results:
    """What is new; `found` gets it, too, and is written after every measure."""
    began = time.monotonic()
    new = results.Results(found.machine)
    peak = timing.matmul_peak(*((64, 1) if size == "check" else ()))
    for measure in measures:
        start = time.monotonic()
        if start - began > 60 * minutes:
            new.left_out[measure.name] = f"{minutes:g} minutes were over"
            continue
        print(f"{measure.name} ...", end=" ", flush=True)
        try:
            told = measure.run(size)
        except UserError as error:
            new.left_out[measure.name] = str(error)
            print("left out")
            continue
        if size == "quick" and measure.not_quick:
            new.left_out[f"parts of {measure.name}"] = measure.not_quick
        seconds = time.monotonic() - start
        print(f"{seconds:.0f} s", flush=True)
        new.measures[measure.name] = results.Measured(size, results.today(), seconds, peak, told)
        results.save(place, found, new)
    results.save(place, found, new)
    print(f"all in {time.monotonic() - began:.0f} s")
    return new
