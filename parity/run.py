"""The parity runner: golden cases through jaxsign, and how near it comes to the originals."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.nets import state_dict
from parity import jobs, report
from parity import options as command_line


def shipped() -> list[Path]:
    """The folders of golden cases that come with the tests."""
    return sorted(path for path in jobs.SHIPPED.glob("*/") if any(path.glob("*.npz")))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and prints it.

    Args:
      argv: command-line words without the program's name; None = those of this process.

    Returns:
      0 if every case passed; 1 on a failure, an unknown target or a folder without cases.
    """
    return run(command_line.parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """As `main`, of a command line that is parsed."""
    package = jobs.REFERENCE if options.reference else jobs.OURS
    try:
        if options.reference:
            state_dict.import_torch("to run the references")
        folders = options.folders or shipped()
        if not folders:
            raise UserError(f"{jobs.SHIPPED}: no golden cases came with this copy; name a folder.")
        found = [job for folder in folders for job in jobs.jobs(folder, package)]
        chosen = jobs.select(found, options.only)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    runtime.quiet()
    runtime.compilation_cache()
    # Full float32 products everywhere: accelerators shorten them by default.
    with jax.default_matmul_precision("highest"):
        lines = report.Report(chosen, verbose=options.verbose)
        outcomes = [lines.show(job.work()) for job in chosen]
        lines.summary(outcomes)
    return 0 if all(o.status in ("passed", "left out") for o in outcomes) else 1
