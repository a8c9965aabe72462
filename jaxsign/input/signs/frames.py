"""Pictures uint8 [T, H, W, 3] made smaller or larger and cut, as torchvision does with tensors."""

import numpy as np

Array = np.ndarray


def resize(frames: Array, height: int, width: int) -> Array:
    """uint8 [T, height, width, 3], bilinear without antialiasing, rounded."""
    if frames.shape[1:3] == (height, width):
        return frames
    rows, cols = _places(frames.shape[1], height), _places(frames.shape[2], width)
    # Frame by frame: what is between the two steps is four times as large as the frame.
    made = np.empty((len(frames), height, width, 3), np.uint8)
    for frame, out in zip(frames, made, strict=True):
        mixed = _mixed(frame, *rows, axis=0)
        np.rint(_mixed(mixed, *cols, axis=1), casting="unsafe", out=out)
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


def _places(size: int, wanted: int) -> tuple[Array, Array, Array]:
    """For each wanted place the two that it lies between, and its share of the second."""
    at = np.maximum((np.arange(wanted) + 0.5) * (size / wanted) - 0.5, 0)
    low = np.minimum(at.astype(np.int64), size - 1)
    return low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)


def _mixed(frame: Array, low: Array, high: Array, share: Array, *, axis: int) -> Array:
    share = np.expand_dims(share, (1, 2) if axis == 0 else (0, 2))
    first = frame.take(low, axis).astype(np.float32)
    return first + share * (frame.take(high, axis) - first)
