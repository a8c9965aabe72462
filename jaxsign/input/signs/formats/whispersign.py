"""WhisperSign's processed data: hands alone, 60 frames a second, a folder a split.

`{train,val,test}/features/sample_%05d.npy` float32 [T, 42, 7] (left hand, right hand; x, y, z,
velocities, confidence; a hand that was not seen is 0), `labels/` beside it int64 [glosses], and
`label_map.json` {"<blank>": 0, gloss: id, ...}. jaxsign adds `prepared.json` (frames a second, if
not 60, and how it was made) and `prepared.csv` (what every sample was made of, and its signer).
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading, spreadsheet
from jaxsign.errors import UserError
from jaxsign.input import files, labels, tables
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import hand_joints
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _npy
from jaxsign.input.signs.formats._types import (
    SPLITS,
    ClipWriter,
    Collection,
    Entry,
    Format,
    of_files,
)
from jaxsign.whole import write_json

Array = np.ndarray
SUFFIX = ".npy"
MAP = "label_map.json"
RECORD, TABLE = "prepared.json", "prepared.csv"
BLANK = "<blank>"
FPS = 60.0
_SHAPE = (None, 42, 7)
_ROWS = np.r_[clips.LEFT_HAND, clips.RIGHT_HAND]


def recognises(path: Path) -> bool:
    """A folder with a split's features, or a .npy file of [T, 42, 7]."""
    if path.is_dir():
        return any((path / split / "features").is_dir() for split in SPLITS)
    return _npy.holds(path, _SHAPE)


def open_path(path: Path) -> Collection:
    """The clips at `path`. Labels that the map lacks are problems.

    Raises:
        UserError: label_map.json is missing or unreadable.
    """
    if path.is_file():
        return _collection(path, [Entry(path.stem, path=path)], array_rate(path))
    names = read_map(path / MAP)
    signers = _signers(path / TABLE)
    problems: list[str] = []
    entries = []
    for split in SPLITS:
        samples = _files.below(path / split / "features", SUFFIX)
        labelled = _files.below(path / split / "labels", SUFFIX)
        problems += [
            f"{file}: has no features ({path / split / 'features' / stem}{SUFFIX} is missing)"
            for stem, file in labelled.items()
            if stem not in samples
        ]
        for stem, file in samples.items():
            try:
                glosses = _glosses(path / split / "labels" / f"{stem}{SUFFIX}", names)
            except UserError as error:
                problems.append(str(error))
                continue
            name = f"{split}/{stem}"
            entries.append(Entry(name, glosses, "", signers.get(name, ""), split, file))
    glosses = tuple(names[number] for number in sorted(names) if number)
    return _collection(path, entries, rate(path), glosses=glosses, problems=problems)


def _collection(path: Path, entries: list[Entry], fps: float, **rest: Any) -> Collection:
    reader = functools.partial(load, fps=fps)
    if fps != FPS:  # the view has to make new frames, which it does of clips
        return of_files(path, "whispersign", entries, reader, frames, **rest)
    return of_files(path, "whispersign", entries, reader, frames, _stored, rate=fps, **rest)


def _stored(path: Path) -> dict[str, Array]:
    return {"": read(path)}


def rate(folder: Path) -> float:
    """Frames a second of a folder's samples: 60 if it says nothing else.

    Raises:
        UserError: prepared.json cannot be read.
    """
    path = folder / RECORD
    if not path.is_file():
        return FPS
    try:
        fps = float(reading.read_json(path).get("fps", FPS))
        if not 1e-3 < fps < 1e6:
            raise ValueError(f"fps is {fps}")
        return fps
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f'{path}: not readable ({error}). Expected {{"fps": 60.0}}.') from error


def array_rate(path: Path) -> float:
    """Frames a second of one sample: what its folder says, 60 where it lies in none."""
    inside = path.parent.name == "features" and len(path.parents) > 2
    return rate(path.parents[2]) if inside else FPS


def _signers(path: Path) -> dict[str, str]:
    """Who signs in the samples, by name; {} where nothing tells."""
    if not path.is_file():
        return {}
    rows = tables.read_rows(path, ("file", "signer"))
    return {row.cells["file"]: row.cells["signer"] for row in rows}


def read_map(path: Path) -> dict[int, str]:
    """Names by their numbers, the blank among them; raises UserError as `open_path`."""
    numbers = labels.read_numbers(path, f'{{"{BLANK}": 0, "GLOSS": 1, ...}}')
    names = {number: gloss for gloss, number in numbers.items()}
    if len(names) < len(numbers):
        raise UserError(f"{path}: two glosses have the same number")
    if numbers.get(BLANK, 0) or names.get(0, BLANK) != BLANK or "" in numbers:
        raise UserError(
            f"{path}: the number 0 belongs to {BLANK}, the others to glosses whose names have a "
            f"letter at least; found {names.get(0, BLANK)!r} with 0"
            + (f" and {BLANK} with {numbers[BLANK]}" if numbers.get(BLANK) else "")
        )
    return names


def _glosses(path: Path, names: dict[int, str]) -> tuple[str, ...]:
    """The glosses of a label file; () where there is none."""
    if not path.is_file():
        return ()
    numbers = _npy.read(path, (None,), "iu").tolist()
    unknown = [n for n in numbers if n < 1 or n not in names]
    if unknown:
        raise UserError(f"{path}: {unknown[:5]} are no glosses of {MAP}")
    return tuple(names[n] for n in numbers)


def read(path: Path) -> Array:
    """The features as they are stored: float32 [T, 42, 7].

    Raises:
        UserError: unreadable, of another shape, or not finite.
    """
    features = files.as_float32(_npy.read(path, _SHAPE))
    if not np.isfinite(features).all():
        raise UserError(f"{path}: holds NaN or infinite values; a hand that is not seen must be 0")
    return features


def load(path: Path, fps: float = FPS) -> Clip:
    """The hands of an array of features; velocities and confidences are left. Raises as `read`."""
    features = read(path)
    seen = (features != 0).any(axis=-1)
    landmarks = np.full((len(features), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, _ROWS] = np.where(seen[..., None], features[..., :3], np.nan)
    times = np.arange(len(features)) / fps
    return Clip(landmarks, times, fps=fps, source=str(path))


def frames(path: Path) -> int:
    """The length of a clip, from its file's header; raises as `load`."""
    return _npy.frames(path, _SHAPE)


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one array [T, 42, 7] at 60 frames a second, as the original's preparation does."""
    _npy.write(path, hand_joints.joints(clip))


class _Writer(ClipWriter):
    """Writes features and labels a split, numbered, label_map.json, and what jaxsign adds.

    Args:
      folder: where to.
      collection: its clips may be arrays [T, 42, 7] at `fps` already.
      fps: frames a second of the samples.
      missing: see `views.whisper_sign`.
      shortest: a clip with fewer frames is refused.
      record: what else prepared.json tells.
    """

    LOSSES = frozenset(
        {"whispersign keeps the hands alone, no image size, and numbers the clips anew"}
    )

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        fps: float = FPS,
        missing: str = "present",
        shortest: int = 1,
        record: Mapping[str, Any] | None = None,
    ):
        super().__init__(folder, collection)
        glosses = collection.classes()[0]
        if BLANK in glosses:
            raise UserError(f"{collection.name}: {BLANK} is no name of a gloss here. Rename it.")
        self._numbers = {BLANK: 0} | {name: i for i, name in enumerate(glosses, 1)}
        self._options: dict[str, Any] = {"rate": fps, "missing": missing}
        self._shortest, self._record = shortest, {"fps": fps, **(record or {})}
        self._counts = dict.fromkeys(SPLITS, 0)
        self._rows: list[tuple[str, str, str, str]] = []

    def add(self, index: int, entry: Entry, clip: Clip | Array) -> None:
        """Writes one clip and its label.

        Raises:
            UserError: it is too short.
        """
        if len(clip) < self._shortest:
            raise UserError(f"{len(clip)} frames, expected at least {self._shortest}")
        if entry.category:
            self.losses.add("whispersign keeps no categories")
        if not entry.split:
            self.losses.add("clips without a split are written as train")
        x = hand_joints.joints(clip, **self._options) if isinstance(clip, Clip) else clip
        split = entry.split or "train"
        name = f"sample_{self._counts[split]:05d}"
        _npy.write(self._folder / split / "features" / f"{name}{SUFFIX}", x)
        if entry.glosses:
            numbers = np.array([self._numbers[gloss] for gloss in entry.glosses], np.int64)
            _npy.write(self._folder / split / "labels" / f"{name}{SUFFIX}", numbers)
        names = labels.join_names(entry.glosses)
        self._rows.append((f"{split}/{name}", entry.name, names, entry.signer))
        self._counts[split] += 1

    def finish(self) -> None:
        """Writes label_map.json and what the samples were made of."""
        write_json(self._folder / MAP, self._numbers)
        write_json(self._folder / RECORD, self._record)
        spreadsheet.write(self._folder / TABLE, ["file", "source", "glosses", "signer"], self._rows)


FORMAT = Format(
    looks="a folder with label_map.json and train, val, test with features/*.npy and labels/*.npy",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
)
