"""Which landmarks of MediaPipe are joined by a line: pose, hands and the contours of a face.

Source: the connection lists of MediaPipe's landmarkers. The chains are written with each
landmarker's own numbers; `CONNECTIONS` holds them as rows of a clip's 543 points.
"""

from collections.abc import Sequence

import numpy as np

from jaxsign.input.signs import clip as clips

Chain = tuple[int, ...]

POSE: tuple[Chain, ...] = (
    (7, 3, 2, 1, 0, 4, 5, 6, 8),  # ear to ear over eyes and nose
    (9, 10),  # mouth
    (11, 12, 24, 23, 11),  # trunk
    (11, 13, 15, 17, 19, 15, 21),  # left arm and, roughly, its hand
    (12, 14, 16, 18, 20, 16, 22),
    (23, 25, 27, 29, 31, 27),  # left leg and foot
    (24, 26, 28, 30, 32, 28),
)
HAND: tuple[Chain, ...] = (
    (0, 1, 2, 3, 4),  # thumb
    (5, 6, 7, 8),
    (9, 10, 11, 12),
    (13, 14, 15, 16),
    (17, 18, 19, 20),
    (0, 5, 9, 13, 17, 0),  # palm
)
FACE: tuple[Chain, ...] = (
    # Oval, from the forehead clockwise.
    (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152)
    + (148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10),
    # Lips: outer below and above, inner below and above.
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    # Left eye below and above, left brow below and above; then the right ones.
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
    (276, 283, 282, 295, 285),
    (300, 293, 334, 296, 336),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (46, 53, 52, 65, 55),
    (70, 63, 105, 66, 107),
)

PARTS: dict[str, slice] = {
    "pose": clips.POSE,
    "face": clips.FACE,
    "left hand": clips.LEFT_HAND,
    "right hand": clips.RIGHT_HAND,
}


def _pairs(chains: Sequence[Chain], start: int) -> np.ndarray:
    pairs = [pair for chain in chains for pair in zip(chain, chain[1:], strict=False)]
    return np.asarray(pairs, np.int64) + start


# int [lines, 2] by part: the two ends of each line, as rows of the 543 points.
CONNECTIONS: dict[str, np.ndarray] = {
    name: _pairs(chains, PARTS[name].start)
    for name, chains in (
        ("pose", POSE),
        ("face", FACE),
        ("left hand", HAND),
        ("right hand", HAND),
    )
}

# Rows of the pose that another part shows in more detail: the head, and three fingers a hand.
POSE_DOUBLES: dict[str, np.ndarray] = {
    "face": clips.POSE.start + np.arange(11),
    "left hand": clips.POSE.start + np.asarray((17, 19, 21)),
    "right hand": clips.POSE.start + np.asarray((18, 20, 22)),
}
