"""A part of a Google ISLR folder as another one: the parquet files themselves, csv rows, a map."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jaxsign import spreadsheet
from jaxsign.errors import UserError, listing
from jaxsign.input import tables
from jaxsign.input.signs.formats import SPLITS, Collection, google_islr
from jaxsign.input.signs.preparing import linking, naming
from jaxsign.whole import drafts, json_text, write_text

_PARTS = ("", *SPLITS)


@dataclasses.dataclass
class GooglePlan:
    """What is to be written into a folder.

    Attributes:
        out: the folder.
        files: new file -> the one that it is to be.
        tables: split ("" = none) -> (header, rows) of its train.csv.
        signs: the index map.
    """

    out: Path
    files: dict[Path, Path]
    tables: dict[str, tuple[list[str], list[list[str]]]]
    signs: dict[str, int]

    @property
    def lists(self) -> dict[Path, str]:
        """The files besides the clips in the order of writing, and their texts."""
        parts = {split: self.out / split for split in self.tables}
        maps = {part / google_islr.INDEX: json_text(self.signs) for part in parts.values()}
        return maps | {
            part / google_islr.TABLE: spreadsheet.text(*self.tables[split])
            for split, part in parts.items()
        }


def plan(source: Path, collection: Collection, out: Path) -> GooglePlan:
    """Where each clip of a collection goes: `train_landmark_files/` of its split's folder.

    Args:
        source: the folder that the collection was opened from.
        collection: entries with plain, unique names.
        out: the new folder.
    """
    known = _rows(source)
    made = GooglePlan(out, {}, {}, {sign: i for i, sign in enumerate(collection.classes()[0])})
    # The columns of several tables need not be the same.
    header = list(dict.fromkeys(name for cells in known.values() for name in cells))
    for entry in collection.entries:
        assert entry.path is not None
        path = f"{google_islr.FILES}/{naming.bare_name(entry)}{google_islr.SUFFIX}"
        made.files[out / entry.split / path] = entry.path
        cells = {**known[entry.path], "path": path}
        rows = made.tables.setdefault(entry.split, (header, []))[1]
        rows.append([cells.get(name, "") for name in header])
    return made


def _rows(source: Path) -> dict[Path, dict[str, str]]:
    """Clip file -> its row of train.csv, with all columns."""
    found: dict[Path, dict[str, str]] = {}
    for part in _PARTS:
        table = source / part / google_islr.TABLE
        if table.is_file():
            for row in tables.read_rows(table, google_islr.COLUMNS):
                found.setdefault(source / part / row.cells["path"], row.cells)
    return found


def check(made: GooglePlan, overwrite: bool) -> None:
    """Nothing in the folder may be lost, or stay and be read with what is written.

    Raises:
        UserError: says which files are in the way.
    """
    # What an interrupted command leaves, which goes on there: clip files, and some of the lists.
    own = {made.out / part / name for part in _PARTS for name in (google_islr.FILES, *SPLITS)}
    own |= {path for path, text in made.lists.items() if _holds(path, text)}
    own.update(draft for path in made.lists for draft in drafts(path))
    found = [p for part in _PARTS for p in (made.out / part).glob("*") if p not in own]
    if found and not overwrite:
        same = [path for path in made.lists if path.exists()]
        touched = f"replaces:\n{listing(map(str, same))}" if same else "replaces none of its files"
        raise UserError(
            f"{made.out}: is not empty (it holds {found[0].name}). Choose another --out. With "
            f"--overwrite this command {touched}\n"
            "It deletes nothing, and keeps clip files that are there already."
        )
    tables = [made.out / part / google_islr.TABLE for part in _PARTS]
    stale = [path for path in tables if path.exists() and path not in made.lists]
    if stale:
        raise UserError(
            f"{made.out}: these lists of clips would stay, and be read with the new ones:\n"
            f"{listing(map(str, stale))}\nMove them away, or choose another --out."
        )
    if overwrite:
        return
    other = [p for p, origin in made.files.items() if p.exists() and not linking.same(p, origin)]
    if other:
        raise UserError(
            f"{made.out}: {len(other)} clip files are there with other content:\n"
            f"{listing(map(str, other))}\n--overwrite replaces them."
        )


def write(
    made: GooglePlan, *, copy: bool = False, on_clip: Callable[[str], None] | None = None
) -> linking.LinkCounts:
    """Writes clips, then index maps, then the lists: a folder with lists is a whole one.

    Args:
        made: what to write.
        copy: copy files instead of linking them.
        on_clip: called with the name of every file that is there.

    Returns:
        How many files were linked, copied, and there already.
    """
    counts = linking.LinkCounts()
    for new, origin in made.files.items():
        linking.place(origin, new, counts, copy=copy)
        if on_clip:
            on_clip(new.name)
    for path, text in made.lists.items():
        write_text(path, text)
    return counts


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
