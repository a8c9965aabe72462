"""Writes the tables in README.md and docs/ that are made from the files of results.

    python -m benchmarks.table

A table of speed stands between two lines, `<!-- speed FILE: ROWS -->` and `<!-- end of speed -->`:
FILE is one of benchmarks/results, ROWS a regular expression that is found in the names of its rows.
One of trainings stands between `<!-- trainings FILE: COLUMN, COLUMN -->` and
`<!-- end of trainings -->`: its columns against what was trained on, the fewer of both on top.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import results, trainings
from benchmarks.report import seconds
from benchmarks.results import Measured, Results
from benchmarks.rows import Row
from jaxsign.errors import UserError

_PART = re.compile(
    r"(^<!-- (speed|trainings) (\S+): ([^\n]+) -->\n).*?(^<!-- end of \2 -->)",
    re.DOTALL | re.MULTILINE,
)
_HEAD = ("what", "jaxsign", "", "ratio", "of peak", "compile", "note")


def pages(root: Path) -> Iterator[Path]:
    """Where such tables may stand."""
    yield root / "README.md"
    yield from sorted((root / "docs").glob("*.md"))


def renewed(text: str, folder: Path) -> str:
    """A page with its tables as the results of a folder are now.

    Raises:
      UserError: no row has such a name.
    """

    def part(found: re.Match[str]) -> str:
        begin, kind, name, asked, end = found.groups()
        if kind == "speed":
            made = table(results.read(folder / name), asked)
        else:
            made = trained(trainings.read(folder / name), asked.split(", "))
        return f"{begin}\n{made}\n{end}"

    return _PART.sub(part, text)


def table(found: Results, pattern: str) -> str:
    """The rows whose names have a pattern, and a line on the machine."""
    chosen = [
        (one, row)
        for one in found.measures.values()
        for row in one.rows
        if re.search(pattern, row.name)
    ]
    if not chosen:
        raise UserError(f"{pattern}: found in no name of a row of the results")
    others = {row.other for _, row in chosen if row.other}
    named = len(others) > 1
    cells = [_cells(one, row, named) for one, row in chosen]
    head = [word or ("beside" if named else "".join(others)) for word in _HEAD]
    shown = [i for i in range(len(head)) if any(line[i] for line in cells)]
    lines = [[line[i] for i in shown] for line in [head, ["---"] * len(head), *cells]]
    return f"{_spelt(lines)}\n\n{_machine(found, [one for one, _ in chosen])}\n"


def trained(found: Mapping[trainings.Cell, trainings.Found], columns: Sequence[str]) -> str:
    """Mean and spread over seeds of what was trained as `columns` say; the fewer names on top.

    Raises:
      UserError: nothing was.
    """
    rows = trainings.rows(found)
    for column in columns:
        if not any(cell.column == column for cell in found):
            raise UserError(f"{column}: no training is of this column")
    cells = [[trainings.spelt(trainings.of(found, row, one)) for row in rows] for one in columns]
    heads, names = rows, [f"`{column}`" for column in columns]
    if len(rows) > len(columns):
        heads, names = names, [f"`{row}`" for row in rows]
        cells = [list(line) for line in zip(*cells, strict=True)]
    lines = [["", *heads], ["---"] * (1 + len(heads))]
    lines += [[name, *line] for name, line in zip(names, cells, strict=True)]
    return f"{_spelt(lines)}\n"


def _spelt(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(measured: Measured, row: Row, named: bool) -> list[str]:
    other = seconds(row.sides[row.other].median) if row.other else ""
    return [
        row.name,
        seconds(row.ours.median),
        f"{row.other} {other}" if named and other else other,
        f"{row.ratio:.2f}" if row.ratio else "",
        f"{row.speed / measured.peak:.0%}" if row.flops else "",
        # What compiles takes longer; a first run may be slower for other reasons.
        f"{row.ours.compiling:.1f} s" if row.ours.compiling > 0.3 else "",
        row.note,
    ]


def _machine(found: Results, chosen: Sequence[Measured]) -> str:
    about, dates = found.machine, sorted(one.date for one in chosen)
    peaks = sorted(one.peak / 1e9 for one in chosen)
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return (
        f"{about['devices']}; float32, jax {about['packages']['jax']}, "
        f"torch {about['packages']['torch']}, {when}. Medians; ratio: how many times as fast as "
        f"the other; of peak: of {peaks[len(peaks) // 2]:.0f} GFLOP/s, a square matrix product's; "
        "compile: how much longer the first run took."
    )


def main() -> None:
    """Renews the pages of the folder it is called in, and says which."""
    root, told = Path(), 0
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        told += len(_PART.findall(text))
        try:
            new = renewed(text, root / results.FOLDER)
        except (UserError, OSError) as error:
            raise SystemExit(f"error: {page}: {error}") from error
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(f"renewed: {page}")
    print(f"{told} tables between marks" if told else "no page has a table between marks")


if __name__ == "__main__":
    main()
