"""WhisperSign's processed data: hands alone, 60 frames a second, a folder a split.

`{train,val,test}/features/sample_%05d.npy` float32 [T, 42, 7] (left hand, right hand; x, y, z,
velocities, confidence; a hand that was not seen is 0), `labels/` beside it int64 [glosses], and
`label_map.json` {"<blank>": 0, gloss: id, ...}.
"""

from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import clip as clips
from jaxsign.input.clip import Clip
from jaxsign.input.formats import _files, _labels, _npy
from jaxsign.input.formats._types import SPLITS, Collection, Entry, of_files
from jaxsign.input.views import whisper_sign
from jaxsign.whole import write_text

Array = np.ndarray
LOOKS = "a folder with label_map.json and train, val, test with features/*.npy and labels/*.npy"
SUFFIX = ".npy"
MAP = "label_map.json"
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
        return of_files(path, "whispersign", [Entry(path.stem, path=path)], load, frames)
    names = _read_map(path / MAP)
    problems: list[str] = []
    entries = []
    for split in SPLITS:
        for stem, file in _files.below(path / split / "features", SUFFIX).items():
            try:
                glosses = _glosses(path / split / "labels" / f"{stem}{SUFFIX}", names)
            except UserError as error:
                problems.append(str(error))
                continue
            entries.append(Entry(f"{split}/{stem}", glosses, "", "", split, file))
    glosses = tuple(names[number] for number in sorted(names) if number)
    rest = {"glosses": glosses, "problems": problems}
    return of_files(path, "whispersign", entries, load, frames, **rest)


def _read_map(path: Path) -> dict[int, str]:
    numbers = _labels.read_numbers(path, f'{{"{BLANK}": 0, "GLOSS": 1, ...}}')
    names = {number: gloss for gloss, number in numbers.items()}
    if len(names) < len(numbers):
        raise UserError(f"{path}: two glosses have the same number")
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


def load(path: Path) -> Clip:
    """Reads the hands of an array of features; velocities and confidences are left.

    Raises:
        UserError: unreadable, of another shape, or not finite.
    """
    features = _npy.read(path, _SHAPE).astype(np.float32)
    if not np.isfinite(features).all():
        raise UserError(f"{path}: holds NaN or infinite values; a hand that is not seen must be 0")
    seen = (features != 0).any(axis=-1)
    landmarks = np.full((len(features), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, _ROWS] = np.where(seen[..., None], features[..., :3], np.nan)
    times = np.arange(len(features)) / FPS
    return Clip(landmarks, times, fps=FPS, source=str(path))


def frames(path: Path) -> int:
    """The length of a clip, from its file's header; raises as `load`."""
    return _npy.frames(path, _SHAPE)


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one array [T, 42, 7] at 60 frames a second, as the original's preparation does."""
    _npy.write(path, whisper_sign.joints(clip))


class Writer:
    """Writes features and labels a split, numbered, and label_map.json."""

    LOSSES = frozenset({"whispersign keeps the hands alone, at 60 fps, and numbers the clips anew"})

    def __init__(self, folder: Path, collection: Collection):
        self._folder, glosses = folder, collection.classes()[0]
        self._numbers = {BLANK: 0} | {name: i for i, name in enumerate(glosses, 1)}
        self._counts = dict.fromkeys(SPLITS, 0)
        self.losses = set(self.LOSSES)

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip and its label."""
        for what, value in (("categories", entry.category), ("signers", entry.signer)):
            if value:
                self.losses.add(f"whispersign keeps no {what}")
        if not entry.split:
            self.losses.add("clips without a split are written as train")
        split = entry.split or "train"
        name = f"sample_{self._counts[split]:05d}{SUFFIX}"
        _npy.write(self._folder / split / "features" / name, whisper_sign.joints(clip))
        if entry.glosses:
            numbers = np.array([self._numbers[gloss] for gloss in entry.glosses], np.int64)
            _npy.write(self._folder / split / "labels" / name, numbers)
        self._counts[split] += 1

    def finish(self) -> None:
        """Writes label_map.json."""
        write_text(self._folder / MAP, _labels.json_text(self._numbers))
