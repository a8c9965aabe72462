"""Pictures: their files, and what lies between their pixels."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageOps

from jaxsign.errors import UserError

Array = np.ndarray
# Modes of 8 bits a channel: others, such as depth in 16 bits, would be cut off.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_SIDEWAYS = 5, 6, 7, 8  # orientations of pictures that are turned by a quarter
# What reading a file raises that is no good picture.
BROKEN = (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError)


def shown(file: Path) -> PIL.Image.Image:
    """A picture in RGB, turned as it says.

    Raises:
      UserError: its numbers are no colours of 8 bits.
      BROKEN: it is no good picture.
    """
    with _opened(file) as image:
        return PIL.ImageOps.exif_transpose(image).convert("RGB")


def size(file: Path) -> tuple[int, int]:
    """Width and height of what `shown` gives, as a picture's head tells them.

    Raises:
      UserError, BROKEN: as `shown`, as far as the head tells.
    """
    with _opened(file) as image:
        width, height = image.size
        turned = image.getexif().get(PIL.ExifTags.Base.Orientation) in _SIDEWAYS
        return (height, width) if turned else (width, height)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[PIL.Image.Image]:
    with PIL.Image.open(file) as image:
        if image.mode not in _MODES:
            raise UserError(f"{file}: holds {image.mode}, expected colours of 8 bits")
        yield image


def places(size: int, wanted: int, step: float = 0.0) -> tuple[Array, Array, Array]:
    """For each wanted place along an axis the two that it lies between, and the second's share.

    Args:
      size: pixels that there are.
      wanted: pixels to make.
      step: pixels from one wanted to the next; 0 = size / wanted.
    """
    at = np.maximum((np.arange(wanted) + 0.5) * (step or size / wanted) - 0.5, 0)
    low = np.minimum(at.astype(np.int64), size - 1)
    high = np.minimum(low + 1, size - 1)
    return low, high, (at - low).astype(np.float32)


def between(first: Array, second: Array, share: Array) -> Array:
    """float32: `first` (1 - share) + `second` share."""
    made = np.subtract(second, first, dtype=np.float32)
    made *= share
    made += first
    return made
