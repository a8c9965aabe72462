"""The layout of a well-known tutorial: MP_Data/WORD/N/F.npy, an array of numbers a frame.

A frame is [1662]: 33 pose points of x, y, z, visibility, 468 face points, 21 of the left hand and
21 of the right, of x, y, z. Short forms have no face: [258], or [225] without visibility. WORD/N
is a folder of numbered frames, or one array WORD/N.npy [T, 1662], [T, 258] or [T, 225]; such an
array may also lie alone. A part that was not found is 0. WORD is the gloss; train, val and test may
stand before it.
"""

import itertools
import logging
import re
from pathlib import Path, PurePosixPath

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _npy
from jaxsign.input.signs.formats._types import SPLITS, At, Collection, Entry, Format

Array = np.ndarray
_LOG = logging.getLogger("jaxsign")
SUFFIX = ".npy"
# The tutorial records with a webcam, and its files tell no rate.
FPS = 30.0
_HANDS = ((clips.LEFT_HAND, 3), (clips.RIGHT_HAND, 3))
# Numbers a frame -> (rows of the landmarks, numbers a point) in their order.
_LAYOUTS: dict[int, tuple[tuple[slice, int], ...]] = {
    1662: ((clips.POSE, 4), (clips.FACE, 3), *_HANDS),
    258: ((clips.POSE, 4), *_HANDS),
    225: ((clips.POSE, 3), *_HANDS),
}
# One array of a sequence, or the files of its frames in order.
_Place = Path | tuple[Path, ...]
# Files of a folder that are looked at: others, such as a list of the words, may lie first.
_LOOKED_AT = 20


def recognises(path: Path) -> bool:
    """A .npy file of one frame or of a sequence, or a folder with such files."""
    if not path.is_dir():
        return path.suffix.lower() == SUFFIX and _axes(path) > 0
    first = itertools.islice(finding.each(path, finding.ending(SUFFIX)), _LOOKED_AT)
    return any(_axes(file) for file in first)


def open_path(path: Path) -> Collection:
    """The clips at `path`. What is no sequence, or lies deeper than WORD/N, is a problem.

    Raises:
        UserError: a folder that cannot be read.
    """
    problems: list[str] = []
    if path.is_file():
        places: dict[str, _Place] = {path.stem: (path,) if _axes(path) == 1 else path}
    else:
        places = _places(path, problems)
    entries = {name: _entry(name, place) for name, place in places.items()}
    deep = [name for name, entry in entries.items() if entry is None]
    if deep:
        problems.append(
            f"{path}: {len(deep)} sequences lie deeper than WORD/N (first: {deep[0]}), so their "
            "words are not known. Give the folder that holds the words"
        )
    found = {name: entry for name, entry in entries.items() if entry is not None}
    chosen = [places[name] for name in found]
    return Collection(
        str(path),
        "mp_data",
        list(found.values()),
        At(_load, chosen),
        problems=problems,
        counter=At(_frames, chosen),
        assumed=FPS,
    )


def _places(folder: Path, problems: list[str]) -> dict[str, _Place]:
    """Where the sequences of a folder lie, by their names in NFC."""
    folders: dict[Path, list[Path]] = {}
    for file in finding.walk(folder, finding.ending(SUFFIX), "frames"):
        folders.setdefault(file.parent, []).append(file)
    places: dict[str, _Place] = {}
    holes: dict[str, int] = {}
    for here, files in folders.items():
        found: dict[Path, _Place] = {file.with_suffix(""): file for file in files}
        if next((axes for file in files if (axes := _axes(file))), 0) == 1:
            try:
                found = {here: _in_order(here, files, holes)}
            except UserError as error:
                problems.append(str(error))
                continue
        for path, place in found.items():
            name = tables.nfc(path.relative_to(folder).as_posix() if path != folder else path.name)
            if name in places:
                problems.append(f"{path}: is there twice, as frames or as one array; expected once")
            places.setdefault(name, place)
    if holes:
        name, missing = next(iter(holes.items()))
        _LOG.warning(
            "%s: %d of %d sequences lack frames (first: %s lacks %d); those around them follow "
            "each other",
            folder, len(holes), len(places), name, missing,
        )  # fmt: skip
    return places


def _in_order(folder: Path, files: list[Path], holes: dict[str, int]) -> tuple[Path, ...]:
    """The frames of a folder by number; adds to `holes` how many are missing between them."""
    numbers: dict[int, Path] = {}
    for file in files:
        digits = re.search(r"\d+$", file.stem)
        if digits is None:
            raise UserError(f"{file}: its name has no number; expected 0{SUFFIX}, 1{SUFFIX}, ...")
        other = numbers.setdefault(int(digits[0]), file)
        if other != file:
            raise UserError(f"{file}: has the number of {other.name}; expected one file a frame")
    missing = max(numbers) - min(numbers) + 1 - len(numbers)
    if missing:
        holes[str(folder)] = missing
    return tuple(numbers[number] for number in sorted(numbers))


def _entry(name: str, place: _Place) -> Entry | None:
    """WORD/N, or a split before it; None for what lies deeper. N alone has no word."""
    *above, _ = PurePosixPath(name).parts
    # A word may be called train: it is a split only where a word follows.
    split = above.pop(0) if len(above) == 2 and above[0] in SPLITS else ""
    if len(above) > 1:
        return None
    return Entry(name, tuple(above), "", "", split, place if isinstance(place, Path) else None)


def _axes(path: Path) -> int:
    """1 for the file of a frame, 2 for one of a sequence, 0 for any other."""
    try:
        array = _npy.load(path, mmap=True)
    except UserError:
        return 0
    known = array.ndim in (1, 2) and array.shape[-1] in _LAYOUTS and array.dtype.kind == "f"
    return array.ndim if known else 0


def _load(place: _Place) -> Clip:
    """The clip of a sequence, at 30 frames a second; raises UserError for other arrays."""
    name = place if isinstance(place, Path) else place[0].parent
    width = _width(place if isinstance(place, Path) else place[0])
    if isinstance(place, Path):
        values = _npy.read(place, (None, width))
    else:
        values = np.stack([_npy.read(file, (width,)) for file in place])
    try:
        return _to_clip(values.astype(np.float64), str(name))
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error


def _frames(place: _Place) -> int:
    return len(place) if isinstance(place, tuple) else _npy.frames(place, (None, _width(place)))


def _width(path: Path) -> int:
    shape = _npy.load(path, mmap=True).shape
    if not shape or shape[-1] not in _LAYOUTS:
        raise UserError(
            f"{path}: {list(shape)}, expected a frame of {', '.join(map(str, _LAYOUTS))} numbers, "
            "or [T, as many]"
        )
    return shape[-1]


def _to_clip(values: Array, source: str) -> Clip:
    """A clip of float64 [T, one of `_LAYOUTS`]; a part of zeros alone is absent."""
    frames = len(values)
    landmarks = np.full((frames, clips.POINTS, 3), np.nan)
    visibility, start = None, 0
    for rows, width in _LAYOUTS[values.shape[1]]:
        end = start + (rows.stop - rows.start) * width
        part = values[:, start:end].reshape(frames, -1, width)
        there, start = (part != 0).any(axis=(1, 2)), end
        landmarks[there, rows] = part[there, :, :3]
        if width == 4:
            visibility = part[..., 3]
    times = np.arange(frames) / FPS
    return Clip(landmarks, times, fps=FPS, source=source, visibility=visibility)


FORMAT = Format(
    looks="a folder of WORD/N/F.npy, arrays of 1662, 258 or 225 numbers a frame (MP_Data); or one "
    "such array",
    recognises=recognises,
    open=open_path,
    suffix=SUFFIX,
)
