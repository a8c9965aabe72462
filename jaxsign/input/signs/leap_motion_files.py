"""Files of Leap Motion recordings: JSON frames, arrays, and CSV tables."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input import files, tables
from jaxsign.input.signs.formats import _npy

Array = np.ndarray
_PARTS = {
    "thumb": ("cmc", "mcp", "ip", "tip"),
    **dict.fromkeys(("index", "middle", "ring", "pinky"), ("mcp", "pip", "dip", "tip")),
}
# Columns are NAME_x, NAME_y, NAME_z.
JOINTS = ("wrist", *(f"{finger}_{part}" for finger, parts in _PARTS.items() for part in parts))
SIDES = ("left", "right")
FARTHEST = 1e6  # millimetres; the sensor sees less than one metre
_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}


@dataclasses.dataclass
class Hands:
    """What the sensor saw.

    Attributes:
      xyz: float32 [T, 2, 21, 3], millimetres, left hand first; NaN where nothing is told.
      confidence: float32 [T, 2, 21], 0 where a joint is not told.
      times: float64 [T] in seconds, None = evenly at the sensor's rate.
    """

    xyz: Array
    confidence: Array
    times: Array | None = None

    @classmethod
    def nothing(cls, frames: int) -> "Hands":
        """No hand in so many frames."""
        xyz = np.full((frames, 2, 21, 3), np.nan, np.float32)
        return cls(xyz, np.zeros((frames, 2, 21), np.float32))


def read_frames(path: Path) -> list[dict[str, Any]]:
    """Frames of a JSON file: a list, {"frames": [...]}, or one frame a line.

    Raises:
      UserError: unreadable or of another form.
    """
    try:
        text = reading.read_bytes(path).decode("utf-8-sig")
        try:
            value = reading.parse_json(text)
        except ValueError:
            value = [reading.parse_json(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
    if isinstance(value, dict):
        value = value.get("frames", [value])
    if not isinstance(value, list) or not value:
        raise UserError(f'{path}: holds no frames; expected a list of them, or {{"frames": [...]}}')
    return value


def read_array(path: Path, kinds: Sequence[str]) -> tuple[Array, str]:
    """The array of a .npy or .npz file and its kind: by its name, else by its shape.

    Raises:
      UserError: unreadable, or no array of one of the kinds.
    """
    if path.suffix.lower() == ".npy":
        found: Mapping[str, Array] = {"": _npy.load(path, mmap=False)}
    else:
        found = files.StoredArrays(path)
    named = [name for name in found if name in kinds]
    if named or len(found) == 1:
        array = found[named[0] if named else next(iter(found))]
        kind = named[0] if named else {2: "flat", 3: "joints_xyz"}.get(array.ndim, "")
        if array.shape[1:] == (20, 6):
            kind = "bones"
        if kind and array.dtype.kind in "iuf":
            return array, kind
    shapes = {name or "one array": list(one.shape) for name, one in files.outlines(found).items()}
    raise UserError(
        f"{path}: expected an array joints_xyz [T, 21, 3], flat [T, 63] or bones [T, 20, 6]; found "
        f"{shapes}"
    )


def read_table(path: Path, hand: str, *, plain: bool = False) -> Hands:
    """The hands of a CSV file.

    Args:
      path: the file.
      hand: 'left' or 'right', for rows that do not tell.
      plain: every row is a frame of that hand, known wherever an axis has a column, as in the
        original.

    Raises:
      UserError: unreadable, cells that are no numbers, or a joint that lacks an axis.
    """
    rows = tables.read_rows(path, ())
    columns = list(rows[0].cells)
    axes = _axes(path, columns, plain)
    problems: list[str] = []
    xyz = np.full((len(rows), len(JOINTS), 3), np.nan, np.float32)
    for j, joint in enumerate(JOINTS):
        for a, axis in enumerate("xyz"):
            if axes[j, a]:
                xyz[:, j, a] = _numbers(rows, f"{joint}_{axis}", path, problems, most=FARTHEST)
    score = np.ones(len(rows))
    if "confidence" in columns and not plain:
        score = _numbers(rows, "confidence", path, problems, least=0, most=1)
    timed = "timestamp" in columns and not plain
    stamps = _numbers(rows, "timestamp", path, problems) if timed else np.zeros(0)
    sides = [("" if plain else row.cells.get("hand_type", "").lower()) or hand for row in rows]
    strange = sorted({side for side in sides if side not in SIDES})
    if strange:
        problems.append(f"{path}: hand_type is {strange[0]!r}, expected left or right")
    if problems:
        count = "a cell" if len(problems) == 1 else f"{len(problems)} cells"
        raise UserError(f"{count} cannot be read:\n{listing(problems)}")
    table = _placed(xyz, score[:, None] * axes.any(axis=1), sides, rows, columns, plain)
    if timed:
        table.times = _seconds(stamps[_firsts(rows, columns)], path)
    return table


def _axes(path: Path, columns: Sequence[str], plain: bool) -> Array:
    """bool [21, 3]: which axes of which joints have a column."""
    axes = np.array([[f"{joint}_{axis}" in columns for axis in "xyz"] for joint in JOINTS])
    if not axes.any():
        raise UserError(f"{path}: no column of a joint, such as {JOINTS[0]}_x; found {columns[:8]}")
    if not plain and (axes.any(axis=1) != axes.all(axis=1)).any():
        half = [f"{j}_{a}" for j, row in zip(JOINTS, axes, strict=True) if row.any()
                for a, there in zip("xyz", row, strict=True) if not there]  # fmt: skip
        raise UserError(
            f"{path}: lacks the columns {', '.join(half)}; give all three of a joint, or none"
        )
    return axes


def _placed(
    xyz: Array,
    confidence: Array,
    sides: Sequence[str],
    rows: Sequence[tables.Row],
    columns: Sequence[str],
    plain: bool,
) -> Hands:
    """Rows as frames; of two rows for a hand in a frame the one of higher confidence counts."""
    frame = np.arange(len(rows)) if plain else _frames(rows, columns)
    made = Hands.nothing(int(frame[-1]) + 1)
    for row in np.argsort(confidence.max(axis=1), kind="stable"):
        at = frame[row], SIDES.index(sides[row])
        made.xyz[at], made.confidence[at] = xyz[row], confidence[row]
    return made


def _frames(rows: Sequence[tables.Row], columns: Sequence[str]) -> Array:
    """The frame of every row: rows of one `frame_id`, or else `timestamp`, that follow another."""
    key = next((name for name in ("frame_id", "timestamp") if name in columns), None)
    if key is None:
        return np.arange(len(rows))
    values = np.array([row.cells[key] for row in rows])
    return np.concatenate([[0], np.cumsum(values[1:] != values[:-1])])


def _firsts(rows: Sequence[tables.Row], columns: Sequence[str]) -> Array:
    return np.unique(_frames(rows, columns), return_index=True)[1]


def _seconds(stamps: Array, path: Path) -> Array:
    """Timestamps in seconds: the unit in which the sensor runs at 10 to 1000 frames a second."""
    if len(stamps) < 2:
        return np.zeros(len(stamps))
    step = float(np.median(np.diff(stamps)))
    fitting = [unit for unit in _UNITS.values() if 1e-3 <= step * unit < 0.1]
    if not fitting or (np.diff(stamps) <= 0).any():
        raise UserError(
            f"{path}: timestamp must grow from frame to frame by 1 to 100 milliseconds, in "
            f"{', '.join(_UNITS)}; the usual step is {step:g}. Leave the column out to take the "
            "sensor's rate."
        )
    return (stamps - stamps[0]) * fitting[0]


def _numbers(
    rows: Sequence[tables.Row],
    name: str,
    path: Path,
    problems: list[str],
    least: float | None = None,
    most: float = np.inf,
) -> Array:
    """float64 [N] of a column; what is no finite number from `least` (-most) to `most` is told."""
    low = -most if least is None else least
    expected = "no finite number" if most == np.inf else f"no number from {low:g} to {most:g}"
    values = np.zeros(len(rows))
    for i, row in enumerate(rows):
        try:
            values[i] = float(row.cells[name])
            if not (np.isfinite(values[i]) and low <= values[i] <= most):
                raise ValueError
        except ValueError:
            text = row.cells[name]
            problems.append(f"{path} line {row.number}: {name}={text!r} is {expected}")
            values[i] = 0
    return values
