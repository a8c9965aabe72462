"""Overlapping windows over a recording, and arrays brought to a fixed length."""

import numpy as np

from jaxsign.errors import UserError

# Frames of a window; more would be minutes of a fast sensor.
_LONGEST = 20_000


def sizes(duration: float, overlap: float, rate: float) -> tuple[int, int]:
    """Frames of a window and from one window's start to the next one's.

    Args:
      duration: seconds of a window.
      overlap: of neighbouring windows, as a share of one.
      rate: frames a second.

    Raises:
      UserError: numbers that give an empty window or one that does not move on.
    """
    wanted = duration * rate
    if not wanted <= _LONGEST or not 0 <= overlap <= 1:  # or one of them is no number
        raise UserError(
            f"windows of {duration} s at {rate} frames/s with overlap {overlap}: expected at most "
            f"{_LONGEST:,} frames, and an overlap from 0 to 1"
        )
    window = int(wanted)
    hop = int(window * (1 - overlap))
    if window < 1 or hop < 1:
        raise UserError(
            f"windows of {duration} s at {rate} frames/s with overlap {overlap} are {window} "
            f"frames long and {hop} apart; expected at least 1 of each"
        )
    return window, hop


def stream(frames: int, window: int, hop: int) -> list[tuple[int, int]]:
    """(first frame, real frames) of windows that start every `hop` frames to the very end."""
    return [(start, min(window, frames - start)) for start in range(0, frames, hop)]


def cover(frames: int, window: int, hop: int) -> list[tuple[int, int]]:
    """(first frame, real frames) of all full windows and one part-filled one behind them."""
    found = [(start, window) for start in range(0, frames - window + 1, hop)]
    start = len(found) * hop
    return [*found, (start, frames - start)] if start < frames else found


def pieces(frames: int, window: int, stride: int) -> list[tuple[int, int]]:
    """`cover` with a window of 0 = the whole clip, and a stride of 0 = a window."""
    return cover(frames, window or frames, stride or window or frames)


def cut(x: np.ndarray, windows: list[tuple[int, int]], window: int) -> np.ndarray:
    """[N, window, ...]: the windows of [T, ...], padded with zeros."""
    made = np.zeros((len(windows), window, *x.shape[1:]), x.dtype)
    for row, (start, count) in zip(made, windows, strict=True):
        row[:count] = x[start : start + count]
    return made


def thin(frames: int, target: int) -> np.ndarray:
    """int [min(frames, target)]: evenly spread frames, rounded down; all of them with target 0."""
    if not target or frames <= target:
        return np.arange(frames)
    return np.linspace(0, frames - 1, target).astype(np.int64)


def fixed_length(frames: int, length: int = 16, stride: int = 2) -> np.ndarray:
    """int [length]: every `stride`-th frame from about the middle, the last one repeated.

    Not truly in the middle, as in the original: it starts a quarter of the surplus in.

    Raises:
      UserError: no frame.
    """
    if frames < 1:
        raise UserError(f"a clip of {frames} frames; expected at least one")
    start = max((frames - length) // 4, 0)
    end = min(start + length * stride, frames)
    return np.minimum(
        start + stride * np.arange(length), start + (end - 1 - start) // stride * stride
    )


def fit_length(x: np.ndarray, length: int) -> np.ndarray:
    """[length, ...]: [T, ...] cut, or padded with zeros at its end."""
    return cut(x, [(0, min(len(x), length))], length)[0]
