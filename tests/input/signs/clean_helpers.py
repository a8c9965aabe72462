"""Small clips for the tests of cleaning."""

import dataclasses

import hypothesis.extra.numpy as arrays
import numpy as np
from hypothesis import strategies as st

from jaxsign.input.signs.clip import LEFT_HAND, POINTS, POSE, RIGHT_HAND, Clip

WRIST = POSE.start + 15


def clip_of(frames: int, fps: float = 30.0, **fields) -> Clip:
    """Everything in its place, at rest."""
    x = np.linspace(0.2, 0.8, POINTS, dtype=np.float32)
    points = np.stack([x, x[::-1], 0 * x], axis=-1)
    landmarks = np.tile(points, (frames, 1, 1))
    visibility = np.ones((frames, 33), np.float32)
    fields = {"timestamps": np.arange(frames) / fps, "visibility": visibility, **fields}
    return Clip(landmarks, frame_size=(640, 480), fps=fps, **fields)


def at(clip: Clip, row: int, x) -> Clip:
    """The clip with point `row` at `x` [T]; NaN = absent."""
    landmarks = clip.landmarks.copy()
    landmarks[:, row, 0] = x
    landmarks[np.isnan(x), row] = np.nan
    return dataclasses.replace(clip, landmarks=landmarks)


@st.composite
def recordings(draw):
    """Clips of uneven timestamps whose points come and go."""
    frames = draw(st.integers(1, 10))
    steps = draw(arrays.arrays(np.float64, frames, elements=st.floats(0.01, 0.2, allow_nan=False)))
    clip = clip_of(frames, timestamps=np.cumsum(steps))
    rows = np.array([3, LEFT_HAND.start, WRIST, RIGHT_HAND.start + 4])
    number = st.floats(-0.5, 1.5, width=32)
    values = draw(arrays.arrays(np.float32, (frames, 4, 3), elements=number))
    absent = draw(arrays.arrays(bool, (frames, 4)))
    values[absent] = np.nan
    landmarks = clip.landmarks.copy()
    landmarks[:, rows] = values
    return dataclasses.replace(clip, landmarks=landmarks)
