"""Videos and a table of their labels -> clips, by the extraction of this project."""

import collections
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.folders import finding
from jaxsign.input.signs import cuts
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import videos
from jaxsign.input.signs.formats import Collection, Entry, in_order
from jaxsign.input.signs.formats import clips as clip_files
from jaxsign.input.signs.preparing.label_table import LabelledFile, LabelTable

TABLES = ("label.csv", "labels.csv", "metadata.csv")
FOLDER = "videos"


def table_of(folder: Path) -> Path:
    """The table of a folder in Kaggle's layout.

    Raises:
      UserError: it has none.
    """
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    raise UserError(
        f"{folder}: has no {', '.join(TABLES)}. Give the table: --labels CSV with the columns "
        "VIDEO and LABEL"
    )


def located(table: LabelTable, folder: Path, out: Path) -> tuple[dict[str, str], list[str]]:
    """Where the videos of a table lie, and which are not there.

    Args:
      table: names videos with or without ending, in `folder`/videos or `folder`.
      folder: of the videos.
      out: folder of the clips, which is not searched.

    Returns:
      (names below the folder by the table's names, problems).

    Raises:
      UserError: no videos at all.
    """
    listed = {tables.nfc(found.name): found.name for found in videos.find(folder, out)}
    bare: dict[str, list[str]] = {}
    for name in sorted(listed):
        bare.setdefault(videos.stem(name), []).append(name)
    table.check_header({*listed, *bare})
    near = finding.NearNames(bare)
    found, problems = {}, []
    for row in table.rows:
        places = [f"{FOLDER}/{row.file}", row.file]
        names = [name for name in places if name in listed]
        names = names or [name for place in places for name in bare.get(place, ())]
        if len(names) == 1 or names[:1] == places[:1]:
            found[row.file] = listed[names[0]]
        elif row.file:
            absent = _absent(row.file, folder, names)
            hint = near.hint(row.file.rpartition(".")[0] or row.file)
            problems.append(f"{table.path} line {row.line}: {absent}.{hint}")
    return found, problems


def _absent(name: str, folder: Path, names: list[str]) -> str:
    if names:
        return f"{name!r} may be {' or '.join(names)}; give it with its ending"
    for place in (folder / FOLDER / name, folder / name):
        if place.is_file():
            endings = " ".join(sorted(videos.SUFFIXES))
            return f"{place} does not end as videos do ({endings})"
    return f"no video {name!r} in {folder / FOLDER} or {folder}"


def collection(
    table: LabelTable, read: Mapping[str, Callable[[], Clip | Any]], missing: str = "no such video"
) -> Collection:
    """The clips of a table's rows, in its order; glosses sorted, whole numbers by value.

    Args:
      table: the labels.
      read: gives the clip of a row by its file's name; rows without one fail when they are read.
      missing: what is said of these.
    """
    entries = [Entry(row.name, row.glosses, "", row.signer, row.split) for row in table.rows]
    glosses = in_order((), [gloss for row in table.rows for gloss in row.glosses])
    reader = _Rows(table.rows, dict(read), missing)
    made = _distinct(entries, table)
    return Collection(
        str(table.path), "videos", made, reader, glosses=glosses, counter=reader.frames
    )


def _distinct(entries: list[Entry], table: LabelTable) -> list[Entry]:
    """Names with their endings where two videos differ in these alone."""
    times = collections.Counter(entry.name for entry in entries)
    return [
        dataclasses.replace(entry, name=row.file + row.suffix) if times[entry.name] > 1 else entry
        for entry, row in zip(entries, table.rows, strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class _Rows:
    rows: list[LabelledFile]
    read: Mapping[str, Callable[[], Clip]]
    missing: str

    def __call__(self, index: int) -> Clip:
        return cuts.cut(self._clip(index)(), self.rows[index].segment)

    def frames(self, index: int) -> int:
        """Frames of a clip, from its file's header where it has one."""
        clip, whole = self._clip(index), self.rows[index].segment is None
        return clip.frames() if whole and isinstance(clip, Extracted) else len(self(index))

    def _clip(self, index: int) -> Callable[[], Clip]:
        name = self.rows[index].file
        if name not in self.read:
            raise UserError(f"{name}: {self.missing}")
        return self.read[name]


@dataclasses.dataclass(frozen=True)
class Extracted:
    """The clip of a video, or why there is none."""

    path: Path
    reason: str = ""

    def __call__(self) -> Clip:
        """Reads the clip; raises UserError where there is none."""
        return clip_files.load(self._file())

    def frames(self) -> int:
        """Its length, from the file's header; raises as reading does."""
        return clip_files.frames(self._file())

    def _file(self) -> Path:
        if self.reason:
            raise UserError(self.reason)
        return self.path
