"""Clips for the tests of views."""

import numpy as np

from jaxsign.input.signs import hand_joints, streamed_hands
from jaxsign.input.signs.clip import LEFT_HAND, POINTS, RIGHT_HAND, Clip


def moving(frames: int = 12, seed: int = 0, fps: float = 30.0) -> Clip:
    """Points that wander, in an image of 640 x 480; nothing is missing."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.01, (frames, POINTS, 3)).cumsum(axis=0)
    landmarks = (rng.uniform(0.2, 0.8, (1, POINTS, 3)) + steps).astype(np.float32)
    return Clip(landmarks, np.arange(frames) / fps, (640, 480), fps)


def without(clip: Clip, left=(), right=()) -> Clip:
    """The clip without its left hand in the frames `left` and its right one in `right`."""
    landmarks = clip.landmarks.copy()
    landmarks[list(left), LEFT_HAND] = np.nan
    landmarks[list(right), RIGHT_HAND] = np.nan
    return Clip(landmarks, clip.timestamps, clip.frame_size, clip.fps)


def stream_hands(
    *, feature_scaling="", feature_shift=(), feature_scale=(), **options
) -> streamed_hands.StreamHands:
    """The stream's form of the view `whisper_sign` under these options."""
    scaler = hand_joints.FeatureScaler.of(feature_scaling, feature_shift, feature_scale)
    return streamed_hands.StreamHands(scaler=scaler, **options)
