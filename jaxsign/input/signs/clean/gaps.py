"""Short gaps between two sightings of a point are filled."""

import dataclasses

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import POSE, Clip


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
    before, after = presence.neighbours(visible)
    gap = after - before - 1
    fill = ~visible & (before >= 0) & (after < len(x)) & (gap <= max_gap)
    points = x.reshape(*visible.shape, 2).copy()
    _bridge(points, fill, before, after, np.arange(len(x)))
    return points.reshape(x.shape), visible | fill


def fill_gaps(clip: Clip, max_gap: int | None = None, *, max_seconds: float | None = None) -> Clip:
    """Fills short gaps of every point on the straight line, in time, between their two ends.

    Gaps at the beginning, at the end and longer ones stay. Where a pose point is filled, its
    visibility is filled in the same way.

    Args:
      clip: left as it is.
      max_gap: longest gap that is filled, in frames without the point; None = no such limit.
      max_seconds: longest time from the sighting before to the one after; None = no such limit.

    Returns:
      A new clip.

    Raises:
      UserError: neither limit is given, or one is negative.
    """
    limits = [limit for limit in (max_gap, max_seconds) if limit is not None]
    if not limits or not min(limits) >= 0:
        raise UserError(
            f"fill_gaps: max_gap={max_gap}, max_seconds={max_seconds}; expected at least one "
            "limit, from 0 up: frames in max_gap or seconds in max_seconds."
        )
    landmarks = clip.landmarks.copy()
    seen = presence.present(clip)
    gappy = np.flatnonzero(~seen.all(axis=0))
    points, seen = landmarks[:, gappy], seen[:, gappy]
    before, after = presence.neighbours(seen)
    fill = ~seen & (before >= 0) & (after < len(clip))
    if max_gap is not None:
        fill &= after - before - 1 <= max_gap
    if max_seconds is not None:
        times = np.append(clip.timestamps, np.inf)
        # A microsecond for timestamps that were rounded.
        fill &= times[after] - times[np.maximum(before, 0)] <= max_seconds + 1e-6
    _bridge(points, fill, before, after, clip.timestamps)
    landmarks[:, gappy] = points
    visibility = clip.visibility
    if visibility is not None:
        pose = (gappy >= POSE.start) & (gappy < POSE.stop)
        rows = gappy[pose] - POSE.start
        values = visibility[:, rows, None]
        _bridge(values, fill[:, pose], before[:, pose], after[:, pose], clip.timestamps)
        visibility = visibility.copy()
        visibility[:, rows] = values[..., 0]
    return dataclasses.replace(clip, landmarks=landmarks, visibility=visibility)


def _bridge(
    points: np.ndarray, fill: np.ndarray, before: np.ndarray, after: np.ndarray, times: np.ndarray
) -> None:
    """Writes the straight line between the sightings into the frames to fill.

    Args:
      points: float [T, K, C], changed in place.
      fill: bool [T, K].
      before, after: int [T, K], the sightings around each frame.
      times: [T], frame numbers or seconds.
    """
    frame, point = np.nonzero(fill)
    start, end = before[fill], after[fill]
    length = times[end] - times[start]
    # Frames of one and the same time: the middle between the two sightings.
    share = np.where(
        length > 0, (times[frame] - times[start]) / np.where(length > 0, length, 1), 0.5
    )
    share = share[:, None]
    points[frame, point] = (1 - share) * points[start, point] + share * points[end, point]
