"""Folders of clip files (`<name>.clip.npz`, jaxsign's own) with labels beside them, or one file."""

import functools
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import clip as clips
from jaxsign.input import files
from jaxsign.input.clip import Clip
from jaxsign.input.formats import _files, _labels
from jaxsign.input.formats._types import Collection, Entry

LOOKS = "a folder of *.clip.npz with labels.csv, or one .npz file with landmarks [T, 543, 3]"
SUFFIX = clips.SUFFIX


def recognises(path: Path) -> bool:
    """A clip file, a bare npz of 543 landmarks, or a folder with clip files."""
    if path.is_dir():
        return _files.has_below(path, SUFFIX)
    if path.name.endswith(SUFFIX):
        return True
    return path.suffix == ".npz" and _files.npz_keys(path).get("landmarks", ())[1:] == (543, 3)


def open_path(path: Path) -> Collection:
    """The clips at `path`; labels from the folder's own files, if it has them.

    Raises:
        UserError: an unreadable labels file.
    """
    if path.is_file():
        name = path.name.removesuffix(SUFFIX).removesuffix(".npz")
        return _collection(path, [Entry(name, path=path)], _labels.Labels({}))
    found = _files.below(path, SUFFIX)
    labels = _labels.read(path, (SUFFIX, ".npz"))
    return _collection(path, _labels.joined(labels, found, path, SUFFIX), labels)


def _collection(path: Path, entries: list[Entry], labels: _labels.Labels) -> Collection:
    paths = [entry.path for entry in entries if entry.path is not None]
    return Collection(
        name=str(path),
        format="clips",
        entries=entries,
        reader=functools.partial(_read, paths),
        problems=labels.problems,
        glosses=labels.glosses,
        categories=labels.categories,
        counter=functools.partial(_frames, paths),
    )


def _read(paths: list[Path], index: int) -> Clip:
    return load(paths[index])


def load(path: Path) -> Clip:
    """Reads a clip file, or an npz of `landmarks` [T, 543, 3] and `fps` alone.

    Raises:
        UserError: the file is absent, damaged, or holds no clip.
    """
    if path.name.endswith(SUFFIX):
        return clips.load(path)
    arrays = files.read_npz(path)
    try:
        fps = float(arrays.get("fps", np.float64(30.0)))
        times = np.arange(len(arrays["landmarks"])) / fps
        return Clip(arrays["landmarks"], times, fps=fps, source=str(path))
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        raise UserError(
            f"{path}: {error}. Expected landmarks [T, 543, 3] and fps; found {sorted(arrays)}."
        ) from error


def _frames(paths: list[Path], index: int) -> int:
    shape = _files.npz_shapes(paths[index]).get("landmarks", ())
    if shape[1:] != (clips.POINTS, 3) or not shape[0]:
        raise UserError(
            f"{paths[index]}: landmarks {list(shape)}, expected [T >= 1, {clips.POINTS}, 3]"
        )
    return shape[0]


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one clip file."""
    clip.save(path)


class Writer:
    """Writes a folder of clip files and its labels. Nothing is lost."""

    LOSSES: frozenset[str] = frozenset()

    def __init__(self, folder: Path, collection: Collection):
        self._folder, self._collection = folder, collection
        self._written: list[Entry] = []
        self.losses = set(self.LOSSES)

    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes one clip."""
        clip.save(self._folder / f"{entry.name}{SUFFIX}")
        self._written.append(entry)

    def finish(self) -> None:
        """Writes the labels."""
        _labels.write(self._folder, self._written, self._collection, SUFFIX)
