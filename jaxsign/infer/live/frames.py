"""Where live frames come from: a camera, or a film."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.extract import libraries, opening, videos

Frame = tuple[float, np.ndarray]  # seconds, uint8 [H, W, 3] RGB


def rate_of(path: Path, rate: float = 0.0) -> float:
    """Frames a second of a film, 0 where nothing tells; `rate` where that is given.

    Raises:
      UserError: no film, or one that cannot be decoded.
    """
    videos.tell_rate([path], rate)
    with opening.film(path, rate=rate) as opened:
        return opened.rate


def film(path: Path, max_side: int = 0, rate: float = 0.0) -> Iterator[Frame]:
    """The frames of a film, as fast as they are taken; damage is told on stderr at the end.

    Args:
      path: the film.
      max_side: as in `frames.Frame.pixels`.
      rate: frames a second; 0 = by the film's own times.

    Raises:
      UserError: no video, or one that cannot be decoded.
    """
    count = 0
    with opening.film(path, rate=rate) as opened:
        for frame in opened:
            count += 1
            yield frame.seconds, frame.pixels(max_side)
        if not count:
            raise UserError(f"{path}: no frame could be decoded. {opened.damage}".strip())
        if opened.damage:
            print(f"warning: {path}: damaged: {opened.damage}", file=sys.stderr)


def camera(number: int, size: tuple[int, int] = (640, 480)) -> Iterator[Frame]:
    """Frames of a camera, with the time that they came at; they end when the camera does.

    Raises:
      UserError: there is no such camera, or OpenCV cannot be loaded.
    """
    cv2 = libraries.opencv()
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise UserError(
            f"--camera {number}: cannot be opened. Check that it is connected and that no other "
            "program holds it, try another number, or give a film: --video FILE"
        )
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    begun = time.monotonic()
    try:
        while True:
            good, image = capture.read()
            if not good:
                return
            yield time.monotonic() - begun, np.ascontiguousarray(image[..., ::-1])
    finally:
        capture.release()
