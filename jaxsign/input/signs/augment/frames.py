"""Operations on films' pictures uint8 [T, H, W, 3]: one draw for all frames of a clip."""

from typing import Any

import numpy as np

from jaxsign.input.signs import frames as pictures
from jaxsign.input.signs.augment import operation

Array = np.ndarray
Generator = np.random.Generator
_TRIES = 10


def crop(frames: Array, box: tuple[int, int, int, int], side: int) -> Array:
    """The box (top, left, height, width) as a square of `side` pixels."""
    top, left, height, width = box
    return pictures.resize(frames[:, top : top + height, left : left + width], side, side)


def mirror(frames: Array) -> Array:
    """Left becomes right."""
    return frames[:, :, ::-1]


def draw_box(
    height: int,
    width: int,
    rng: Generator,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[int, int, int, int]:
    """A box of a random share of the area and a random shape: torchvision's RandomResizedCrop.

    Where ten draws do not fit: the largest box in the middle whose shape is allowed.
    """
    for _ in range(_TRIES):
        area = height * width * rng.uniform(*scale)
        shape = np.exp(rng.uniform(*np.log(ratio)))
        high, wide = round(np.sqrt(area / shape)), round(np.sqrt(area * shape))
        if 0 < high <= height and 0 < wide <= width:
            top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
            return int(top), int(left), high, wide
    high = min(height, round(width / ratio[0]))
    wide = min(width, round(height * ratio[1]))
    return (height - high) // 2, (width - wide) // 2, high, wide


def _box(
    frames: Array,
    rng: Generator,
    side: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> dict[str, Any]:
    height, width = frames.shape[1:3]
    return {"box": draw_box(height, width, rng, scale, ratio), "side": side}


OPERATIONS = {
    "frames.crop": operation.Operation(operation.FRAMES, _box, crop),
    "frames.flip": operation.Operation(operation.FRAMES, lambda frames, rng: {}, mirror),
}
