"""SignON's isolated signs: samples.csv and one array [L, 75, 3] of MediaPipe points a clip.

`samples.csv` has exactly Id,Label,Participant,Video,Subset; the points of `Video` x.mp4 are in
`mediapipe/x.npy`, NaN where nothing was detected. Labels are class numbers; their names are the
column Gloss of `glosses.csv` (row number = label), or those of `labels.json`.
"""

import dataclasses
from pathlib import Path, PurePosixPath

import numpy as np

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.input import labels, tables
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _labels, _npy, _points75
from jaxsign.input.signs.formats._types import (
    SPLITS,
    ClipWriter,
    Collection,
    Entry,
    Format,
    of_files,
)
from jaxsign.input.signs.views import signon as postprocessing

SUFFIX = ".npy"
TABLE = "samples.csv"
GLOSSES = "glosses.csv"
COLUMNS = ("Id", "Label", "Participant", "Video", "Subset")
FOLDER = "mediapipe"
JOINTS = "mediapipe_post/joints"
# The rate of the published clips; the arrays do not tell it.
FPS = 25.0
_SHAPE = (None, _points75.COUNT, 3)


def recognises(path: Path) -> bool:
    """A folder with samples.csv, or a .npy file of [L, 75, 3]."""
    if path.is_dir():
        return (path / TABLE).is_file()
    return _npy.holds(path, _SHAPE)


def open_path(path: Path) -> Collection:
    """The clips at `path`.

    Raises:
        UserError: samples.csv or the list of glosses is missing, unreadable or of another form.
    """
    if path.is_file():
        return of_files(path, "signon", [Entry(path.stem, path=path)], load, frames)
    table = read_table(path)
    _check_subsets(table)
    found = entries_of(table, path / FOLDER)
    glosses, problems = table.classes, table.problems
    return of_files(path, "signon", found, load, frames, glosses=glosses, problems=problems)


@dataclasses.dataclass(frozen=True)
class Samples:
    """A table of samples.

    Attributes:
        path: of the file.
        rows: of it.
        numbers: the label of each row; -1 = it has none.
        names: of the labels, () where nothing tells them.
        problems: what is wrong with the rows, so far.
    """

    path: Path
    rows: list[tables.Row]
    numbers: list[int]
    names: tuple[str, ...]
    problems: list[str]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all labels: numbers, where nothing tells more."""
        return self.names or tuple(map(str, range(max(self.numbers, default=-1) + 1)))


def read_table(folder: Path, name: str = TABLE) -> Samples:
    """The table of samples of a folder.

    Raises:
        UserError: it or the list of glosses is missing, unreadable or of another form.
    """
    path, names = folder / name, _class_names(folder)
    rows = tables.read_rows(path, COLUMNS)
    if tuple(rows[0].cells) != COLUMNS:
        raise UserError(
            f"{path}: the header is {','.join(rows[0].cells)}, expected {','.join(COLUMNS)}, these "
            "columns alone"
        )
    problems: list[str] = []
    lowered, limit = [_lowered(row) for row in rows], len(names)
    of = f"{GLOSSES} has {limit}"
    numbers = labels.class_ids(lowered, "label", limit, problems, path, of)
    return Samples(path, rows, numbers.tolist(), names, problems)


def entries_of(table: Samples, folder: Path, suffix: str = SUFFIX) -> list[Entry]:
    """The rows that have a label and a file; adds what is wrong with the others to the problems.

    Args:
        table: of samples.
        folder: of the files.
        suffix: that they have in place of the film's; "" = they are the films.
    """
    problems, entries = table.problems, dict[str, Entry]()
    files = _files.files_named(folder, suffix)
    for row, number in zip(table.rows, table.numbers, strict=True):
        cells, where = row.cells, f"{table.path} line {row.number}"
        video = PurePosixPath(cells["Video"])
        name = str(video.with_suffix("")) if video.name else ""
        file = files.path(name if suffix else str(video))
        if not name or name in entries:
            problems.append(f"{where}: {f'Video {name!r} again' if name else 'Video is empty'}")
        elif not file.is_file():
            problems.append(f"{file}: no such file ({where}).{files.near(name)}")
        elif number >= 0:
            split = cells["Subset"] if cells["Subset"] in SPLITS else ""
            gloss = table.classes[number]
            entries[name] = Entry(name, (gloss,), "", cells["Participant"], split, file)
    return list(entries.values())


def _check_subsets(table: Samples) -> None:
    """Other subsets than the three are no split, but not all of them are meant to be others."""
    found = list(dict.fromkeys(row.cells["Subset"] for row in table.rows if row.cells["Subset"]))
    if found and not set(found) & set(SPLITS):
        raise UserError(
            f"{table.path}: Subset holds none of {', '.join(SPLITS)}; found {', '.join(found[:5])}"
        )


def _lowered(row: tables.Row) -> tables.Row:
    return dataclasses.replace(row, cells={"label": row.cells["Label"]})


def _class_names(folder: Path) -> tuple[str, ...]:
    if (folder / _labels.NAMES).is_file():
        return labels.read_names(folder / _labels.NAMES).get("gloss", ())
    path = folder / GLOSSES
    if not path.is_file():
        return ()
    names = tuple(row.cells["Gloss"] for row in tables.read_rows(path, ("Gloss",)))
    labels.distinct(names, path)
    return names


def load(path: Path) -> Clip:
    """Reads an array of 75 points, at 25 frames a second.

    Raises:
        UserError: unreadable, or of another shape.
    """
    return to_clip(_npy.read(path, _SHAPE), path)


def to_clip(points: np.ndarray, path: Path) -> Clip:
    """A clip of what a file holds, [L, 75, 3]; raises as `load`."""
    try:
        return _points75.to_clip(points, fps=FPS, source=str(path))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def frames(path: Path) -> int:
    """The length of a clip, from its file's header; raises as `load`."""
    return _npy.frames(path, _SHAPE)


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one array [L, 75, 3]."""
    _npy.write(path, _points75.from_clip(clip).astype(np.float64))


class _Writer(ClipWriter):
    """Writes a folder with samples.csv, mediapipe/ and glosses.csv.

    Args:
        folder, collection: as `ClipWriter`.
        postprocessed: also write mediapipe_post/joints/, the points that generation A takes.
        aspect: height / width of the films for that; 0 = as the clips tell.

    Raises:
        UserError: an aspect without `postprocessed`, or none that can be.
    """

    LOSSES = frozenset(
        {f"signon {_points75.LOSS}, no visibility, image size or times (read back as {FPS:g} fps)"}
    )

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        postprocessed: bool = False,
        aspect: float = 0.0,
    ):
        super().__init__(folder, collection)
        if not (0 <= aspect < np.inf) or (aspect and not postprocessed):
            raise UserError(
                f"--aspect {aspect:g}: expected height / width above 0, such as 0.5625, together "
                "with --postprocessed"
            )
        self._postprocessed, self._aspect = postprocessed, aspect
        self._numbers = {name: i for i, name in enumerate(collection.classes()[0])}
        self._rows: list[list] = []

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip.

        Raises:
            UserError: it has no gloss, or several.
        """
        if len(entry.glosses) != 1:
            raise UserError(f"has {len(entry.glosses)} glosses; signon has one label a clip")
        if entry.category:
            self.losses.add("signon keeps no categories")
        if clip.fps and clip.fps != FPS:
            self.losses.add(f"some clips do not have signon's {FPS:g} fps; they are not resampled")
        write_clip(self._folder / FOLDER / f"{entry.name}{SUFFIX}", clip)
        if self._postprocessed:
            self._write_joints(entry, clip)
        label = self._numbers[entry.glosses[0]]
        if not entry.split:
            self.losses.add("clips without a split are written as train")
        split = entry.split or "train"
        self._rows.append([len(self._rows), label, entry.signer, f"{entry.name}.mp4", split])

    def _write_joints(self, entry: Entry, clip: Clip) -> None:
        if not (self._aspect or all(clip.frame_size)):
            self.losses.add(
                "some clips do not tell the shape of their film: postprocessed as if x and y had "
                "one unit (--aspect gives height / width)"
            )
        joints = postprocessing.postprocess(clip, self._aspect)
        _npy.write(self._folder / JOINTS / f"{entry.name}{SUFFIX}", joints)

    def finish(self) -> None:
        """Writes samples.csv and the list of glosses."""
        spreadsheet.write(self._folder / GLOSSES, ["Gloss"], [[name] for name in self._numbers])
        spreadsheet.write(self._folder / TABLE, COLUMNS, self._rows)


FORMAT = Format(
    looks="a folder with samples.csv (Id,Label,Participant,Video,Subset) and mediapipe/*.npy",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
)
