"""The program: `jaxsign`, or `python -m jaxsign`."""

import contextlib
import sys

from jaxsign import interrupts


def main() -> int:
    """Runs the command line; returns the exit status."""
    interrupts.end_at_once()
    from jaxsign import cli

    interrupts.raise_again()
    status = cli.main()
    with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed for that
        sys.stdout.flush()
    interrupts.end_at_once()
    return interrupts.leave(status)


if __name__ == "__main__":
    sys.exit(main())
