"""One video -> one Clip."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import frames, opening, pixels, sampling
from jaxsign.input.signs.extract.landmarkers import Landmarker
from jaxsign.input.signs.extract.settings import ExtractionSettings


def kept(opened: frames.OpenFilm, settings: ExtractionSettings) -> Iterator[frames.Frame]:
    """The frames of a video that its clip has."""
    sampler = sampling.Sampler(settings.every_nth, settings.target_fps)
    return (frame for frame in opened if sampler.keep(frame.seconds))


def record(
    path: Path,
    landmarker: Landmarker,
    settings: ExtractionSettings,
    *,
    source: str = "",
    threads: int = 1,
    keep_partial: bool = False,
    progress: Callable[[int, float], None] = lambda frames, share: None,
) -> tuple[Clip, str]:
    """Finds the landmarks of every kept frame; only these stay in memory.

    Args:
      path: the film.
      landmarker: fresh, for this video alone.
      settings: which frames, and how they are shown.
      source: the clip's own note of where it comes from; the path if empty.
      threads: that decode.
      keep_partial: take what can be decoded of a damaged video.
      progress: called after each frame with the number of frames and the share of the video done.

    Returns:
      The clip and, where a damaged video was taken, what is wrong with it.

    Raises:
      UserError: no video, no frame in it, or a damaged one.
    """
    rows, times = _Rows(clips.POINTS * 3 + 33), []
    clock = sampling.Milliseconds()
    size = (0, 0)
    with opening.film(path, threads, settings.source_fps) as opened:
        for frame in kept(opened, settings):
            image = frame.pixels(settings.max_side, bgr=settings.bgr)
            image = pixels.prepared(image, settings)
            found = landmarker.detect(image, clock.read(frame.seconds))
            rows.add(found.points.ravel(), found.visibility)
            times.append(frame.seconds)
            size = size if times[1:] else frame.size
            progress(len(times), min(1.0, frame.seconds / opened.seconds) if opened.seconds else 0)
        damage, rate = opened.damage, opened.rate
    if not times:
        raise UserError(f"{path}: no frame could be decoded{f': {damage}' if damage else ''}")
    if damage and not keep_partial:
        raise UserError(
            f"{path}: damaged: {damage}. Mend or replace the file, or give --keep-partial to take "
            f"the {len(times)} frames that can be read."
        )
    values = rows.array()
    return Clip(
        landmarks=values[:, :-33].reshape(-1, clips.POINTS, 3),
        timestamps=np.asarray(times) - times[0],
        frame_size=size,
        fps=_fps(times, rate),
        source=source or str(path),
        visibility=values[:, -33:],
    ), damage


def _fps(times: list[float], rate: float) -> float:
    """Frames a second as kept; the video's own where there is one frame."""
    span = times[-1] - times[0]
    return round((len(times) - 1) / span, 3) if span > 0 else rate


class _Rows:
    """A float32 array [T, width] that grows in place: an hour of video is near a gigabyte."""

    def __init__(self, width: int):
        self._array, self._count = np.empty((64, width), np.float32), 0

    def add(self, *parts: np.ndarray) -> None:
        if self._count == len(self._array):
            more = (self._count + self._count // 2, self._array.shape[1])
            self._array.resize(more, refcheck=False)
        np.concatenate(parts, out=self._array[self._count])
        self._count += 1

    def array(self) -> np.ndarray:
        return self._array[: self._count]
