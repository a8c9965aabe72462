"""Pictures uint8 [T, H, W, 3] made smaller or larger and cut, as torchvision does with tensors."""

import numpy as np

from jaxsign.input import pictures

Array = np.ndarray


def resize(frames: Array, height: int, width: int) -> Array:
    """uint8 [T, height, width, 3], bilinear without antialiasing, rounded."""
    if frames.shape[1:3] == (height, width):
        return frames
    top, bottom, down = pictures.places(frames.shape[1], height)
    left, right, along = pictures.places(frames.shape[2], width)
    # Bytes are gathered before anything becomes a float, and one by one: three at a time take four
    # times as long.
    left, right = ((3 * at[:, None] + np.arange(3)).ravel() for at in (left, right))
    down, along = down[:, None], np.repeat(along, 3)
    made = np.empty((len(frames), height, width, 3), np.uint8)
    for frame, out in zip(frames.reshape(*frames.shape[:2], -1), made, strict=True):
        upper, lower = frame[top], frame[bottom]
        above = pictures.between(upper.take(left, 1), upper.take(right, 1), along)
        below = pictures.between(lower.take(left, 1), lower.take(right, 1), along)
        np.rint(pictures.between(above, below, down), casting="unsafe", out=out.reshape(height, -1))
    return made


def resize_shorter(frames: Array, side: int) -> Array:
    """The same with a shorter side of `side`; the longer one is rounded down."""
    height, width = frames.shape[1:3]
    if height <= width:
        return resize(frames, side, side * width // height)
    return resize(frames, side * height // width, side)


def centre(frames: Array, side: int) -> Array:
    """The square in the middle."""
    top, left = (round((size - side) / 2) for size in frames.shape[1:3])
    return frames[:, top : top + side, left : left + side]
