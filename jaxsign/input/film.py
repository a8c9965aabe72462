"""Writing films: pictures with their own times as H.264 in MP4."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

_TICKS = 90_000  # a second


class Writer:
    """An MP4 in the making; all pictures get the size of the first.

    Args:
      path: ends with .mp4.
      rate: frames a second, about; the pictures' own times hold.

    Attributes:
      started: a picture was added.
    """

    def __init__(self, path: Path, rate: float = 30.0):
        self._rate = Fraction(rate).limit_denominator()
        self._container: Any = av.open(str(path), "w")
        self._stream: Any = None
        self._last = -1

    @property
    def started(self) -> bool:
        return self._stream is not None

    def add(self, image: Image.Image, seconds: float) -> None:
        """Adds a picture."""
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, _TICKS)
            # The encoder takes even sides only.
            self._stream.width = max(2, image.width // 2 * 2)
            self._stream.height = max(2, image.height // 2 * 2)
        size = (self._stream.width, self._stream.height)
        frame = av.VideoFrame.from_image(image if image.size == size else image.resize(size))
        self._last = max(self._last + 1, round(seconds * _TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Ends the film."""
        with self._container:
            if self._stream is not None:
                self._container.mux(self._stream.encode())

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        # After an error there is nothing worth ending.
        self._container.close() if kind else self.close()
