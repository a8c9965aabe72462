"""Overlapping windows over a stream that is still coming."""

import collections
import dataclasses

from jaxsign.infer.live.rows import Rows, join


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


class Windows:
    """Cuts rows into windows of `window` rows that start every `hop` rows.

    Args:
      window, hop: rows; see `jaxsign.input.windows.sizes`.
      align: starts are rounded down to multiples of so many rows, at most `hop`.
    """

    def __init__(self, window: int, hop: int, align: int = 1):
        self.window, self.hop, self.align = window, hop, align
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

    def finish(self, *, to_the_end: bool = False) -> list[Window]:
        """The part-filled windows at the stream's end.

        Args:
          to_the_end: every window that starts before the end, as the original streams; else one
            that reaches the end, if rows are left for it.
        """
        found: list[Window] = []
        while self._start(self._count) < self._end and (to_the_end or not found):
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
