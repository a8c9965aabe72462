"""What is seen of long work: a bar with the time left on a terminal, plain lines elsewhere."""

import dataclasses
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from jaxsign.screen import Console

_Thing = TypeVar("_Thing")


_SHOWN = 3  # files at hand whose frames are told


class Bar:
    """A bar over so many things on a terminal; nothing elsewhere.

    Args:
      what: is done with them, or what they are.
      total: how many.
      hidden: there is none on a terminal either.
    """

    def __init__(self, what: str, total: int, *, hidden: bool = False):
        self._progress = Progress(
            TextColumn(what),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=hidden or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, _: object = None) -> None:
        """One thing more is done."""
        self._progress.advance(self._task)


def over(
    what: str, things: Iterable[_Thing], total: int, *, hidden: bool = False
) -> Iterator[_Thing]:
    """The things one by one, under a `Bar`."""
    with Bar(what, total, hidden=hidden) as bar:
        for thing in things:
            yield thing
            bar.step()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
      name: of the file.
      frames: that were worked on.
      text: what is told of it where it went well.
      reason: why it failed, or what is to be known about it; "" = nothing.
      failed: whether it failed.
    """

    name: str
    frames: int = 0
    text: str = ""
    reason: str = ""
    failed: bool = False


class Display:
    """The walk over a folder: a bar on a terminal, one plain line a file elsewhere.

    The time left is judged by the bytes of the files, since their frames are not known before.

    Args:
      thing: what a file is: 'video'.
      console: where to.

    Attributes:
      frames: that were worked on since the start, of the files that have ended.
    """

    def __init__(self, thing: str, console: Console | None = None):
        self.thing = thing
        self.console = console or Console(highlight=False)
        self._bar: Progress | None = None

    def start(self, sizes: Sequence[int], ready: int) -> None:
        """Opens the bar for files of so many bytes; `ready` others are done already."""
        if ready:
            self.say(f"{self.count(ready)} done already; {self.count(len(sizes))} to do")
        self._sizes = [max(1, size) for size in sizes]
        self._begun = time.monotonic()
        self._finished = self.frames = self._ended = 0
        self._going: dict[int, tuple[int, float]] = {}
        if not self.console.is_terminal:
            return
        columns = (
            TextColumn("{task.fields[files]}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Progress(*columns, console=self.console, transient=True)
        self._task = self._bar.add_task("", total=sum(self._sizes), files="", note="starting")
        self._bar.start()

    def count(self, number: int) -> str:
        """'1 video', '3 videos'."""
        return f"{number} {self.thing}{'' if number == 1 else 's'}"

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, markup=False, soft_wrap=True)

    def advance(self, number: int, frames: int, share: float) -> None:
        """`frames` frames of file `number` are worked on, `share` of it is done."""
        self._going[number] = (frames, share)
        self._show()

    def finish(self, number: int, outcome: Outcome) -> None:
        """File `number` came to its end."""
        self._going.pop(number, None)
        self._finished += self._sizes[number]
        self._ended += 1
        self.frames += outcome.frames
        if outcome.failed:
            self.say(f"failed: {outcome.reason}")
        elif not self.console.is_terminal:
            left = f"; left {self._left()}" if self._ended < len(self._sizes) else ""
            note = f" ({outcome.reason})" if outcome.reason else ""
            self.say(
                f"[{self._ended}/{len(self._sizes)}] {outcome.name}: {outcome.text}{note}{left}"
            )
        elif outcome.reason:
            self.say(f"{outcome.name}: {outcome.reason}")
        self._show()

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def milliseconds_a_frame(self) -> float:
        """From the start to now."""
        return 1e3 * (time.monotonic() - self._begun) / max(1, self.frames)

    def _show(self) -> None:
        if self._bar is None:
            return
        frames = self.frames + sum(frames for frames, _ in self._going.values())
        rate = frames / max(1e-3, time.monotonic() - self._begun)
        self._bar.update(
            self._task,
            completed=self._done(),
            files=f"{self._ended}/{self.count(len(self._sizes))}",
            note=f"{rate:.0f} frames/s  left {self._left()}{self._at_hand()}",
        )

    def _at_hand(self) -> str:
        """'  at hand: 120 frames (34%)', a part for each of the first files that are worked on."""
        parts = [
            f"{frames:,} frames" + (f" ({share:.0%})" if share else "")
            for frames, share in list(self._going.values())[:_SHOWN]
        ]
        more = ", ..." if len(self._going) > _SHOWN else ""
        return f"  at hand: {', '.join(parts)}{more}" if parts else ""

    def _done(self) -> float:
        going = self._going.items()
        return self._finished + sum(share * self._sizes[number] for number, (_, share) in going)

    def _left(self) -> str:
        done = self._done() / sum(self._sizes)
        if done <= 0:
            return "unknown"
        return duration((time.monotonic() - self._begun) * (1 - done) / done)


def duration(seconds: float) -> str:
    """75 -> '1:15', 4000 -> '1:06:40'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
