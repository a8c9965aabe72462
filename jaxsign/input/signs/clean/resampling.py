"""Clips at other times or at an even frame rate."""

import dataclasses

import numpy as np

from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import Clip

# Seconds within which a new frame's time is that of an old frame: microseconds of rounding.
SAME_TIME = 1e-5


def resample(clip: Clip, fps: float, *, max_gap: float = 0.0) -> Clip:
    """The clip at an even frame rate, from its first frame on.

    Args:
      clip: left as it is.
      fps: frames a second of the result.
      max_gap: see `at_times`.

    Returns:
      A new clip; its last frame lies less than one new frame before the old one's.

    Raises:
      UserError: `fps` is no positive number, or the timestamps cannot be seconds.
    """
    count = presence.frames_at(clip.timestamps, fps, SAME_TIME * fps)
    times = clip.timestamps[0] + np.arange(count) / fps
    return dataclasses.replace(at_times(clip, times, max_gap=max_gap), fps=float(fps))


def at_times(clip: Clip, times: np.ndarray, *, max_gap: float = 0.0) -> Clip:
    """The clip at other times: on the straight line between a point's sightings before and after.

    A point is absent where it was not seen before or after, where there are frames between these
    two sightings that do not show it and they lie further apart than `max_gap`, or where there
    are none because the recording has a hole of more than four usual steps. At the times of the
    clip itself nothing changes (with `max_gap` 0).

    Args:
      clip: left as it is.
      times: float [N >= 1], seconds, not decreasing.
      max_gap: seconds between two sightings that are joined even if there are frames between them
        that do not show the point.

    Returns:
      A new clip of N frames; `fps` is the old one's where the times are, else 0 (unknown).
    """
    times = np.asarray(times, np.float64)
    lower, upper, share = _brackets(clip.timestamps, times)
    seen = presence.present(clip)
    if max_gap <= 0 or seen.all():
        before, after = lower[:, None], upper[:, None]
        joined = seen[lower] & seen[upper]
        shares = share[:, None]
    else:
        previous, following = presence.neighbours(seen)
        before, after = previous[lower], following[upper]
        joined = (before >= 0) & (after < len(clip))
        before, after = np.maximum(before, 0), np.minimum(after, len(clip) - 1)
        shares = _shares(clip.timestamps[before], clip.timestamps[after], times[:, None])
    distance = clip.timestamps[after] - clip.timestamps[before]
    hole = presence.HOLE * presence.usual_step(clip.timestamps)
    allowed = np.where(after - before > 1, max_gap, max(max_gap, hole))
    joined &= distance <= allowed + SAME_TIME
    outside = (times < clip.timestamps[0] - SAME_TIME) | (times > clip.timestamps[-1] + SAME_TIME)
    joined &= ~outside[:, None]
    columns = np.arange(clip.landmarks.shape[1])
    landmarks = _mix(clip.landmarks, before, after, shares[..., None], columns)
    landmarks[~joined] = np.nan
    visibility = None
    if clip.visibility is not None:
        visibility = _mix(
            clip.visibility, lower[:, None], upper[:, None], share[:, None], np.arange(33)
        )
    same = len(times) == len(clip) and np.allclose(times, clip.timestamps, rtol=0, atol=SAME_TIME)
    return dataclasses.replace(
        clip,
        landmarks=landmarks,
        timestamps=times,
        visibility=visibility,
        fps=clip.fps if same else 0.0,
    )


def _brackets(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Old frames before and after each new time, the same one where the times agree, and shares."""
    last = len(old) - 1
    upper = np.clip(np.searchsorted(old, new - SAME_TIME), 0, last)
    lower = np.where(old[upper] <= new + SAME_TIME, upper, np.maximum(upper - 1, 0))
    return lower, upper, _shares(old[lower], old[upper], new)


def _shares(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How far `at` lies on the way from `start` to `end`: 0 to 1, 0 where there is no way."""
    length = end - start
    way = np.where(length > 0, (at - start) / np.where(length > 0, length, 1), 0)
    return np.clip(way, 0, 1)


def _mix(
    values: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    share: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """float32: values [T, K, ...] between two frames a new frame and column."""
    first, second = values[before, columns], values[after, columns]
    return np.where(share == 0, first, first + (second - first) * share).astype(np.float32)
