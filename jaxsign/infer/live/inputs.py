"""What a person streams: recordings in any format, films, and lines of JSON from a pipe."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import files
from jaxsign.infer.live import frames, sensor_lines
from jaxsign.infer.live.rows import Chunk
from jaxsign.input import files as npz_files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import POINTS, Clip
from jaxsign.input.signs.extract import video
from jaxsign.input.signs.extract.landmarkers import Landmarker
from jaxsign.input.signs.extract.sampling import Milliseconds

Array = np.ndarray
PIPE = "-"
VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm")


@dataclasses.dataclass(frozen=True)
class Stream:
    """One stream that can be read once.

    Attributes:
      name: for people.
      chunks: opens it.
      fps: frames a second as it says itself; 0 = it does not.
      frame_size: (width, height) of the images, (0, 0) where unknown.
    """

    name: str
    chunks: Callable[[], Iterator[Chunk]]
    fps: float = 0.0
    frame_size: tuple[int, int] = (0, 0)


def open_all(
    sources: list[str], run: Any, *, size: int = 16, landmarker: Callable[[], Landmarker] | None
) -> list[Stream]:
    """The streams that the words of a command line mean, a folder's one by one.

    Args:
      sources: files, folders, or '-'.
      run: a loaded run, which decides which array of a file is meant.
      size: frames a chunk, for recordings.
      landmarker: makes one for films; None = there is none.

    Raises:
      UserError: nothing there, or nothing that this run takes.
    """
    return [stream for source in sources for stream in _open(source, run, size, landmarker)]


def _open(
    source: str, run: Any, size: int, landmarker: Callable[[], Landmarker] | None
) -> list[Stream]:
    if source == PIPE:
        return [Stream("standard input", lambda: sensor_lines.read(sys.stdin, "standard input"))]
    path = Path(source)
    if path.is_file() and path.suffix.lower() in VIDEOS:
        if landmarker is None:
            raise UserError(
                f"{path} is a film: its landmarks need MediaPipe's model file, for instance "
                "--model models/holistic_landmarker.task"
            )
        return [_film(path, landmarker)]
    if path.is_file() and path.suffix.lower() in (".npy", ".npz"):
        stored = _stored(path, run)
        if stored is not None:
            return [_of_array(str(path), stored, size)]
    found = files.find(path)
    return [_of_item(item, run, size) for item in found]


def _of_item(item: files.Item, run: Any, size: int) -> Stream:
    name = str(item.path)
    if item.path.suffix == ".npy" and (stored := _stored(item.path, run)) is not None:
        return _of_array(name, stored, size)
    whole = item.collection
    if whole is None and files.of_other_rate(item.path, run):
        whole = formats.open_collection(item.path)
    if whole is not None:
        return _of_clip(name, whole.read(item.index), size)
    if item.path.name.endswith(clips.SUFFIX):
        return _of_clip(name, clips.load(item.path), size)
    stored = _stored(item.path, run)
    if stored is None and _holds_landmarks(_arrays(item.path)) and run.view is not None:
        return _of_clip(name, formats.open_collection(item.path, "clips").read(0), size)
    if stored is None:
        stored = _arrays(item.path)[files.choose_key(_arrays(item.path), run, item.path)]
    return _of_array(name, stored, size)


def _stored(path: Path, run: Any) -> Array | None:
    """The array of a file that the run's view or net takes as it is; None for landmarks."""
    if path.name.endswith(clips.SUFFIX) or not path.is_file() or files.of_other_rate(path, run):
        return None
    arrays = _arrays(path)
    if _holds_landmarks(arrays) and run.view is not None:
        return None
    fitting = [a for a in arrays.values() if a.shape[1:] == tuple(run.frame_shape)]
    own = arrays.get(str(run.config.data.key))
    chosen = next(iter(fitting), own if own is not None and own.ndim > 1 else None)
    if chosen is None and len(arrays) == 1 and not _is_known(path):
        (chosen,) = arrays.values()  # the view may know what it is
    return None if chosen is None else chosen.astype(np.float32)


def _holds_landmarks(arrays: dict[str, Array]) -> bool:
    return any(array.shape[1:] == (POINTS, 3) for array in arrays.values())


def _is_known(path: Path) -> bool:
    return any(formats.get(name).recognises(path) for name in formats.names())


def _arrays(path: Path) -> dict[str, Array]:
    if path.suffix.lower() == ".npz":
        return {key: a for key, a in npz_files.read_npz(path).items() if a.dtype.kind in "fiu"}
    try:
        array = np.load(path, allow_pickle=False)
    except npz_files.BROKEN as error:
        raise UserError(f"{path}: not a readable .npy file of plain numbers") from error
    return {"": array} if array.ndim > 1 and array.dtype.kind in "fiu" else {}


def _of_array(name: str, x: Array, size: int) -> Stream:
    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(x), size):
            yield Chunk(x[start : start + size])

    return Stream(name, chunks)


def _of_clip(name: str, clip: Clip, size: int) -> Stream:
    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(clip), size):
            part = slice(start, start + size)
            seen = None if clip.visibility is None else clip.visibility[part]
            yield Chunk(clip.landmarks[part], clip.timestamps[part], seen)

    return Stream(name, chunks, clip.fps or _rate(clip.timestamps), clip.frame_size)


def _rate(times: Array) -> float:
    span = float(times[-1] - times[0])
    return (len(times) - 1) / span if span > 0 else 0.0


def _film(path: Path, landmarker: Callable[[], Landmarker]) -> Stream:
    with video.Video(path) as opened:
        fps = opened.rate

    def chunks() -> Iterator[Chunk]:
        clock = Milliseconds()
        with contextlib.closing(landmarker()) as finder:
            for seconds, image in frames.film(path, 640):
                found = finder.detect(image, clock.read(seconds))
                yield Chunk(found.points[None], np.array([seconds]), found.visibility[None])

    return Stream(str(path), chunks, fps)
