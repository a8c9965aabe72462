"""`python -m parity [DIR ...]`."""

import sys

from parity import run

if __name__ == "__main__":
    sys.exit(run.main())
