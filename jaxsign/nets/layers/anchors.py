"""Anchors: the boxes of every cell of a map that a detector's proposals start from.

Source: the first Faster R-CNN, whose boxes are of whole pixels: one from 0 to 15 is 16 wide.
"""

from collections.abc import Sequence

import numpy as np

BASE = 16  # pixels a side, of the box that all anchors of a cell are made of
RATIOS, SCALES = (0.5, 1.0, 2.0), (4.0, 8.0, 16.0, 32.0)


def of_cell(ratios: Sequence[float] = RATIOS, scales: Sequence[float] = SCALES) -> np.ndarray:
    """The anchors of the first cell.

    Args:
      ratios: heights over widths; sides of the box of each are whole pixels before it is scaled.
      scales: factors of the sides.

    Returns:
      float32 [ratios * scales, 4], x1, y1, x2, y2; all scales of a ratio follow one another.
    """
    widths = np.rint(np.sqrt(BASE * BASE / np.asarray(ratios, np.float64)))
    heights = np.rint(widths * ratios)
    sides = np.stack([widths, heights], axis=-1)[:, None] * np.asarray(scales)[:, None]
    reach = (sides.reshape(-1, 2) - 1) / 2
    centre = (BASE - 1) / 2
    return np.concatenate([centre - reach, centre + reach], axis=-1).astype(np.float32)


def of_map(cell: np.ndarray, rows: int, columns: int, stride: int = BASE) -> np.ndarray:
    """The anchors of a map: row by row, cell by cell.

    Args:
      cell: float32 [A, 4], as `of_cell` gives them.
      rows, columns: of the map.
      stride: pixels from a cell to the next.

    Returns:
      float32 [rows * columns * A, 4].
    """
    y, x = np.mgrid[:rows, :columns].reshape(2, -1, 1) * np.float32(stride)
    moved = np.concatenate([x, y, x, y], axis=-1)[:, None] + cell
    return moved.reshape(-1, 4).astype(np.float32)
