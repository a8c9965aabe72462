"""The console that tables, bars and coloured lines are printed on."""

import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

import rich.console
from rich.segment import Segment
from rich.text import Text

from jaxsign import terminal

if TYPE_CHECKING:
    from rich.table import Table


_WIDE = 160  # letters of a line in a file or a pipe, which has no edge


class Console(rich.console.Console):
    """Rich's console, which alone sends codes to a terminal: those in what it is given are shown.

    So no label and no file name moves the cursor, erases a line or colours what follows.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        if "width" not in options and not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = _WIDE

    @property
    def file(self) -> IO[str]:
        """Where to; what this console writes has been escaped already."""
        file = super().file
        return file.stream if isinstance(file, terminal.Escaping) else file

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render_str(self, text: str, **options: Any) -> Text:  # type: ignore[override]
        """A string as rich's text; here, so that codes count in the width of a column."""
        return super().render_str(terminal.shown(text), **options)

    def render(
        self, renderable: Any, options: rich.console.ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What is to be written, piece by piece; only rich's own pieces control the terminal."""
        for piece in super().render(renderable, options):
            text = piece.text if piece.control else terminal.shown(piece.text)
            yield piece if text == piece.text else Segment(text, piece.style)


def table(title: "str | Text | None" = None) -> "Table":
    """An empty table as all of ours look, its title to the left."""
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
