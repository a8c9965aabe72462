"""Folders of clip files (`<name>.clip.npz`, jaxsign's own) with labels beside them, or one file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _labels
from jaxsign.input.signs.formats._types import Collection, Format

SUFFIX = clips.SUFFIX
_ARRAYS = ("landmarks", "timestamps", "fps", "frame_size", "visibility")


def recognises(path: Path) -> bool:
    """A clip file, a bare npz of 543 landmarks, or a folder with clip files."""
    if path.is_dir():
        return _files.has_below(path, SUFFIX)
    if _files.ends(path, SUFFIX):
        return True
    return path.suffix.lower() == ".npz" and _files.npz_keys(path).get("landmarks", ())[1:] == (
        543,
        3,
    )


def open_path(path: Path) -> Collection:
    """The clips at `path`; labels from the folder's own files, if it has them.

    Raises:
        UserError: an unreadable labels file.
    """
    return _labels.open_files(path, "clips", (SUFFIX, ".npz"), load, frames)


def load(path: Path) -> Clip:
    """Reads a clip file, or an npz of `landmarks` [T, 543, 3] that tells `fps` or `timestamps`.

    Raises:
        UserError: the file is absent, damaged, or holds no clip.
    """
    if _files.ends(path, SUFFIX):
        return clips.load(path)
    arrays = files.read_npz(path, _ARRAYS)
    try:
        return _bare(arrays, str(path))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: {error}. Expected landmarks [T, 543, 3] and fps; found {files.held(path)}."
        ) from error


def _bare(arrays: Mapping[str, np.ndarray], source: str) -> Clip:
    """A clip of what there is of a clip file's arrays; without `timestamps` at `fps`, or 30."""
    points, times = arrays["landmarks"], arrays.get("timestamps")
    fps = float(arrays.get("fps", np.float64(30.0 if times is None else 0.0)))
    if times is None:
        if not fps > 0:
            raise ValueError(f"fps is {fps}")
        times = np.arange(len(points)) / fps
    width, height = arrays.get("frame_size", np.zeros(2)).tolist()
    visibility = arrays.get("visibility")
    return Clip(
        points, times, frame_size=(width, height), fps=fps, source=source, visibility=visibility
    )


def frames(path: Path) -> int:
    """The length of a clip, from its file's header; raises as `load`."""
    shape = _files.npz_shapes(path).get("landmarks", ())
    if shape[1:] != (clips.POINTS, 3) or not shape[0]:
        raise UserError(f"{path}: landmarks {list(shape)}, expected [T >= 1, {clips.POINTS}, 3]")
    return shape[0]


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one clip file."""
    clip.save(path)


class _Writer(_labels.FolderWriter):
    """Writes a folder of clip files and its labels. Nothing is lost."""

    SUFFIX = SUFFIX

    def write(self, path: Path, clip: Clip) -> None:
        """Writes the file of one clip."""
        clip.save(path)


FORMAT = Format(
    looks="a folder of *.clip.npz with labels.csv, or one .npz file with landmarks [T, 543, 3]",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
    foldered=True,
)
