"""Clips that are parts of longer ones."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from jaxsign.errors import UserError
from jaxsign.input import segments
from jaxsign.input.signs.clip import Clip

T = TypeVar("T")
Place = tuple[Path, segments.Segment | None]  # a file, and which part of it


def cut(clip: Clip, segment: segments.Segment | None) -> Clip:
    """A part of a clip, with times from 0; None = all of it.

    Raises:
      UserError: the clip does not reach that far.
    """
    if segment is None:
        return clip
    try:
        kept = segment.frames(clip.timestamps)
    except ValueError as error:
        raise UserError(f"{clip.source}: {error}") from error
    times = clip.timestamps[kept]
    return dataclasses.replace(
        clip,
        landmarks=clip.landmarks[kept],
        timestamps=times - times[0],
        source=f"{clip.source}{segment.suffix}",
        visibility=None if clip.visibility is None else clip.visibility[kept],
    )


def whole(load: Callable[[Path], T], path: Path) -> T:
    """A file that parts are cut of: those that follow each other read it once."""
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return cast(T, _loaded(load, path, changed))


@functools.lru_cache(maxsize=1)
def _loaded(load: Callable[[Path], object], path: Path, changed: int) -> object:
    return load(path)


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads parts of files; a plain object, which workers can receive."""

    load: Callable[[Path], Clip]

    def __call__(self, place: Place) -> Clip:
        path, segment = place
        return self.load(path) if segment is None else cut(whole(self.load, path), segment)


@dataclasses.dataclass(frozen=True)
class Counter:
    """Frames of parts of files: of whole ones from their headers."""

    load: Callable[[Path], Clip]
    frames: Callable[[Path], int] | None

    def __call__(self, place: Place) -> int:
        path, segment = place
        if segment is not None:
            return len(cut(whole(self.load, path), segment))
        return len(self.load(path)) if self.frames is None else self.frames(path)
