"""What a person sees of a prepared data set."""

import collections
from collections.abc import Sequence

from rich.table import Table

from jaxsign import screen
from jaxsign.input.signs.formats import SPLITS, Collection
from jaxsign.input.signs.joint_checks import JointReport
from jaxsign.input.signs.preparing import choosing, everyday
from jaxsign.input.signs.preparing.placing import Placed
from jaxsign.input.signs.preparing.preparation import Prepared
from jaxsign.screen import Console

_LONGEST_LIST = 12
_MOST_ROWS = 60


def chosen(collection: Collection, wished: int, console: Console) -> None:
    """The classes of a chosen collection with their clips.

    Args:
        collection: what was chosen.
        wished: how many signs were asked for, 0 if they were named.
        console: where to print.
    """
    counts = choosing.clips_of_signs(collection)
    table = _table("class", "sign", "clips", left=(1,))
    for number, (sign, count) in list(enumerate(counts.items()))[:_MOST_ROWS]:
        table.add_row(str(number), sign, f"{count:,}")
    console.print(table)
    if len(counts) > _MOST_ROWS:
        _line(console, f"  ... and {len(counts) - _MOST_ROWS} more")
    if wished > len(counts):
        _line(console, f"note: only {len(counts)} signs have clips; {wished} were asked for")
    others = [sign for sign in counts if choosing.plain(sign) not in everyday.WORDS]
    if wished and others:
        what = f"{len(others)} of them are no everyday words but the most frequent others"
        _line(console, f"note: {what}: {_some(others)}")


def split(collection: Collection, notes: Sequence[str], console: Console) -> None:
    """Clips, signs and signers of each split, and what is odd."""
    table = _table("split", "clips", "share", "signs", "clips a sign", "signers")
    for name in SPLITS:
        entries = [entry for entry in collection.entries if entry.split == name]
        if not entries:
            continue
        signs = collections.Counter(sign for entry in entries for sign in entry.glosses)
        least, most = min(signs.values(), default=0), max(signs.values(), default=0)
        signers = {entry.signer for entry in entries if entry.signer}
        table.add_row(
            name,
            f"{len(entries):,}",
            f"{len(entries) / len(collection):.1%}",
            str(len(signs)),
            f"{least:,} to {most:,}" if least < most else f"{least:,}",
            str(len(signers) or "unknown"),
        )
    console.print(table)
    for name in SPLITS:
        known = dict.fromkeys(e.signer for e in collection.entries if e.split == name and e.signer)
        if known:
            _line(console, f"signers of {name}: {_some(list(known), 30)}")
    for text in notes:
        console.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)


def prepared(result: Prepared, statistics: Sequence[Sequence[str]], console: Console) -> None:
    """A WhisperSign folder: its splits, its vocabulary, and what is odd or not there."""
    table = _table("split", "samples", "first shape", "least", "most", "mean", "median", "frames")
    for row in statistics:
        table.add_row(*row)
    console.print(table)
    report = result.report
    count = len(report.names)
    _line(
        console,
        f"{result.out}: {result.clips:,} clips at {report.fps:g} frames a second; {count} "
        f"gloss{'' if count == 1 else 'es'} and the blank",
    )
    for text in result.losses:
        _line(console, f"note: {text}")
    for text in (*result.notes, *_odd(report)):
        console.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)
    _left_out(result.skipped, console)


def _odd(report: JointReport) -> list[str]:
    """One line a file for the first few with issues or warnings."""
    told = {**report.warnings, **report.issues}
    lines = [f"{path}: {'; '.join(texts)}" for path, texts in told.items()]
    more = len(lines) - _LONGEST_LIST
    return lines[:_LONGEST_LIST] + ([f"and {more} more samples: jaxsign validate"] * (more > 0))


def placed(result: Placed, console: Console) -> None:
    """Where the clips are now, and what is not there."""
    files = result.files.text()
    how = f" (clip files: {files})" if files else ""
    _line(console, f"{result.out}: {result.clips:,} clips in format {result.format}{how}")
    for loss in result.losses:
        _line(console, f"note: {loss}")
    _left_out(result.skipped, console)


def _left_out(skipped: Sequence[str], console: Console) -> None:
    if not skipped:
        return
    console.print(f"{len(skipped)} left out:", style="yellow", markup=False)
    for text in skipped[:_LONGEST_LIST]:
        _line(console, f"  - {text}")
    if len(skipped) > _LONGEST_LIST:
        _line(console, f"  ... and {len(skipped) - _LONGEST_LIST} more")


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _table(*columns: str, left: Sequence[int] = (0,)) -> Table:
    table = screen.table()
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i in left else "right", overflow="fold")
    return table


def _some(words: Sequence[str], limit: int = _LONGEST_LIST) -> str:
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more
