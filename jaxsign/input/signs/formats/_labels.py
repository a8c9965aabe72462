"""Labels beside clips: `labels.csv` with class numbers, and names where the folder has them.

Columns: file, gloss, cat as everywhere in jaxsign (class numbers), and optionally glosses (names in
order, joined by `|`), category (a name), signer, split. `labels.json` holds the names of all
classes in the form of a run folder's: {"heads": {"gloss": [...], "cat": [...]}}; without it a
`label_map.csv` or `labels_reference.csv` (gloss_id,label,cat_id,category) gives them.
"""

import abc
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from jaxsign import spreadsheet
from jaxsign.input import labels, segments, tables
from jaxsign.input.folders import finding
from jaxsign.input.signs import cuts
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files
from jaxsign.input.signs.formats._types import SPLITS, At, ClipWriter, Collection, Entry, of_files
from jaxsign.whole import write_json

FILE = "labels.csv"
NAMES = "labels.json"
_MAPS = ("label_map.csv", "labels_reference.csv")


@dataclasses.dataclass
class Labels:
    """What a folder says of its clips.

    Attributes:
        rows: an Entry without a path for every clip that is named.
        glosses, categories: the classes in order, () where they have no names.
        problems: what is wrong with single rows.
        parts: for clips that are parts of a file's: the whole one's name, and which part.
        refused: files that rows with problems name: unless another row does too, they are no clips.
    """

    rows: dict[str, Entry]
    glosses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    problems: list[str] = dataclasses.field(default_factory=list)
    parts: dict[str, tuple[str, segments.Segment]] = dataclasses.field(default_factory=dict)
    refused: set[str] = dataclasses.field(default_factory=set)


def read(folder: Path, suffixes: tuple[str, ...]) -> Labels:
    """The labels of a folder and of its `train`, `val` and `test`, none where there are no files.

    Args:
        folder: the collection.
        suffixes: endings that the column `file` may carry.

    Raises:
        UserError: a file that cannot be read or lacks a column.
    """
    named = _class_names(folder)
    found = Labels({}, named.get("gloss", ()), named.get("cat", ()))
    for part in ("", *SPLITS):
        path = folder / part / FILE
        if path.is_file():
            _read_file(path, part, suffixes, found)
    # Numbers without names are the classes themselves: all up to the highest, so that they stay.
    found.glosses = found.glosses or _counted(g for row in found.rows.values() for g in row.glosses)
    found.categories = found.categories or _counted(r.category for r in found.rows.values())
    return found


def _counted(names: Iterable[str]) -> tuple[str, ...]:
    """('0', '1', ...) up to the highest of `names` if all are whole numbers, else ()."""
    given = [name for name in names if name]
    if not given or not all(re.fullmatch(r"[0-9]{1,6}", name) for name in given):
        return ()
    return tuple(str(number) for number in range(max(map(int, given)) + 1))


def _read_file(path: Path, part: str, suffixes: tuple[str, ...], found: Labels) -> None:
    for row in tables.read_rows(path, ("file",)):
        stem = labels.stem_of(row.cells["file"], suffixes)
        whole = f"{part}/{stem}" if part else stem
        try:
            if not stem:
                raise ValueError("names no file")
            _add_row(whole, part, row.cells, found)
        except ValueError as error:
            found.problems.append(f"{path} line {row.number}: {error}")
            found.refused.add(whole)


def _add_row(whole: str, part: str, cells: Mapping[str, str], found: Labels) -> None:
    """Adds what a row says of a file, or of a part of it; raises ValueError where it is wrong."""
    segment = segments.of_cells(cells)
    name = whole + (segment.suffix if segment else "")
    split = cells.get("split", "") or part
    if name in found.rows:
        raise ValueError(f"{name!r} again")
    if split not in ("", *SPLITS):
        raise ValueError(f"split={split!r}, expected one of {', '.join(SPLITS)}")
    found.rows[name] = _entry(name, split, cells, found)
    if segment:
        found.parts[name] = (whole, segment)


def _entry(name: str, split: str, cells: Mapping[str, str], found: Labels) -> Entry:
    glosses = labels.split_names(cells.get("glosses", ""))
    if not glosses:
        gloss = _named(cells.get("gloss", ""), found.glosses, "gloss")
        glosses = (gloss,) if gloss else ()
    category = cells.get("category", "") or _named(cells.get("cat", ""), found.categories, "cat")
    return Entry(name, glosses, category, cells.get("signer", ""), split)


def _named(text: str, names: Sequence[str], column: str) -> str:
    """The class that a cell tells by number, or by name; "" for an empty cell."""
    if not text or text in names:
        return text
    number = labels.class_number(text)
    if number is None and (names or labels.is_number(text)):
        known = f"none of the {len(names)} known names" if names else "no class number (0, 1, ...)"
        raise ValueError(f"{column}={text!r} is {known}")
    if number is None:
        return text
    if number < 0:
        raise ValueError(f"{column}={text}, expected 0 or more")
    if names and number >= len(names):
        raise ValueError(f"{column}={number}, but there are {len(names)} names")
    return names[number] if names else str(number)


def _class_names(folder: Path) -> dict[str, tuple[str, ...]]:
    path = folder / NAMES
    if path.is_file():
        return labels.read_names(path)
    for name in _MAPS:
        if (folder / name).is_file():
            named = labels.label_map(str(folder / name), {})
            for names in named.values():
                labels.distinct(names, folder / name)
            return named
    return {}


def write(folder: Path, entries: Sequence[Entry], collection: Collection, suffix: str) -> None:
    """Writes `labels.csv` and `labels.json`; nothing for a collection without any label."""
    glosses, categories = collection.classes()
    if not any(e.glosses or e.category or e.signer or e.split for e in entries):
        return
    write_json(folder / NAMES, {"heads": {"gloss": glosses, "cat": categories}})
    numbers = [{name: i for i, name in enumerate(names)} for names in (glosses, categories)]
    rows = [
        [
            entry.name + suffix,
            numbers[0][entry.glosses[0]] if entry.glosses else "",
            numbers[1].get(entry.category, ""),
            labels.join_names(entry.glosses),
            entry.category,
            entry.signer,
            entry.split,
        ]
        for entry in entries
    ]
    header = ["file", "gloss", "cat", "glosses", "category", "signer", "split"]
    spreadsheet.write(folder / FILE, header, rows)


def joined(found: Labels, paths: Mapping[str, Path], folder: Path, suffix: str) -> list[Entry]:
    """An entry for every file and part of one, labelled where a row names it.

    Parts have no path. Rows without a file are problems; a file whose parts are named is no clip.
    """
    near = finding.NearNames(paths)
    cut = {whole for whole, _ in found.parts.values()} - set(found.rows)
    entries = [found.rows[name] for name, (whole, _) in found.parts.items() if whole in paths]
    for name in [n for n in found.rows if n not in found.parts] + sorted(cut):
        if name not in paths:
            found.problems.append(
                f"{folder / name}{suffix}: no such file, but {FILE} names it.{near.hint(name)}"
            )
    for name, path in paths.items():
        if name in cut or (name in found.refused and name not in found.rows):
            continue
        first = name.partition("/")[0]
        row = found.rows.get(name, Entry(name, split=first if first in SPLITS else ""))
        entries.append(dataclasses.replace(row, path=path))
    return entries


def open_files(
    path: Path,
    format: str,
    suffixes: tuple[str, ...],
    load: Callable[[Path], Clip],
    frames: Callable[[Path], int] | None = None,
) -> Collection:
    """A folder of one file a clip with labels beside them, or one such file.

    Args:
        path: the folder or file.
        format: its name.
        suffixes: the files' suffix, then others that the column `file` may carry.
        load, frames: see `of_files`.

    Raises:
        UserError: an unreadable labels file.
    """
    if path.is_file():
        return of_files(path, format, [Entry(stem_of(path, suffixes), path=path)], load, frames)
    found = read(path, suffixes)
    paths = _files.below(path, suffixes[0])
    entries = joined(found, paths, path, suffixes[0])
    made = of_files(
        path,
        format,
        entries,
        load,
        frames,
        problems=found.problems,
        glosses=found.glosses,
        categories=found.categories,
    )
    if not found.parts:
        return made
    parts = {name: (paths.get(whole), part) for name, (whole, part) in found.parts.items()}
    places = [parts.get(entry.name, (entry.path, None)) for entry in entries]
    return dataclasses.replace(
        made,
        reader=At(cuts.Reader(load), places),
        counter=At(cuts.Counter(load, frames), places),
        cut=True,
    )


def stem_of(path: Path, suffixes: tuple[str, ...]) -> str:
    """A file's name without a known suffix."""
    return labels.stem_of(path.name, suffixes)


class FolderWriter(ClipWriter):
    """Writes one file a clip and labels beside them: what such formats' writers share."""

    SUFFIX = ""

    def __init__(self, folder: Path, collection: Collection):
        super().__init__(folder, collection)
        self._written: list[Entry] = []

    @abc.abstractmethod
    def write(self, path: Path, clip: Clip) -> None:
        """Writes the file of one clip."""

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip."""
        self.write(self._folder / f"{entry.name}{self.SUFFIX}", clip)
        self._written.append(entry)

    def finish(self) -> None:
        """Writes the labels."""
        write(self._folder, self._written, self._collection, self.SUFFIX)
