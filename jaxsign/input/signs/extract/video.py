"""Reading videos in any container of FFmpeg: frames in order, with times, as players show them."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input.signs.extract import frames, sampling


class Video:
    """A video's first moving picture stream: a `frames.OpenFilm`.

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

    def __iter__(self) -> Iterator[frames.Frame]:
        clock = sampling.Clock(1 / self.rate if self.rate else 1 / 30)
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        count, broken, last = 0, 0, 0.0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                decoded = packet.decode()
            except av.error.FFmpegError as error:
                broken += 1
                self.damage = f"decoding failed at {last:.2f} s ({error.strerror or error})"
                if broken > 1000:  # rubbish from here on
                    break
                continue
            for native in decoded:
                last = clock.read(native.time)
                yield frames.Frame(count / self._given if self._given else last, native, aspect)
                count += 1
        self.damage = self.damage or self._missing(count, last)

    def _missing(self, count: int, last: float) -> str:
        """What the header promised and the file does not hold."""
        # By both measures where there are two: edit lists leave frames out, sound may go on.
        told, seconds = self._stream.frames, self._declared()
        short = seconds - last > max(0.1 if told else 0.5, 0.05 * seconds)
        tagged = bool(self._stream.duration) or "DURATION" in self._stream.metadata
        if not count or not short or not tagged or (told and count > 0.95 * told):
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
