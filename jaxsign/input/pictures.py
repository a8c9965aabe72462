"""Pictures: their files, and what lies between their pixels."""

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from jaxsign.errors import UserError

Array = np.ndarray
# Modes of 8 bits a channel: others, such as depth in 16 bits, would be cut off.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
# What reading a file raises that is no good picture.
BROKEN = (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError)


def shown(file: Path) -> PIL.Image.Image:
    """A picture in RGB, turned as it says.

    Raises:
      UserError: its numbers are no colours of 8 bits.
      BROKEN: it is no good picture.
    """
    with PIL.Image.open(file) as image:
        if image.mode not in _MODES:
            raise UserError(f"{file}: holds {image.mode}, expected colours of 8 bits")
        return PIL.ImageOps.exif_transpose(image).convert("RGB")


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
