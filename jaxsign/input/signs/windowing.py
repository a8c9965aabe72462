"""Overlapping windows over a stream that is still coming."""

import collections
import dataclasses
from typing import Protocol

from jaxsign.input.signs.rows import Rows, join


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """A stretch of the stream.

    Attributes:
      start: its first row, counted from the stream's start.
      following: the first row of the window behind it.
      rows: its rows, fewer than a window's length only at the stream's end.
    """

    start: int
    following: int
    rows: Rows


class Cutter(Protocol):
    """Cuts a stream of rows into windows."""

    def __len__(self) -> int:
        """Rows that are held for the next window."""

    def push(self, rows: Rows) -> list[Window]:
        """The windows that these rows complete."""

    def finish(self) -> list[Window]:
        """The windows that the stream's end completes."""


class Windows:
    """Cuts rows into windows of `window` rows that start every `hop` rows.

    Args:
      window, hop: rows; see `jaxsign.input.windows.sizes`.
      align: starts are rounded down to multiples of so many rows, at most `hop`.
      to_the_end: every window that starts before the end comes, as the original streams; else
        behind the full ones only one that reaches the end, if rows are left for it.
    """

    def __init__(self, window: int, hop: int, align: int = 1, *, to_the_end: bool = False):
        self.window, self.hop, self.align, self._to_the_end = window, hop, align, to_the_end
        self._parts: collections.deque[Rows] = collections.deque()
        self._first = self._end = 0  # rows that `_parts` holds, counted from the stream's start
        self._count = 0  # windows given so far

    def __len__(self) -> int:
        return self._end - self._first

    def _start(self, number: int) -> int:
        return number * self.hop // self.align * self.align

    def push(self, rows: Rows) -> list[Window]:
        """The windows that these rows complete."""
        if not len(rows):
            return []
        self._parts.append(rows)
        self._end += len(rows)
        found = []
        while self._start(self._count) + self.window <= self._end:
            found.append(self._take())
        return found

    def finish(self) -> list[Window]:
        """The part-filled windows at the stream's end."""
        found: list[Window] = []
        while self._start(self._count) < self._end and (self._to_the_end or not found):
            found.append(self._take())
        return found

    def _take(self) -> Window:
        start, following = self._start(self._count), self._start(self._count + 1)
        whole = join(list(self._parts))
        rows = whole[start - self._first : start - self._first + self.window]
        self._count += 1
        rest = whole[following - self._first :]
        self._parts = collections.deque([rest] if len(rest) else [])
        self._first = self._end - len(rest)
        return Window(start, following, rows)
