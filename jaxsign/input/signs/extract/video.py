"""Reading videos in any container of FFmpeg: frames in order, with times, as players show them."""

import dataclasses
import functools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import av
import numpy as np
from av.video.reformatter import Interpolation

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input.signs.extract import orientation, sampling

SUFFIXES = frozenset(
    ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .m2v .ts .mts .m2ts .wmv .asf .flv .f4v .3gp .3g2 "
    ".ogv .ogg .vob .mxf .gif .dv .rm .rmvb .divx .y4m".split()
)


@dataclasses.dataclass(frozen=True)
class Frame:
    """A decoded frame.

    Attributes:
      seconds: since the first frame.
      native: PyAV's frame, not converted yet.
      aspect: width of a pixel divided by its height.
    """

    seconds: float
    native: Any
    aspect: Fraction = Fraction(1)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as shown: turned and mirrored as the film says, with square pixels."""
        width = max(1, round(self.native.width * self.aspect))
        return self._shown.size(width, self.native.height)

    @functools.cached_property
    def _shown(self) -> orientation.Orientation:
        return orientation.of_frame(self.native)

    def pixels(self, max_side: int = 0, *, bgr: bool = False) -> np.ndarray:
        """uint8 [H, W, 3] as shown, contiguous, no side longer than `max_side` (0 = any)."""
        width, height = self.size
        scale = min(1.0, max_side / max(width, height)) if max_side else 1.0
        width, height = (max(1, round(side * scale)) for side in (width, height))
        width, height = self._shown.size(width, height)
        options: dict[str, Any] = {"format": "bgr24" if bgr else "rgb24"}
        if (width, height) != (self.native.width, self.native.height):
            options |= {"width": width, "height": height, "interpolation": Interpolation.AREA}
        image = self.native.to_ndarray(**options)
        # Rows may be padded, and MediaPipe reads memory without asking for strides.
        return np.ascontiguousarray(self._shown.apply(image))


class OpenFilm(Protocol):
    """Frames in order, with times; iterate once. It is closed when its block ends.

    Attributes:
      path: where it lies.
      rate: frames a second as it is given or the film tells, 0 where neither does.
      frames: that it says it has, 0 where it does not.
      seconds: length likewise.
      damage: after the iteration: what was missing or could not be decoded, empty if nothing.
    """

    path: Path
    rate: float
    frames: int
    seconds: float
    damage: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: Any) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...


class Video:
    """A video's first moving picture stream: an `OpenFilm`.

    Args:
      path: the file.
      threads: that decode.
      rate: frames a second, whatever the file says; 0 = by its own times.

    Raises:
      UserError: no video, or one that cannot be decoded.
    """

    def __init__(self, path: Path, threads: int = 1, rate: float = 0.0):
        self.path, self.damage = path, ""
        self._container = _open(path)
        try:
            self._stream = self._choose()
            self._stream.codec_context.thread_count = threads
            self._stream.thread_type = "AUTO"
        except BaseException:
            self._container.close()
            raise
        self._given, self.frames = rate, int(self._stream.frames)
        self.rate = rate or float(self._stream.average_rate or self._stream.guessed_rate or 0)
        self.seconds = self._stream.frames / rate if rate else self._declared()

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: Any) -> None:
        self._container.close()

    def _choose(self) -> Any:
        covers = av.stream.Disposition.attached_pic  # the cover of a song
        streams = [s for s in self._container.streams.video if not s.disposition & covers]
        if not streams:
            found = sorted({stream.type for stream in self._container.streams}) or ["nothing"]
            raise UserError(
                f"{self.path}: holds no video stream, only {', '.join(found)}. Expected a video."
            )
        if streams[0].codec_context is None:
            raise UserError(
                f"{self.path}: its video codec is unknown to FFmpeg as built into PyAV. Convert "
                "it, for instance to H.264 in MP4."
            )
        return streams[0]

    def _declared(self) -> float:
        stream = self._stream
        if stream.duration:
            return float(stream.duration * stream.time_base)
        tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if tag:
            hours, minutes, seconds = (float(part) for part in tag.groups())
            return hours * 3600 + minutes * 60 + seconds
        return (self._container.duration or 0) / av.time_base

    def __iter__(self) -> Iterator[Frame]:
        clock = sampling.Clock(1 / self.rate if self.rate else 1 / 30)
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        count, broken, last = 0, 0, 0.0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except av.error.FFmpegError as error:
                broken += 1
                self.damage = f"decoding failed at {last:.2f} s ({error.strerror or error})"
                if broken > 1000:  # rubbish from here on
                    break
                continue
            for native in frames:
                last = clock.read(native.time)
                yield Frame(count / self._given if self._given else last, native, aspect)
                count += 1
        self.damage = self.damage or self._missing(count, last)

    def _missing(self, count: int, last: float) -> str:
        """What the header promised and the file does not hold."""
        # By both measures where there are two: edit lists leave frames out, sound may go on.
        frames, seconds = self._stream.frames, self._declared()
        short = seconds - last > max(0.1 if frames else 0.5, 0.05 * seconds)
        tagged = bool(self._stream.duration) or "DURATION" in self._stream.metadata
        if not count or not short or not tagged or (frames and count > 0.95 * frames):
            return ""
        return f"it ends at {last:.2f} s of {seconds:.2f} s: the file is cut short"


def _open(path: Path) -> Any:
    reading.check(path)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: is empty (0 bytes). Expected a video.")
        return av.open(str(path))
    except av.error.FFmpegError as error:
        raise UserError(
            f"{path}: cannot be read as a video "
            f"({reading.told(path, '', error)}). It may have been cut short."
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
