"""One parquet file of points, as in Google's isolated sign language data, to and from arrays."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _parquet

Array = np.ndarray
COLUMNS = ("frame", "type", "landmark_index", "x", "y", "z")
# The files do not tell the rate of their recordings.
FPS = 30.0
# Where a file's description keeps the size of the image.
_SIZE = b"jaxsign.frame_size"
TYPES = ("face", "left_hand", "pose", "right_hand")
# MediaPipe's newer face models give ten points of the irises after these.
_COUNTS = np.array([468, 21, 33, 21])
_IRISES = 10
_CLIP = np.array([p.start for p in (clips.FACE, clips.LEFT_HAND, clips.POSE, clips.RIGHT_HAND)])
# The order of the ASL hybrid (google_asl_recognition): face, pose, left hand, right hand.
_MODEL = np.array([0, 501, 468, 522])


@dataclasses.dataclass(frozen=True)
class _Rows:
    """The rows of a file that are kept.

    Attributes:
        numbers: int64 [F], the frame numbers that occur, sorted.
        frame: int64 [N], place among `numbers`.
        kind: int64 [N], place among TYPES.
        index: int64 [N], landmark_index.
        xyz: float32 [N, 3].
        notes: what the file says of itself.
    """

    numbers: Array
    frame: Array
    kind: Array
    index: Array
    xyz: Array
    notes: Mapping[bytes, bytes]


def _frame_size(notes: Mapping[bytes, bytes]) -> tuple[int, int]:
    """The image's size, which jaxsign's files tell; (0, 0) in others."""
    found = re.fullmatch(rb"([0-9]{1,5})x([0-9]{1,5})", notes.get(_SIZE, b""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def read_clip(path: Path) -> Clip:
    """The clip of a file; points without a row are NaN. Frame numbers count thirtieths of a second.

    Raises:
        UserError: unreadable, no rows, a missing column, no known type, an index beyond its type,
            or two rows of one point that differ.
    """
    rows = _read(path)
    size = _frame_size(rows.notes)
    times = (rows.numbers - rows.numbers[0]) / FPS
    try:
        points = _placed(path, rows, _CLIP, np.nan)
        return Clip(points, times, fps=FPS, source=str(path), frame_size=size)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def read_tensor(path: str | Path, max_len: int | None = None, absent: float = 0.0) -> Array:
    """A file as the ASL hybrid takes it.

    Args:
        path: a parquet file.
        max_len: only the first so many frames; None = all.
        absent: value of points that have no row; NaN coordinates of rows stay NaN.

    Returns:
        float32 [T, 543, 3]: face 0-467, pose 468-500, left hand 501-521, right hand 522-542. Frames
        that are missing in the numbering are left out.

    Raises:
        UserError: as `read_clip`.
    """
    path = Path(path)
    return _placed(path, _read(path), _MODEL, absent)[:max_len]


def frames(path: Path) -> int:
    """The number of frames of a file, from one column.

    Raises:
        UserError: unreadable, no rows, or a missing column.
    """
    return len(np.unique(_frame_numbers(path, _parquet.read(path, COLUMNS[:1], COLUMNS[1:]))))


def _frame_numbers(path: Path, table: pyarrow.Table) -> Array:
    values = _parquet.numbers(path, table, "frame")
    if not len(values):
        raise UserError(f"{path}: has no rows")
    return _whole(path, "frame", values)


def _whole(path: Path, name: str, values: Array) -> Array:
    if values.dtype.kind == "f":
        # Beyond these numbers neighbours are no longer told apart.
        whole = np.abs(values) <= 2**53
        if not (whole.all() and (values % 1 == 0).all()):
            raise UserError(f"{path}: column {name} must hold whole numbers")
    return values.astype(np.int64)


def _read(path: Path) -> _Rows:
    table = _parquet.read(path, COLUMNS)
    numbers, place = np.unique(_frame_numbers(path, table), return_inverse=True)
    kind = _kinds(path, table["type"])
    index = _whole(path, "landmark_index", _parquet.numbers(path, table, "landmark_index"))
    known = kind >= 0
    if not known.any():
        found = table["type"].unique().to_pylist()[:4]
        raise UserError(
            f"{path}: column type holds none of {', '.join(TYPES)}; found "
            f"{reading.quoted(', '.join(map(str, found)))}"
        )
    limit = _COUNTS[kind]
    beyond = known & ((index < 0) | (index >= limit + np.where(kind == 0, _IRISES, 0)))
    if beyond.any():
        row = int(beyond.argmax())
        raise UserError(
            f"{path}: row {row}: {TYPES[kind[row]]} has landmark_index {index[row]}, expected 0 to "
            f"{limit[row] - 1}"
        )
    kept = known & (index < limit)
    xyz = np.empty((len(index), 3), np.float32)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is an error
        for axis, name in enumerate("xyz"):
            xyz[:, axis] = _parquet.numbers(path, table, name)
    notes = table.schema.metadata or {}
    if kept.all():
        return _Rows(numbers, place, kind, index, xyz, notes)
    return _Rows(numbers, place[kept], kind[kept], index[kept], xyz[kept], notes)


def _kinds(path: Path, column: pyarrow.ChunkedArray) -> Array:
    """int64 [N]: place among TYPES, -1 for a type that is not known."""
    try:
        column = column.cast(pyarrow.string())
    except pyarrow.ArrowException as error:
        raise UserError(f"{path}: column type holds {column.type}, expected words") from error
    found = pyarrow.compute.index_in(column, value_set=pyarrow.array(TYPES))
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _placed(path: Path, rows: _Rows, offsets: Array, absent: float) -> Array:
    """float32 [F, 543, 3] with every row at its type's offset plus its index."""
    slot = rows.frame * clips.POINTS + offsets[rows.kind] + rows.index
    size = len(rows.numbers) * clips.POINTS * 3 * 4
    reading.check_size(path, size, f"a clip of {len(rows.numbers):,} frames")
    points = np.full((len(rows.numbers) * clips.POINTS, 3), absent, np.float32)
    points[slot] = rows.xyz
    _check_repeated(path, rows, slot, len(points))
    return points.reshape(-1, clips.POINTS, 3)


def _check_repeated(path: Path, rows: _Rows, slot: Array, size: int) -> None:
    """A point that has two rows is fine if they agree."""
    last = np.zeros(size, np.int64)
    last[slot] = np.arange(len(slot))
    again = np.flatnonzero(last[slot] != np.arange(len(slot)))
    same = np.array_equal(rows.xyz[again], rows.xyz[last[slot[again]]], equal_nan=True)
    if not same:
        row = again[0]
        raise UserError(
            f"{path}: {len(again)} rows repeat a point of a frame with other coordinates (first: "
            f"frame {rows.numbers[rows.frame[row]]}, {TYPES[rows.kind[row]]} "
            f"{rows.index[row]}). Keep one row a point."
        )


def write_clip(path: Path, clip: Clip) -> None:
    """Writes 543 rows a frame, NaN where a point is absent, in the order of the public files.

    Frame numbers follow the times where these tell frames apart, so that gaps stay.
    """
    numbers = np.round((clip.timestamps - clip.timestamps[0]) * (clip.fps or FPS)).astype(np.int64)
    if (np.diff(numbers) <= 0).any():
        numbers = np.arange(len(clip))
    frame = pyarrow.array(np.repeat(numbers, clips.POINTS).astype(np.int32))
    kinds = np.repeat(np.arange(len(TYPES)), _COUNTS)
    kind = pyarrow.DictionaryArray.from_arrays(np.tile(kinds, len(clip)), pyarrow.array(TYPES))
    kind = kind.cast(pyarrow.string())
    index = np.concatenate([np.arange(count) for count in _COUNTS])
    index = pyarrow.array(np.tile(index, len(clip)).astype(np.int16))
    text = pyarrow.string()
    row_id = pyarrow.compute.binary_join_element_wise(frame.cast(text), kind, index.cast(text), "-")
    xyz = clip.landmarks.reshape(-1, 3).astype(np.float64)
    columns = {"frame": frame, "row_id": row_id, "type": kind, "landmark_index": index}
    columns |= {name: xyz[:, axis] for axis, name in enumerate("xyz")}
    table = pyarrow.table(columns)
    if all(clip.frame_size):
        # Shoulder-normalised inputs are measured in pixels; other readers pass this over.
        table = table.replace_schema_metadata({_SIZE: "{}x{}".format(*clip.frame_size)})
    _parquet.write(path, table)
