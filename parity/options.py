"""The command line of the parity runner, without what it takes to run."""

import argparse
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m parity`."""
    made = argparse.ArgumentParser(
        prog="jaxsign parity",
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
