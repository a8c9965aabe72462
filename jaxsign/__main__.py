"""`python -m jaxsign`, the same as `jaxsign`."""

import sys

from jaxsign.cli import main

if __name__ == "__main__":
    sys.exit(main())
