"""62 points of face and hands: the input of the ASL hybrid, which does the rest itself.

The system numbers the 543 points in an order of its own (face, pose, left hand, right hand); lists
of points are in that order, as in its published files.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input.signs.clean import mirroring
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POINTS, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views._types import Array, View

# The net centres a clip on this point (the lower lip's middle).
CENTRE = 17
# fmt: off
LIPS_AND_EYES = (
    33, 133, 362, 263, 61, 291, 199, 419, 17, 84, 17, 314, 405, 320, 307, 375, 321, 308, 324, 318,
)
# fmt: on
# The published list: 17 occurs twice.
POINT_LANDMARKS = (*LIPS_AND_EYES, *range(501, 543))
_PUBLISHED = np.asarray(POINT_LANDMARKS)

# int [543]: the clip's row of each point in the model's order.
TO_CLIP = np.r_[FACE, POSE, LEFT_HAND, RIGHT_HAND]


_LISTS = fields.Rule(
    lambda v: len(v) > 0 and 0 <= min(v) and max(v) < POINTS,
    f"whole numbers from 0 to {POINTS - 1} (config.net.points)",
)


@dataclasses.dataclass(frozen=True)
class AslHybridView(View):
    """The points as detected: the net itself centres, scales and derives its features.

    It takes T frames of a clip, or an earlier view [T, P, 2], which passes, and makes float32
    [T, P, 2], fractions of the image, NaN where not detected.

    Attributes:
      points: own list of points in the model's order, 17 among them; None = the published 62.
      flip: as in a mirror: for left-handed signers.
    """

    points: Sequence[int] | None = fields.value(None, _LISTS)
    flip: bool = False

    looks_at = ("hand", "face")

    def __post_init__(self) -> None:
        super().__post_init__()
        if CENTRE not in self._chosen():
            raise UserError(
                f"points (config.net.points) lack {CENTRE}, the point on which the net centres a "
                "clip: add it"
            )

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T, P, 2]."""
        if not isinstance(clip, Clip):
            return self._stored(clip)
        rows = self._rows()
        # Many times as fast as picking rows and then x and y.
        columns = (3 * rows[:, None] + (0, 1)).ravel()
        x = clip.landmarks.reshape(len(clip), -1)[:, columns].reshape(len(clip), -1, 2)
        if self.flip:
            x[..., 0] = 1 - x[..., 0]
        return x

    @property
    def portable(self) -> bool:
        """It is, where it keeps all frames."""
        return not self.length

    def of_arrays(self, landmarks: Array) -> Array:
        """float32 [T, P, 2] of landmarks [T, 543, 3]."""
        x = landmarks[..., :2][:, self._rows()]
        if not self.flip:
            return x
        return x * np.asarray([-1, 1], np.float32) + np.asarray([1, 0], np.float32)

    def shows_hand(self, x: np.ndarray) -> np.ndarray | None:
        """bool [T]: frames of the published points [T, 62, 2] with a hand."""
        if x.shape[1:] != (len(POINT_LANDMARKS), 2):
            return None
        return np.isfinite(x[:, len(LIPS_AND_EYES) :]).any((1, 2))

    def _chosen(self) -> np.ndarray:
        return _PUBLISHED if self.points is None else np.asarray(self.points)

    def _rows(self) -> np.ndarray:
        chosen = TO_CLIP[self._chosen()]
        return mirroring.MIRROR[chosen] if self.flip else chosen

    def _stored(self, x: np.ndarray) -> np.ndarray:
        points = len(self._chosen())
        if np.shape(x)[1:] != (points, 2) or self.flip:
            raise UserError(
                f"view asl_hybrid takes clips, or points [T, {points}, 2] without flip; found "
                f"{list(np.shape(x))}, flip={self.flip}"
            )
        return np.asarray(x, np.float32)


VIEW = AslHybridView
