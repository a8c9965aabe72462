"""Clips cut out of one film, in one pass through it."""

import collections
import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.input import film
from jaxsign.input.folders.work import Notes, Work
from jaxsign.input.signs.corpora.preset import Preset
from jaxsign.input.signs.extract import frames, video
from jaxsign.whole import whole


@dataclasses.dataclass
class CutRow:
    """A sign of the report.

    Attributes:
      sample: the clip's name.
      film: it is cut out of, below the folder of films.
      start, end: in milliseconds of the film.
      side: of the picture; "" = all of it.
      crop: width x height of a side; "" = all of it.
      rate: frames a second of the clip; 0 = those of the film.
      frames: of the clip; 0 = there is none.
      reason: why not; "" = there is one.
    """

    sample: str
    film: str
    start: int
    end: int
    side: str = ""
    crop: str = ""
    rate: float = 0.0
    frames: int = 0
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class FilmJob:
    """A job: what is to be cut out of a film.

    Attributes:
      path: of the film.
      rows: of the signs, by their start.
      clips: folder of the clips.
      preset: of the corpus.
    """

    path: Path
    rows: Sequence[CutRow]
    clips: Path
    preset: Preset

    @property
    def bytes(self) -> int:
        """Of the film; 0 where there is none."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def failed(self, reason: str) -> list[CutRow]:
        """Its rows, none of which became a clip."""
        return [dataclasses.replace(row, reason=reason) for row in self.rows]


def start() -> Work[FilmJob, list[CutRow]]:
    """What a worker process does."""
    return cut


def cut(job: FilmJob, notes: Notes) -> list[CutRow]:
    """Cuts all signs of a film.

    Returns:
      A row for each, with what became of it.

    Raises:
      UserError: the film cannot be read at all.
    """
    with video.Video(job.path) as opened:
        rate = job.preset.rate or opened.rate
        clips = [_Clip(row, job, rate) for row in job.rows]
        due = _Due(clips)
        try:
            shown, count, last = None, 0, 0.0
            for frame in opened:
                if shown is not None:
                    due.show(shown, frame.seconds)
                shown, count, last = frame, count + 1, frame.seconds
                if due.over:
                    break
                notes(count, last / opened.seconds if opened.seconds else 0.0)
            if shown is not None:
                due.show(shown, last + 1 / (opened.rate or rate))
            end = f"the film's last frame is at {1000 * last:.0f} ms"
            return [clip.ended(opened.damage or end) for clip in clips]
        finally:
            for clip in clips:
                clip.drop()


class _Due:
    """The clips that a frame may belong to: of a long film's thousands these are few.

    Args:
      clips: of a film, by their start.
    """

    def __init__(self, clips: Sequence["_Clip"]):
        self._later, self._begun = collections.deque(clips), list[_Clip]()

    @property
    def over(self) -> bool:
        """Nothing more is needed of the film."""
        return not (self._later or self._begun)

    def show(self, frame: frames.Frame, until: float) -> None:
        """Gives the clips that it is in a frame that the film shows `until` a time in seconds."""
        while self._later and self._later[0].due < until:
            self._begun.append(self._later.popleft())
        for clip in self._begun:
            clip.show(frame, until)
        self._begun = [clip for clip in self._begun if not clip.over]


class _Clip:
    """A clip in the making: frame k is what the film shows in the middle of the time of frame k."""

    def __init__(self, row: CutRow, job: FilmJob, rate: float):
        self._row, self._job, self._rate = row, job, rate
        self._total = max(1, round((row.end - row.start) * rate / 1000))
        self._count, self._reason = 0, ""
        self._open = contextlib.ExitStack()
        self._writer: film.Writer | None = None

    @property
    def over(self) -> bool:
        """Nothing more is needed of the film."""
        return bool(self._reason) or self._count == self._total

    def show(self, frame: frames.Frame, until: float) -> None:
        """Takes a frame that the film shows `until` a time in seconds, as often as it is due."""
        picture = None
        while not self.over and self.due < until:
            if picture is None:
                pixels = self._pixels(frame)
                if self._reason:
                    return
                picture = Image.fromarray(pixels)
            if self._writer is None:
                path = self._job.clips / self._row.sample
                draft = self._open.enter_context(whole(path, ending=True))
                self._writer = self._open.enter_context(film.Writer(draft, self._rate))
            self._writer.add(picture, self._count / self._rate)
            self._count += 1
            if self.over:
                self._open.close()

    @property
    def due(self) -> float:
        """Seconds of the film at which the next frame is taken."""
        return self._row.start / 1000 + (self._count + 0.5) / self._rate

    def _pixels(self, frame: frames.Frame) -> np.ndarray:
        """uint8 [H, W, 3]: all of the picture, or the clip's side of it as it is stored."""
        if not self._row.side:
            return frame.pixels()
        width, height = self._job.preset.crop
        left = width if self._row.side == "right" else 0
        pixels = frame.native.to_ndarray(format="rgb24")
        if pixels.shape[0] < height or pixels.shape[1] < left + width:
            self._reason = (
                f"its {self._row.side} side of {width} x {height} does not lie in the film's "
                f"picture of {pixels.shape[1]} x {pixels.shape[0]}"
            )
        return np.ascontiguousarray(pixels[:height, left : left + width])

    def ended(self, reason: str) -> CutRow:
        """What became of it: the film has no more frames, for that `reason`."""
        if self._count == self._total:
            return dataclasses.replace(self._row, frames=self._count)
        self.drop()
        told = self._reason or f"{self._count} of its {self._total} frames: {reason}"
        return dataclasses.replace(self._row, reason=f"{self._job.path}: {told}")

    def drop(self) -> None:
        """Leaves no half of a clip."""
        error = UserError("not all of it is there")
        self._open.__exit__(UserError, error, None)
