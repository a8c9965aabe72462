"""Google's isolated sign language files: one parquet a clip, train.csv and an index map of signs.

A row is a point of a frame: frame, row_id, type, landmark_index, x, y, z. Points are placed by type
and landmark_index, never by the order of rows, which differs between makers of such files.
`train.csv` has path, participant_id, sequence_id, sign; a folder may be split into train, val and
test, each of this form.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.input import labels, tables
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files
from jaxsign.input.signs.formats._types import (
    SPLITS,
    ClipWriter,
    Collection,
    Entry,
    Format,
    of_files,
)
from jaxsign.whole import write_json

SUFFIX = ".parquet"
TABLE = "train.csv"
INDEX = "sign_to_prediction_index_map.json"
COLUMNS = ("path", "participant_id", "sequence_id", "sign")
FILES = "train_landmark_files"


def recognises(path: Path) -> bool:
    """A folder, or its train or test folder, with train.csv; or a parquet file of points."""
    if path.is_dir():
        return any((path / part / TABLE).is_file() for part in ("", *SPLITS))
    if path.suffix.lower() != SUFFIX:
        return False
    from jaxsign.input.signs.formats import _parquet  # late: pyarrow

    # A file that cannot be read is taken too: reading it then says what is wrong.
    columns = _parquet.columns(path)
    return not columns or "landmark_index" in columns


def open_path(path: Path) -> Collection:
    """The clips at `path`. Rows without a file or with a sign that the map lacks are problems.

    Raises:
        UserError: a csv file or index map that is missing or unreadable.
    """
    if path.is_file():
        return _collection(path, [Entry(path.stem, path=path)])
    problems: list[str] = []
    entries: dict[str, Entry] = {}
    signs: dict[str, int] = {}
    for part in ("", *SPLITS):
        folder = path / part
        if (folder / TABLE).is_file():
            known = _read_map((folder if (folder / INDEX).is_file() else path) / INDEX)
            _same_numbers(signs, known, folder / INDEX)
            signs |= known
            _read_rows(folder, part, known, entries, problems)
    order = tuple(sorted(signs, key=signs.__getitem__))
    return _collection(path, list(entries.values()), glosses=order, problems=problems)


def _collection(path: Path, entries: list[Entry], **rest: Any) -> Collection:
    from jaxsign.input.signs.formats import _google_parquet  # late: pyarrow

    load, frames = _google_parquet.read_clip, _google_parquet.frames
    return of_files(path, "google_islr", entries, load, frames, **rest)


def _read_map(path: Path) -> dict[str, int]:
    signs = labels.read_numbers(path, '{"SIGN": 0, "OTHER SIGN": 1, ...}')
    if sorted(signs.values()) != list(range(len(signs))):
        raise UserError(f"{path}: its numbers must be 0 to {len(signs) - 1}, each once")
    return signs


def _same_numbers(signs: dict[str, int], new: dict[str, int], where: Path) -> None:
    if signs and signs != new:
        sign = next(iter(dict(signs.items() ^ new.items())))
        raise UserError(
            f"{where}: sign {sign!r} is number {new.get(sign)} here, but {signs.get(sign)} in "
            "another split; all splits must have the same index map"
        )


def _read_rows(
    folder: Path, part: str, signs: dict[str, int], entries: dict[str, Entry], problems: list[str]
) -> None:
    files = _files.files_named(folder, SUFFIX)
    for row in tables.read_rows(folder / TABLE, COLUMNS):
        cells, where = row.cells, f"{folder / TABLE} line {row.number}"
        # One file has one name, however its path is written.
        place = labels.stem_of(str(PurePosixPath(cells["path"])), (SUFFIX,))
        file = files.path(place)
        stem = place.removeprefix(f"{FILES}/")
        name = f"{part}/{stem}" if part else stem
        sign = cells["sign"]
        if name in entries:
            problems.append(f"{where}: {cells['path']} again")
        elif sign and sign not in signs:
            problems.append(f"{where}: sign {sign!r} is not in {INDEX}")
        elif not file.is_file():
            problems.append(f"{file}: no such file ({where}).{files.near(place)}")
        else:
            glosses = (sign,) if sign else ()
            entries[name] = Entry(name, glosses, "", cells["participant_id"], part, file)


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one parquet file."""
    from jaxsign.input.signs.formats import _google_parquet  # late: pyarrow

    _google_parquet.write_clip(path, clip)


class _Writer(ClipWriter):
    """Writes parquet files with train.csv and the index map; a folder a split where there are."""

    LOSSES = frozenset({"google_islr keeps no times (frame numbers alone) and no visibility"})

    def __init__(self, folder: Path, collection: Collection):
        super().__init__(folder, collection)
        self._rows: dict[str, list[list]] = {}

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip.

        Raises:
            UserError: it holds several glosses, or another clip has its place.
        """
        if len(entry.glosses) > 1:
            raise UserError(f"holds {len(entry.glosses)} glosses; google_islr has one sign a clip")
        if entry.category:
            self.losses.add("google_islr keeps no categories")
        name = entry.name.removeprefix(f"{entry.split}/") if entry.split else entry.name
        path = f"{FILES}/{name}{SUFFIX}"
        file = self._folder / entry.split / path
        if file.exists():
            raise UserError(f"another clip of the split {entry.split} is called {name!r} there")
        write_clip(file, clip)
        stem = Path(name).name
        number = stem if stem.isascii() and stem.isdigit() else index
        row = [path, entry.signer, number, *(entry.glosses or ("",))]
        self._rows.setdefault(entry.split, []).append(row)

    def finish(self) -> None:
        """Writes train.csv and the index map of every split."""
        signs = {sign: i for i, sign in enumerate(self._collection.classes()[0])}
        for split, rows in self._rows.items():
            write_json(self._folder / split / INDEX, signs)
            spreadsheet.write(self._folder / split / TABLE, COLUMNS, rows)


FORMAT = Format(
    looks="a folder with train.csv, sign_to_prediction_index_map.json and parquet files; or one "
    "of these files",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
)
