"""Cleaning of keypoints: short gaps between two sightings of a point are filled."""

import numpy as np

from jaxsign.errors import UserError


def interpolate_gaps(
    x: np.ndarray, visible: np.ndarray, max_gap: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Fills gaps of at most `max_gap` frames on the straight line between their two ends.

    Gaps at the beginning, at the end and longer ones stay as they are, coordinates included.

    Args:
      x: float32 [T, 2K]; columns 2k and 2k+1 are x and y of keypoint k.
      visible: bool [T, K].
      max_gap: longest gap that is filled, in frames; 0 fills none.

    Returns:
      New arrays of the same shapes; filled points are visible.

    Raises:
      UserError: shapes that do not belong together.

    Source: fslr-transformer-vs-iv3gru, interpolate_gaps.
    """
    x, visible = np.asarray(x, np.float32), np.asarray(visible, bool)
    if x.ndim != 2 or visible.ndim != 2 or x.shape != (len(visible), 2 * visible.shape[1]):
        raise UserError(
            f"interpolate_gaps: x {list(x.shape)} and visible {list(visible.shape)} do not match. "
            "Expected x [T, 2K] and visible [T, K]."
        )
    before, after = _neighbours(visible)
    gap = after - before - 1
    fill = ~visible & (before >= 0) & (after < len(x)) & (gap <= max_gap)
    frame, point = np.nonzero(fill)
    start, end = before[fill], after[fill]
    share = ((frame - start) / (end - start))[:, None]
    points = x.reshape(*visible.shape, 2).copy()
    points[frame, point] = (1 - share) * points[start, point] + share * points[end, point]
    return points.reshape(x.shape), visible | fill


def _neighbours(visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the last sighting up to and the first from each frame on; -1 and T: none."""
    count = len(visible)
    frames = np.arange(count)[:, None]
    before = np.maximum.accumulate(np.where(visible, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(visible, frames, count)[::-1], axis=0)[::-1]
    return before, after
