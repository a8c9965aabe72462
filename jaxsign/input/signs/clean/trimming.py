"""Still frames before and after a sign are cut off."""

import dataclasses

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import LEFT_HAND, POSE, RIGHT_HAND, Clip

WRISTS = (POSE.start + 15, POSE.start + 16)
SHOULDERS = (POSE.start + 11, POSE.start + 12)
# Of the image's width; stands in for the shoulder distance where no frame shows both shoulders.
USUAL_SHOULDERS = 0.25
# Seconds over which a speed is measured.
WINDOW = 1 / 9


def motion(clip: Clip) -> np.ndarray:
    """How fast the hands move around each frame: float64 [T], shoulder widths a second.

    The fastest of four counts: both wrists of the pose, and the mean over the points of each hand,
    which sees fingers move while the wrist rests. A speed is that over a ninth of a second, which
    jitter hardly moves; what is not seen at both ends of that time does not move. A wrist outside
    the image or of a visibility below a half is a guess and not seen.
    """
    step = presence.usual_step(clip.timestamps)
    lag = max(1, min(round(WINDOW / step) if step else 1, len(clip) - 1))
    speeds = np.zeros(len(clip))
    if len(clip) == 1:
        return speeds
    width, height = clip.frame_size
    aspect = np.asarray([width / height if width and height else 1.0, 1.0])
    moved = np.zeros(len(clip) - lag)
    for points in moving_parts(clip.landmarks, clip.visibility):
        way = np.linalg.norm((points[lag:] - points[:-lag]) * aspect, axis=-1)
        seen = ~np.isnan(way)
        way = np.where(seen, way, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        moved = np.maximum(moved, way)
    passed = clip.timestamps[lag:] - clip.timestamps[:-lag]
    moved /= np.where(passed > 0, passed, step * lag or 1.0) * _shoulders(clip, aspect)
    for shift in range(lag + 1):
        frames = speeds[shift : shift + len(moved)]
        np.maximum(frames, moved, out=frames)
    return speeds


def moving_parts(landmarks: np.ndarray, visibility: np.ndarray | None) -> list[np.ndarray]:
    """What of a person moves as hands do: each wrist of the pose, and each hand.

    Args:
      landmarks: float32 [T, 543, 3].
      visibility: float32 [T, 33] of the pose; None = unknown.

    Returns:
      float32 [T, 1, 2] twice and [T, 21, 2] twice; NaN where not seen or a guess.
    """
    wrists = landmarks[:, WRISTS, :2].copy()
    guessed = (wrists < 0).any(axis=-1) | (wrists > 1).any(axis=-1)
    if visibility is not None:
        guessed |= visibility[:, [row - POSE.start for row in WRISTS]] < 0.5
    wrists[guessed] = np.nan
    hands = [landmarks[:, part, :2] for part in (LEFT_HAND, RIGHT_HAND)]
    return [wrists[:, :1], wrists[:, 1:], *hands]


def _shoulders(clip: Clip, aspect: np.ndarray) -> float:
    """The median distance of the shoulders in image heights."""
    left, right = clip.landmarks[:, SHOULDERS, :2].swapaxes(0, 1) * aspect
    distances = np.linalg.norm(left - right, axis=-1)
    distances = distances[~np.isnan(distances)]
    found = float(np.median(distances)) if len(distances) else 0.0
    return found if found > 1e-3 else USUAL_SHOULDERS * float(aspect[0])


def trim(clip: Clip, *, threshold: float = 0.5, margin: float = 0.1, min_frames: int = 4) -> Clip:
    """Without the still frames at both ends; the timestamps stay those of the recording.

    Args:
      clip: left as it is.
      threshold: shoulder widths a second (`motion`) from which a frame counts as moving.
      margin: seconds that are kept before the first and after the last moving frame.
      min_frames: frames that are kept at least, where the clip has them.

    Returns:
      A new clip; the whole clip where nothing moves.

    Raises:
      UserError: a negative number.
    """
    if not (threshold >= 0 and margin >= 0 and min_frames >= 1):
        raise UserError(
            f"trim: threshold={threshold}, margin={margin}, min_frames={min_frames}; expected "
            "numbers from 0 up and at least one frame"
        )
    moving = np.flatnonzero(motion(clip) >= threshold)
    if not len(moving):
        return _cut(clip, slice(None))
    times = clip.timestamps
    start = int(np.searchsorted(times, times[moving[0]] - margin - 1e-6))
    end = int(np.searchsorted(times, times[moving[-1]] + margin + 1e-6, side="right"))
    # Too short a rest grows at its end first, then at its start.
    end = min(max(end, start + min_frames), len(clip))
    start = max(min(start, end - min_frames), 0)
    return _cut(clip, slice(start, end))


def _cut(clip: Clip, frames: slice) -> Clip:
    visibility = None if clip.visibility is None else clip.visibility[frames].copy()
    return dataclasses.replace(
        clip,
        landmarks=clip.landmarks[frames].copy(),
        timestamps=clip.timestamps[frames].copy(),
        visibility=visibility,
    )
