"""What a terminal is shown: control characters of labels and file names as codes, never raw."""

import re
from typing import Any, TextIO

# Signs that move, erase or answer on a terminal, and marks that turn the order of letters around.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """A text with its control characters as JSON and Python write them: `\\u001b`."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Escaping:
    """A stream that shows control characters as codes, those of colours and bars too.

    Bars and tables go through `screen.Console`, which escapes what it is given and writes past
    this one.

    Attributes:
      stream: where to.
    """

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes a text."""
        return self.stream.write(shown(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
