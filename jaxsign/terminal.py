"""What a terminal is shown: control characters of labels and file names as codes, never raw."""

import re
from typing import Any, TextIO

# Signs that move, erase or answer on a terminal, and marks that turn the order of letters around.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What bars and tables of this program send to a terminal: colours, a line erased, one line up, the
# cursor hidden and shown.
_OWN = re.compile("(\x1b\\[(?:[0-9;]*m|2K|1A|\\?25[lh]))")


def shown(text: str) -> str:
    """A text with its control characters as JSON and Python write them: `\\u001b`."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Escaping:
    """A stream that shows control characters as codes.

    Args:
      stream: where to.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text; to a terminal this program's own colours and bars go as they are."""
        if _CONTROLS.search(text):
            parts = _OWN.split(text) if self._stream.isatty() else [text]
            text = "".join(part if i % 2 else shown(part) for i, part in enumerate(parts))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
