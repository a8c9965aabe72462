"""A scene's frames as the detector of Action Genome's systems sees them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input import pictures

Array = np.ndarray
Seen = TypeVar("Seen")
MEANS = np.array((102.9801, 115.9465, 122.7717), np.float32)  # of blue, green and red
SIDE = 600  # pixels of the shorter side


@dataclasses.dataclass(frozen=True)
class DetectorInput:
    """Frames of one video.

    Attributes:
      images: float32 [F, H, W, 3], blue, green, red without their means; zeros beyond a frame that
        is smaller than the largest.
      scale: how much larger the first frame is in it.
      sizes: int [F, 2], height and width of each frame in it.
    """

    images: Array
    scale: float
    sizes: Array


def detector_input(paths: Sequence[Path], side: int = SIDE, multiple: int = 1) -> DetectorInput:
    """Frames made so large that their shorter side is as asked, bilinear as OpenCV does it.

    Args:
      paths: of the frames.
      side: pixels of the shorter side, whatever the longer one then has.
      multiple: of which the images' sides are, in pixels, so that there are few shapes of them:
        they have zeros behind the largest frame.

    Raises:
      UserError: frames that are absent, all of them, or one that is no picture.
    """
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise UserError(
            f"{len(absent)} of {len(paths)} frames are absent:\n{listing(map(str, absent))}\n"
            "Extract them from the films, or leave them out of the annotations."
        )
    return stacked([scaled(read(path), side) for path in paths], multiple)


def stacked(made: Sequence[tuple[Array, float]], multiple: int = 1) -> DetectorInput:
    """Frames of one video, each as `scaled` makes it; `multiple` as of `detector_input`."""
    sizes = np.array([image.shape[:2] for image, _ in made])
    height, width = -(-sizes.max(axis=0) // multiple) * multiple
    images = np.zeros((len(made), height, width, 3), np.float32)
    for image, (found, _) in zip(images, made, strict=True):
        image[: found.shape[0], : found.shape[1]] = found
    return DetectorInput(images, made[0][1], sizes)


def read(path: Path) -> Array:
    """uint8 [H, W, 3], RGB; raises UserError for what is no good picture."""
    return np.asarray(_looked_at(path, pictures.shown))


def size(path: Path) -> tuple[int, int]:
    """Width and height of what `read` gives, as the file's head tells; raises UserError."""
    return _looked_at(path, pictures.size)


def _looked_at(path: Path, look: Callable[[Path], Seen]) -> Seen:
    reading.check(path)
    try:
        return look(path)
    except pictures.BROKEN as error:
        reason = reading.told(path, "a picture", error)
        raise UserError(f"{path}: cannot be read as a picture ({reason})") from error


def scaled(image: Array, side: int = SIDE, name: str = "a picture") -> tuple[Array, float]:
    """A frame as the detector sees it.

    Args:
      image: uint8 [H, W, 3], RGB.
      side: pixels that its shorter side is to have.
      name: its own, for messages.

    Returns:
      float32 [H', W', 3], blue, green, red without their means, and how much larger it is.

    Raises:
      UserError: so narrow a picture that it would be too large for the memory.
    """
    height, width = image.shape[:2]
    scale = side / min(height, width)
    if (size := 12 * round(height * scale) * round(width * scale)) > reading.most_bytes():
        raise UserError(
            f"{name}: {width} x {height} pixels, the shorter side of which the detector sees with "
            f"{side}, would take {size:,} bytes. Cut it to what is to be seen"
        )
    found = image[..., ::-1] - MEANS
    for axis in (1, 0):
        size = found.shape[axis]
        low, high, share = pictures.places(size, round(size * scale), 1 / scale)
        share = np.expand_dims(share, (1,) if axis else (1, 2))
        found = pictures.between(found.take(low, axis), found.take(high, axis), share)
    return found, scale
