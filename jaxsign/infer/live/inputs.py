"""What a person streams: recordings in any format, films, and lines of JSON from a pipe."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxsign.infer import clip_items, files
from jaxsign.infer import run as runs
from jaxsign.infer.live import frames, sensor_lines
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import opening, videos
from jaxsign.input.signs.extract.films import Finder
from jaxsign.input.signs.extract.landmarkers import Landmarker
from jaxsign.input.signs.extract.sampling import Milliseconds
from jaxsign.input.signs.rows import Chunk

Array = np.ndarray
PIPE, _STDIN = "-", "standard input"


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


def find(
    sources: Sequence[str], films: Finder | None = None, fps: float = 0.0
) -> list[clip_items.Item | None]:
    """What the words of a command line mean, a folder's recordings one by one.

    Args:
      sources: files, folders, or '-'.
      films: finds landmarks in films.
      fps: frames a second of all but the pipe; 0 = as they say.

    Returns:
      Recordings, and None for the pipe.

    Raises:
      UserError: nothing there.
    """
    found = list[clip_items.Item | None]()
    for source in sources:
        found += [None] if source == PIPE else clip_items.find(source, films, fps=fps)
    return found


def open_all(
    items: Sequence[clip_items.Item | None],
    run: runs.Run,
    *,
    size: int = 16,
    films: Finder | None = None,
    fps: float = 0.0,
) -> list[Stream]:
    """The streams of what was found.

    Args:
      items: of `find`.
      run: a loaded run, which decides which array of a file is meant.
      size: frames a chunk, for recordings.
      films, fps: as `find` was given them.

    Raises:
      UserError: nothing that this run takes.
    """
    pipe = Stream(_STDIN, lambda: sensor_lines.read(sys.stdin, _STDIN))
    return [pipe if item is None else _of_item(item, run, size, films, fps) for item in items]


def _of_item(
    item: clip_items.Item, run: runs.Run, size: int, films: Finder | None, fps: float
) -> Stream:
    if films is not None and videos.is_film(item.path):
        return _film(item.path, films.factory, fps)
    return of_value(str(item.path), files.value(item, run), size, fps)


def of_value(name: str, value: Clip | Array, size: int, fps: float = 0.0) -> Stream:
    """A recorded clip, or stored features [T, ...], as a stream.

    Args:
      name: for messages.
      value: it.
      size: frames of a chunk.
      fps: frames a second of features, which have no times of their own; 0 = not known.
    """
    if isinstance(value, Clip):
        return _of_clip(name, value, size)
    return dataclasses.replace(_of_array(name, value.astype(np.float32), size), fps=fps)


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


def _film(path: Path, landmarker: Callable[[], Landmarker], rate: float) -> Stream:
    with opening.film(path, rate=rate) as opened:
        fps = opened.rate

    def chunks() -> Iterator[Chunk]:
        clock = Milliseconds()
        with contextlib.closing(landmarker()) as finder:
            for seconds, image in frames.film(path, 640, rate):
                found = finder.detect(image, clock.read(seconds))
                yield Chunk(found.points[None], np.array([seconds]), found.visibility[None])

    return Stream(str(path), chunks, fps)
