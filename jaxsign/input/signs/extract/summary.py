"""The sum of an extraction, as a person sees it."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from jaxsign.input.signs.extract import report
from jaxsign.screen import Console


def summarise(console: Console, rows: Sequence[report.ExtractionRow], made: int, out: Path) -> None:
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
            found = [row.parts()[name] for row in clips]
            count, without = sum(found), found.count(0)
            cells = name.replace("_", " "), str(count), f"{count / frames:.1%}", str(without)
            table.add_row(*cells)
        console.print(table)
    clip_count = f"{len(clips)} clip{'' if len(clips) == 1 else 's'}"
    lost = f"{len(failed)} video{'' if len(failed) == 1 else 's'} failed"
    console.print(
        f"{clip_count}, {made} of them new; {lost}. Report: {out / report.REPORT}", soft_wrap=True
    )
