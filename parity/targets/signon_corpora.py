"""SignON's corpora: which glosses are taken, how they are spelt, and which split they go to."""

from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.input import tables
from jaxsign.input.signs.corpora import cleaning, presets, rows, sharing
from parity.targets import FileCheck


def participant_split(path: Path) -> FileCheck:
    """`split_*_out.csv`: the rows of `split_*_in.csv` that are kept, in their order, by subset."""
    corpus = path.name.split("_")[1]
    given = path.with_name(path.name.replace("_out", "_in"))
    made = sharing.split(rows.read(given), presets.find(corpus), given)
    wanted = tables.read_rows(path, ("Id", "Gloss", "subset"))
    listed = tables.read_rows(path.with_name(f"split_{corpus}_glosses.csv"), ("Gloss", "Count"))
    return FileCheck(
        {
            "rows": [[row.cells[name] for name in ("Id", "Gloss", "subset")] for row in wanted],
            "glosses": [[row.cells["Gloss"], int(row.cells["Count"])] for row in listed],
        },
        {
            "rows": [[row.id, row.gloss, row.subset] for row in made],
            "glosses": [list(pair) for pair in cleaning.counts(row.gloss for row in made)],
        },
    )


def gloss_rules(path: Path) -> FileCheck:
    """`gloss_rules.json`: each gloss cleaned, and whether it is kept.

    The original keeps glosses of which nothing is left; they are no signs, and are dropped here.
    """
    stored: dict[str, Any] = reading.read_json(path)
    wanted: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for corpus in ("vgt", "ngt"):
        table = presets.find(corpus)
        for one in stored[corpus]:
            name, clean = f"{corpus} {one['input']!r}", cleaning.clean(one["input"], table)
            spelt = one.get("normalized", one["input"])
            wanted[name] = [spelt, one["kept"] and bool(spelt)]
            found[name] = [clean, cleaning.kept(clean, table)]
    return FileCheck(wanted, found)
