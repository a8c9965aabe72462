"""Frames of a film, whatever it lies in, with their times, as players show them."""

import dataclasses
import functools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from jaxsign.input.signs.extract import orientation


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
            options |= {"width": width, "height": height, "interpolation": "AREA"}
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
