"""What native libraries print is dropped, and nothing else."""

import logging
import os
import sys

from jaxsign.input.signs.extract import libraries


def test_warnings_are_shown_where_native_words_are_dropped(capfd):
    root, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
    root.addHandler(handler)
    try:
        with libraries.hushed():
            os.write(2, b"native\n")
            root.warning("within")
            print("said", file=sys.stderr)
        root.warning("behind")
    finally:
        root.removeHandler(handler)
    told = capfd.readouterr().err
    assert "native" not in told
    assert all(told.count(word) == 1 for word in ("within", "said", "behind"))
