"""What a person sees of an extraction: a bar with the time left, failures, the sum at the end."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from jaxsign.input.signs.extract import report
from jaxsign.input.signs.extract.work import Job


class Display:
    """A bar on a terminal, one plain line a video elsewhere.

    The time left is judged by the bytes of the videos, since their frames are not known before.
    """

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False)
        self._bar: Progress | None = None

    def start(self, jobs: Sequence[Job], ready: int) -> None:
        """Opens the bar for `jobs`; `ready` videos have their clips already."""
        if ready:
            self.say(f"{_videos(ready)} extracted already; {_videos(len(jobs))} to do")
        self._jobs, self._begun = jobs, time.monotonic()
        self._all = sum(_weight(job) for job in jobs)
        self._finished = self._frames = self._ended = 0
        self._going: dict[int, tuple[int, float]] = {}
        if not self.console.is_terminal:
            return
        columns = (
            TextColumn("{task.fields[videos]}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Progress(*columns, console=self.console, transient=True)
        self._task: Any = self._bar.add_task("", total=self._all, videos="", note="starting")
        self._bar.start()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, markup=False, soft_wrap=True)

    def advance(self, number: int, frames: int, share: float) -> None:
        """Job `number` has found `frames` frames' landmarks, `share` of its video is done."""
        self._going[number] = (frames, share)
        self._show()

    def finish(self, number: int, row: report.Row) -> None:
        """Job `number` came to its end."""
        self._going.pop(number, None)
        self._finished += _weight(self._jobs[number])
        self._ended += 1
        self._frames += row.frames
        if row.status == report.FAILED:
            self.say(f"failed: {row.reason}")
        elif not self.console.is_terminal:
            left = f"; left {self._left()}" if self._ended < len(self._jobs) else ""
            self.say(f"[{self._ended}/{len(self._jobs)}] {row.video}: {_found(row)}{left}")
        elif row.reason:
            self.say(f"{row.video}: {row.reason}")
        self._show()

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        if self._bar is None:
            return
        frames = self._frames + sum(frames for frames, _ in self._going.values())
        rate = frames / max(1e-3, time.monotonic() - self._begun)
        self._bar.update(
            self._task,
            completed=self._done(),
            videos=f"{self._ended}/{len(self._jobs)} videos",
            note=f"{rate:.0f} frames/s  left {self._left()}",
        )

    def _done(self) -> float:
        return self._finished + sum(
            share * _weight(self._jobs[number]) for number, (_, share) in self._going.items()
        )

    def _left(self) -> str:
        done = self._done() / self._all
        if done <= 0:
            return "unknown"
        return _duration((time.monotonic() - self._begun) * (1 - done) / done)


def _weight(job: Job) -> int:
    return max(1, job.video.bytes)


def _videos(count: int) -> str:
    return f"{count} video{'' if count == 1 else 's'}"


def _found(row: report.Row) -> str:
    parts = ", ".join(
        f"{name.replace('_', ' ')} {getattr(row, name) / max(1, row.frames):.0%}"
        for name in report.PARTS
    )
    note = f" ({row.reason})" if row.reason else ""
    frames = f"{row.frames} frame{'' if row.frames == 1 else 's'}"
    return f"{frames} in {row.took:.1f} s: {parts}{note}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def summarise(console: Console, rows: Sequence[report.Row], made: int, out: Path) -> None:
    """Prints how many frames have each part, over all clips of the folder, and what failed."""
    clips = [row for row in rows if row.status == report.DONE]
    failed = [row for row in rows if row.status == report.FAILED]
    frames = sum(row.frames for row in clips)
    if clips:
        table = Table(box=box.SIMPLE_HEAD, title=f"{out}: {frames} frames", title_justify="left")
        for name, style in (("found", "left"), ("frames", "right"), ("share", "right")):
            table.add_column(name, justify=style)  # type: ignore[arg-type]
        table.add_column("clips without it", justify="right")
        for name in report.PARTS:
            count = sum(getattr(row, name) for row in clips)
            without = sum(getattr(row, name) == 0 for row in clips)
            cells = name.replace("_", " "), str(count), f"{count / frames:.1%}", str(without)
            table.add_row(*cells)
        console.print(table)
    clip_count = f"{len(clips)} clip{'' if len(clips) == 1 else 's'}"
    text = f"{clip_count}, {made} of them new; {_videos(len(failed))} failed"
    console.print(f"{text}. Report: {out / report.REPORT}", soft_wrap=True)
