"""A part of a folder of clip files as another one: the files themselves with new labels.csv."""

from collections.abc import Callable
from pathlib import Path

from jaxsign import spreadsheet
from jaxsign.input import labels, tables
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import SPLITS, Collection, _labels
from jaxsign.input.signs.preparing import linking, naming


def write(
    source: Path,
    collection: Collection,
    out: Path,
    *,
    copy: bool = False,
    on_clip: Callable[[str], None] | None = None,
) -> linking.LinkCounts:
    """Writes folders of the same clip files with new labels; other columns of the labels stay.

    Args:
        source: the folder that the collection was opened from.
        collection: of a format of one file a clip; entries with plain, unique names.
        out: a new folder.
        copy: copy files instead of linking them.
        on_clip: called with the name of every clip that is there.

    Returns:
        How many files were linked and copied, without FSLR's parquet files beside them.
    """
    counts, suffix = linking.LinkCounts(), formats.get(collection.format).suffix
    more = _more_columns(source, suffix)
    for split, part in naming.parts(collection):
        folder = out / split
        for entry in part.entries:
            assert entry.path is not None
            linking.place(entry.path, folder / f"{entry.name}{suffix}", counts, copy=copy)
            beside = entry.path.with_suffix(".parquet")
            if collection.format == "fslr" and beside.is_file():
                new = folder / f"{entry.name}.parquet"
                linking.place(beside, new, linking.LinkCounts(), copy=copy)
            if on_clip:
                on_clip(entry.name)
        _labels.write(folder, part.entries, part, suffix)
        _add_columns(folder / _labels.FILE, [more.get(e.path, {}) for e in part.entries])
    return counts


def _more_columns(source: Path, suffix: str) -> dict[Path | None, dict[str, str]]:
    """Clip file -> cells of its row in a labels.csv."""
    found: dict[Path | None, dict[str, str]] = {}
    for part in ("", *SPLITS):
        table = source / part / _labels.FILE
        if table.is_file():
            for row in tables.read_rows(table, ("file",)):
                stem = labels.stem_of(row.cells["file"], (suffix, ".npz", ".parquet"))
                found.setdefault(source / part / f"{stem}{suffix}", row.cells)
    return found


def _add_columns(table: Path, cells: list[dict[str, str]]) -> None:
    """Adds what the new table does not have, in the order of its rows."""
    rows = tables.read_rows(table, ("file",)) if table.is_file() else []
    known = list(rows[0].cells) if rows else []
    new = [name for name in dict.fromkeys(n for row in cells for n in row) if name not in known]
    if rows and new:
        lines = [
            [*row.cells.values(), *(more.get(name, "") for name in new)]
            for row, more in zip(rows, cells, strict=True)
        ]
        spreadsheet.write(table, [*known, *new], lines)
