"""75 points a frame: 33 of the pose, 21 of the left hand, 21 of the right, and no face."""

import numpy as np

from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip

Array = np.ndarray
COUNT = 75
# Rows of the 543 landmarks that the 75 points are.
ROWS = np.r_[clips.POSE, clips.LEFT_HAND, clips.RIGHT_HAND]
LOSS = "keeps 75 of the 543 points (no face)"


def to_clip(points: Array, *, fps: float, source: str) -> Clip:
    """Points in their places among the 543.

    Args:
        points: float [T, 75, 3], NaN where absent.
        fps: frames a second.
        source: for messages.

    Raises:
        ValueError: impossible values or no frames.
    """
    times = np.arange(len(points)) / fps
    return Clip(placed(points), times, fps=fps, source=source)


def placed(points: Array) -> Array:
    """float32 [T, 543, 3] of float [T, 75, 3]: the others are absent."""
    landmarks = np.full((len(points), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, ROWS] = files.as_float32(points)
    return landmarks


def from_clip(clip: Clip) -> Array:
    """float32 [T, 75, 3]: pose, left hand, right hand; NaN where absent."""
    return clip.landmarks[:, ROWS]
