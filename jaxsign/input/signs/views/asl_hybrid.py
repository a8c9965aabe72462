"""62 points of face and hands: the input of the ASL hybrid, which does the rest itself.

The system numbers the 543 points in an order of its own (face, pose, left hand, right hand); lists
of points are in that order, as in its published files.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import mirroring
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POINTS, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views._types import View

if TYPE_CHECKING:
    import jax

Array = TypeVar("Array", np.ndarray, "jax.Array")
# The net centres a clip on this point (the lower lip's middle).
CENTRE = 17
# fmt: off
LIPS_AND_EYES = (
    33, 133, 362, 263, 61, 291, 199, 419, 17, 84, 17, 314, 405, 320, 307, 375, 321, 308, 324, 318,
)
# fmt: on
# The published list: 17 occurs twice.
POINT_LANDMARKS = (*LIPS_AND_EYES, *range(501, 543))

# int [543]: the clip's row of each point in the model's order.
TO_CLIP = np.r_[FACE, POSE, LEFT_HAND, RIGHT_HAND]


def view(
    clip: Clip | np.ndarray, *, points: Sequence[int] | None = None, flip: bool = False
) -> np.ndarray:
    """The points as detected: the net itself centres, scales and derives its features.

    Args:
      clip: T frames; or an earlier view [T, P, 2], which passes.
      points: own list of points in the model's order, 17 among them; None = the published 62.
      flip: as in a mirror: for left-handed signers.

    Returns:
      float32 [T, P, 2], fractions of the image, NaN where not detected.

    Raises:
      UserError: a list that does not work, or an array of another shape.
    """
    chosen = _chosen(points)
    if not isinstance(clip, Clip):
        return _stored(clip, len(chosen), flip)
    rows = _rows(chosen, flip)
    # Many times as fast as picking rows and then x and y.
    columns = (3 * rows[:, None] + (0, 1)).ravel()
    x = clip.landmarks.reshape(len(clip), -1)[:, columns].reshape(len(clip), -1, 2)
    if flip:
        x[..., 0] = 1 - x[..., 0]
    return x


def _portable(
    landmarks: Array, *, points: Sequence[int] | None = None, flip: bool = False
) -> Array:
    # float32 [T, P, 2] of landmarks [T, 543, 3].
    x = landmarks[..., :2][:, _rows(_chosen(points), flip)]
    if not flip:
        return x
    return x * np.asarray([-1, 1], np.float32) + np.asarray([1, 0], np.float32)


def _rows(chosen: np.ndarray, flip: bool) -> np.ndarray:
    return mirroring.MIRROR[TO_CLIP[chosen]] if flip else TO_CLIP[chosen]


def _hands(x: np.ndarray) -> np.ndarray | None:
    # bool [T]: frames of the published points [T, 62, 2] with a hand; None for other points.
    if x.shape[1:] != (len(POINT_LANDMARKS), 2):
        return None
    return np.isfinite(x[:, len(LIPS_AND_EYES) :]).any((1, 2))


def _chosen(points: Sequence[int] | None) -> np.ndarray:
    if points is None:
        return _PUBLISHED
    chosen = np.asarray(points)
    whole = chosen.ndim == 1 and chosen.dtype.kind in "iu" and len(chosen)
    if not whole or chosen.min() < 0 or chosen.max() >= POINTS:
        raise UserError(
            f"points={points!r} (config.net.points), expected whole numbers from 0 to {POINTS - 1}"
        )
    if CENTRE not in chosen:
        raise UserError(
            f"points (config.net.points) lack {CENTRE}, the point on which the net centres a clip: "
            "add it"
        )
    return chosen


def _stored(x: np.ndarray, points: int, flip: bool) -> np.ndarray:
    if np.shape(x)[1:] != (points, 2) or flip:
        raise UserError(
            f"view asl_hybrid takes clips, or points [T, {points}, 2] without flip; found "
            f"{list(np.shape(x))}, flip={flip}"
        )
    return np.asarray(x, np.float32)


_PUBLISHED = np.asarray(POINT_LANDMARKS)


VIEW = View(view, looks_at=("hand", "face"), hands=_hands, portable=_portable)
