"""A scene's frames as the detector of Action Genome's systems sees them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input import pictures

Array = np.ndarray
MEANS = np.array((102.9801, 115.9465, 122.7717), np.float32)  # of blue, green and red
SIDE = 600  # pixels of the shorter side


@dataclasses.dataclass(frozen=True)
class DetectorInput:
    """Frames of one video.

    Attributes:
      images: float32 [F, H, W, 3], blue, green, red without their means; zeros beyond a frame that
        is smaller than the largest.
      scale: how much larger the first frame is in it.
    """

    images: Array
    scale: float


def detector_input(paths: Sequence[Path]) -> DetectorInput:
    """Frames made so large that their shorter side has 600 pixels, bilinear as OpenCV does it.

    Raises:
      UserError: frames that are absent, all of them, or one that is no picture.
    """
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise UserError(
            f"{len(absent)} of {len(paths)} frames are absent:\n{listing(map(str, absent))}\n"
            "Extract them from the films, or leave them out of the annotations."
        )
    made = [_scaled(_read(path)) for path in paths]
    height, width = (max(image.shape[axis] for image, _ in made) for axis in (0, 1))
    images = np.zeros((len(made), height, width, 3), np.float32)
    for image, (found, _) in zip(images, made, strict=True):
        image[: found.shape[0], : found.shape[1]] = found
    return DetectorInput(images, made[0][1])


def _read(path: Path) -> Array:
    """uint8 [H, W, 3], RGB."""
    reading.check(path)
    try:
        return np.asarray(pictures.shown(path))
    except pictures.BROKEN as error:
        reason = reading.told(path, "a picture", error)
        raise UserError(f"{path}: cannot be read as a picture ({reason})") from error


def _scaled(image: Array) -> tuple[Array, float]:
    """float32 [H, W, 3] of the detector's size, and how much larger it is."""
    scale = SIDE / min(image.shape[:2])
    found = image[..., ::-1] - MEANS
    for axis in (1, 0):
        size = found.shape[axis]
        low, high, share = pictures.places(size, round(size * scale), 1 / scale)
        share = np.expand_dims(share, (1,) if axis else (1, 2))
        found = pictures.between(found.take(low, axis), found.take(high, axis), share)
    return found, scale
