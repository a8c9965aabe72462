"""Images to the fixed size that an image net takes, number for number as OpenCV does it."""

import functools

import numpy as np

# OpenCV weighs neighbours in whole 2048ths.
_BITS = 11


def resize_bilinear(image: np.ndarray, size: int) -> np.ndarray:
    """The image stretched to a square, its sides each scaled on their own.

    Two neighbours each way with half-pixel centres and no smoothing beforehand, in OpenCV's
    fixed-point steps (`cv2.resize`, INTER_LINEAR): the FSLR features were made so. Where OpenCV
    takes another path (its vector code rounds differently) the results differ by one grey level.

    Args:
      image: uint8 [H, W, C].
      size: pixels of both sides of the result.

    Returns:
      uint8 [size, size, C].
    """
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    top, bottom, down = _taps(height, size)
    left, right, across = _taps(width, size)
    across, down = across[:, None], down[:, None, None]

    def row(numbers: np.ndarray) -> np.ndarray:
        rows = image[numbers]
        one, two = rows[:, left].astype(np.int32), rows[:, right].astype(np.int32)
        return (one * ((1 << _BITS) - across) + two * across) >> 4

    upper, lower = row(top) * ((1 << _BITS) - down), row(bottom) * down
    return (((upper >> 16) + (lower >> 16) + 2) >> 2).astype(np.uint8)


@functools.lru_cache(maxsize=64)
def _taps(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and second neighbour of each new pixel, and the second one's weight in 2048ths."""
    at = (np.arange(size) + 0.5) * (length / size) - 0.5
    first = np.floor(at).astype(np.int64)
    weight = np.rint((at - first) * (1 << _BITS)).astype(np.int32)
    first, second = (np.clip(taps, 0, length - 1) for taps in (first, first + 1))
    return first, second, weight
