"""Where the parts of the body lie among the 78 keypoints of FSLR, and which mirror which."""

import numpy as np

LEFT_HAND = slice(25, 46)
RIGHT_HAND = slice(46, 67)
FACE = slice(67, 78)
COUNT = 78
# int [40]: the points of both hands but the wrists.
FINGERS = np.r_[LEFT_HAND.start + 1 : LEFT_HAND.stop, RIGHT_HAND.start + 1 : RIGHT_HAND.stop]

# MediaPipe's pose: eyes, ears, mouth corners, then left and right in turn from the shoulders down.
_POSE_PAIRS = [(1, 4), (2, 5), (3, 6)] + [(i, i + 1) for i in range(7, 25, 2)]
# Outer and inner eyes, mouth corners, eyebrows; nose tip, chin and bridge lie on the middle line.
_FACE_PAIRS = [(FACE.start + i, FACE.start + i + 1) for i in (1, 3, 5, 7)]
_HAND_PAIRS = [(LEFT_HAND.start + i, RIGHT_HAND.start + i) for i in range(21)]


def _mirror() -> np.ndarray:
    index = np.arange(COUNT)
    for left, right in _POSE_PAIRS + _HAND_PAIRS + _FACE_PAIRS:
        index[[left, right]] = right, left
    return index


# int [78]: the keypoint that each one becomes in a mirror.
MIRROR = _mirror()
