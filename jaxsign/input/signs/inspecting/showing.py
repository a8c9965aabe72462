"""The inspection as a person reads it."""

import collections
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from jaxsign import screen
from jaxsign.input.signs.inspecting import arrays
from jaxsign.screen import Console

Facts = Mapping[str, Any]
_SHADES = "·░▒▓█"
_BARS = " ▁▂▃▄▅▆▇█"
_LONGEST_LIST = 12


def clip(facts: Facts, console: Console) -> None:
    """One clip: what it is, what it shows when, what is odd."""
    size = facts["frame_size"]
    about = {
        "format": facts["format"],
        "landmarks": f"{facts['shape']} {'x, y, z' if facts['depth'] else 'x, y (no depth)'}",
        "length": f"{_frames(facts['frames'])}, {facts['duration_s']:.2f} s, {_rate(facts['fps'])}",
        "frame size": f"{size[0]} x {size[1]}" if size else "unknown",
        "gloss": " ".join(facts["glosses"]),
        "category": facts["category"],
        "signer": facts["signer"],
        "split": facts["split"],
    }
    heading(facts["file"] or facts["name"], about, console)
    rows = table("part", "seen", "longest gap", "when")
    for part, row in facts["presence"].items():
        gap = f"{_frames(row['longest_gap_frames'])}, {row['longest_gap_s']:.2f} s"
        rows.add_row(
            part.replace("_", " "),
            f"{row['share']:.0%}",
            gap if row["gaps"] else "none",
            "".join(_SHADES[round(share * (len(_SHADES) - 1))] for share in row["timeline"]),
        )
    console.print(rows)
    _list(facts["warnings"], "warnings", console)


def collection(facts: Facts, console: Console, *, every: bool = False) -> None:
    """A collection: counts, classes (the commonest or `every` one), lengths, presence, problems."""
    read = "" if facts["read"] == facts["clips"] else f" ({facts['read']} of them read)"
    about = {
        "format": facts["format"],
        "clips": f"{facts['clips']:,}{read}",
        "unreadable": str(facts["unreadable"] or ""),
        "unlabelled": str(facts["unlabelled"] or ""),
        "sentences": str(facts["sentences"] or ""),
        "splits": _counts(facts["splits"]),
        "signers": _signers(facts["signers"]),
        "categories": _counts(facts["categories"]),
        "frames/s": _counts(facts["fps"], " in "),
        "frames": _lengths(facts["lengths"], ".0f", ""),
        "seconds": _lengths(facts["durations_s"], ".2f", " s"),
    }
    heading(facts["path"], about, console)
    longest = None if every else _LONGEST_LIST
    _classes(facts["glosses"], facts["absent_glosses"], console, longest)
    if facts["presence"]:
        rows = table("part", "seen", "clips without it", "longest gap", "usual one")
        for part, row in facts["presence"].items():
            rows.add_row(
                part.replace("_", " "),
                f"{row['share']:.0%}",
                str(row["clips_without"] or ""),
                _frames(row["longest_gap_frames"]),
                f"{row['median_longest_gap_frames']:.0f}",
            )
        console.print(rows)
    _list(facts["problems"], "problems", console)
    _list(_grouped(facts["warnings"]), "warnings", console)


def unknown(facts: Facts, read: int, console: Console) -> None:
    """What a folder of no known format holds, and what the formats look like that are near it."""
    held = facts["holds"][:_LONGEST_LIST]
    more = "" if read == facts["array_files"] else f", {read} of them shown (all: --all)"
    about = {
        "format": "no known one of landmarks",
        "arrays": f"in {facts['array_files']:,} files{more}",
        **{"holds" if not i else " " * i: text for i, text in enumerate(held)},
    }
    heading(facts["path"], about, console)
    if facts["nearest"]:
        heading("Formats with such files look like this:", facts["nearest"], console)


def files(path: str, found: Mapping[str, Sequence[arrays.Found]], console: Console) -> None:
    """The arrays of a file."""
    for name, rows in found.items():
        console.print(Text(name or path, "bold"))
        drawn = table("array", "shape", "type", "what it is", "values", left=(0, 2, 3, 4))
        for row in rows:
            drawn.add_row(
                row.name or "-", str(list(row.shape)), row.dtype, row.text, _values(row.numbers)
            )
        console.print(drawn)
        _list(arrays.warnings(list(rows)), "warnings", console)


def _values(numbers: Mapping[str, float]) -> str:
    if not numbers:
        return ""
    if "mean" not in numbers:
        return "no finite number"
    text = f"{numbers['min']:.3g} to {numbers['max']:.3g}, mean {numbers['mean']:.3g}"
    return f"{text}, {numbers['zeros']:.0%} zeros"


def heading(title: str, about: Mapping[str, str], console: Console) -> None:
    """A title, and under it what is known by name; what is empty is left out."""
    console.print(Text(title, "bold"))
    width = max(len(name) for name in about)
    for name, value in about.items():
        if value:
            line = Text(f"  {name:<{width}}  ", "dim").append(value, "not dim")
            console.print(line, soft_wrap=True)


def table(*columns: str, left: Sequence[int] = (0,)) -> Table:
    """An empty table; columns of which the numbers are in `left` stand to the left."""
    found = screen.table()
    for i, name in enumerate(columns):
        is_last = i == len(columns) - 1
        is_left = i in left or (is_last and name.startswith("when"))
        found.add_column(name, justify="left" if is_left else "right", overflow="fold")
    return found


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"


def _rate(fps: float | None) -> str:
    return f"{fps:.4g} frames/s" if fps else "frame rate unknown"


def _counts(counts: Mapping[str, int], between: str = " ") -> str:
    """Names with their numbers of clips; `between` keeps names that are numbers apart from them."""
    if len(counts) == 1:
        return next(iter(counts))
    rows = [f"{name}{between}{count:,}" for name, count in list(counts.items())[:_LONGEST_LIST]]
    more = len(counts) - len(rows)
    return ", ".join(rows) + (f" and {more} more" if more > 0 else "")


def _signers(counts: Mapping[str, int]) -> str:
    return f"{len(counts)}: {_counts(counts, ' in ')}" if len(counts) > 1 else _counts(counts)


def _lengths(values: Facts, form: str, unit: str) -> str:
    if not values:
        return ""
    low, q1, mid, q3, high = (format(values[k], form) for k in ("min", "q1", "median", "q3", "max"))
    total = format(values["total"], ",.0f")
    if low == high:
        return f"all {mid}{unit}; {total}{unit} in all"
    counts = values["histogram"]["counts"]
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // max(counts))] for count in counts)
    return f"{low} {bars} {high}{unit}, median {mid} ({q1} to {q3}); {total}{unit} in all"


def _classes(
    glosses: Mapping[str, int], absent: Sequence[str], console: Console, longest: int | None
) -> None:
    """The commonest classes with bars, and how the rest spreads; all of them for None."""
    if not glosses:
        return
    rows = list(glosses.items())
    drawn = table("gloss", "clips", "when", left=(0, 2))
    drawn.columns[2].header = ""
    most = rows[0][1]
    for name, count in rows[:longest]:
        drawn.add_row(name, f"{count:,}", "█" * max(1, round(24 * count / most)))
    console.print(drawn)
    if longest is not None and len(rows) > longest:
        rest = f"{len(rows)} classes, the rarest {rows[-1][0]!r} with {rows[-1][1]:,} (all: --all)"
        console.print(f"  {rest}", markup=False, soft_wrap=True)
    if absent:
        names = ", ".join(absent[:longest]) + " ..." * (len(absent[:longest]) < len(absent))
        console.print(f"  without a clip: {len(absent)} ({names})", markup=False, soft_wrap=True)


def _grouped(warnings: Sequence[Mapping[str, str]]) -> list[str]:
    """One line for all clips with the same warning but for its numbers, the commonest first."""
    groups: dict[str, list[Mapping[str, str]]] = collections.defaultdict(list)
    for warning in warnings:
        groups[re.sub(r"\d[\d.]*", "0", warning["text"])].append(warning)
    lines = []
    for group in sorted(groups.values(), key=len, reverse=True):
        first = group[0]
        more = f", and alike in {len(group) - 1} more" if len(group) > 1 else ""
        lines.append(f"{first['clip']}: {first['text']}{more}")
    return lines


def _list(texts: Sequence[str], title: str, console: Console) -> None:
    if not texts:
        return
    console.print(Text(f"{title} ({len(texts)})", "bold yellow"))
    for text in texts[:_LONGEST_LIST]:
        console.print(Text(f"  - {text}"), soft_wrap=True)
    if len(texts) > _LONGEST_LIST:
        console.print(f"  ... and {len(texts) - _LONGEST_LIST} more (all: --json)")
