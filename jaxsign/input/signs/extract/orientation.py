"""How a film's frames are shown: the display matrix of its track, applied to arrays of pixels."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay an image down; the transposition comes first.

    Attributes:
      transposed: rows become columns.
      columns: their order is reversed then: the image is mirrored.
      rows: their order is reversed.
    """

    transposed: bool = False
    columns: bool = False
    rows: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as shown of those as stored, or the other way round."""
        return (height, width) if self.transposed else (width, height)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """[H, W, ...] as it is shown, a view."""
        if self.transposed:
            image = image.swapaxes(0, 1)
        return image[:: -1 if self.rows else 1, :: -1 if self.columns else 1]


def of_frame(native: Any) -> Orientation:
    """That of a frame of PyAV, by the matrix that the decoder hands on.

    The matrix [[a, b, u], [c, d, v], [x, y, w]] (ISO 14496-12) takes a stored point (p, q) to
    (a p + c q + x, b p + d q + y). Turns that are no quarter are taken for the nearest one.
    """
    try:
        matrix = native.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV refuses to list data of kinds that it does not know, EXIF for one
        return _TURNS[round(native.rotation / 90) % 4]
    if matrix is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(a) + abs(d) < abs(b) + abs(c):
        return Orientation(True, columns=c < 0, rows=b < 0)
    return Orientation(columns=a < 0, rows=d < 0)


# By quarters counter-clockwise.
_TURNS = (
    Orientation(),
    Orientation(True, rows=True),
    Orientation(columns=True, rows=True),
    Orientation(True, columns=True),
)
