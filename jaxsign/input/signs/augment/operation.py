"""What an operation of augmentation is, and what arrays it may be for."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsign.input.signs import keypoints

Array = np.ndarray
Drawn = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of clip.

    Attributes:
      text: what it is, for people.
      fits: whether an array of this shape is one.
      frame: shape of a frame as functions take it, where it is another than the array's.
    """

    text: str
    fits: Callable[[tuple[int, ...]], bool]
    frame: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Operation:
    """A random change of one clip.

    Attributes:
      kind: of clips that it is for.
      draw: (clip, generator, **options) -> what the function takes besides the clip. All chance is
        here.
      function: (clip, **drawn) -> clip; it never writes to the one that it is given.
      stretch: (**options) -> how many times as long as before a clip can become.
    """

    kind: Kind
    draw: Callable[..., Drawn]
    function: Callable[..., Array]
    stretch: Callable[..., float] = lambda **_: 1.0


# How often each number of a joint is a position derived by time; by the count of numbers.
DERIVATIVES = {
    2: (0, 0),
    3: (0, 0, 0),
    4: (0, 0, 1, 1),
    6: (0, 0, 1, 1, 2, 2),  # x, y, velocities, accelerations
    7: (0, 0, 0, 1, 1, 1, 0),  # x, y, z, velocities, confidence
    10: (0, 0, 0, 1, 1, 1, 0, 0, 0, 0),  # local hands besides
}
FEATURES = Kind("numbers [T, D]", lambda shape: len(shape) == 2)
KEYPOINTS = Kind(
    f"keypoints [T, {2 * keypoints.COUNT}]",
    lambda shape: shape[1:] == (2 * keypoints.COUNT,),
    (keypoints.COUNT, 2),
)
POINTS = Kind("points [T, P, 2 or 3]", lambda shape: len(shape) == 3 and shape[2] in (2, 3))
FRAMES = Kind("pictures [T, H, W, 3]", lambda shape: len(shape) == 4 and shape[3] == 3)
POINTS75 = Kind("SignON's points [T, 75, 3]", lambda shape: shape[1:] == (75, 3))
JOINTS = Kind(
    f"joints [T, J, F] with F among {sorted(DERIVATIVES)}",
    lambda shape: len(shape) == 3 and shape[2] in DERIVATIVES,
)
