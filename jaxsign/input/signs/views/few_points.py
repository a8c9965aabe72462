"""A few points in pixels (hands, nose) around one of them, with velocities: for joints [T, P, F].

Numbers of a point: x, y, their velocities a second and, if wanted, accelerations. The reference
point itself is told relative to its own middle over the clip: how the head moves.

On the glosses of RWTH-BOSTON-104, cut apart (logistic regression), velocities raise accuracy a
little (0.455 to 0.472) with the fixed size; accelerations or a clip's own size do not raise it.
"""

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import View


def view(
    points: np.ndarray,
    *,
    rate: float = 30.0,
    reference: int = 2,
    size: float = 100.0,
    acceleration: bool = False,
) -> np.ndarray:
    """The points of one clip as a recogniser takes them; nothing of other clips is used.

    Args:
      points: float [T, P, 2], T >= 1, pixels.
      rate: frames a second, of the clip and of the result.
      reference: the point that the others are told relative to, frame by frame; -1 = none: all
        points are relative to their common middle over the clip.
      size: pixels that count as 1. 0 = the clip's own size: the median distance of the points from
        the reference.
      acceleration: add accelerations.

    Returns:
      float32 [T, P, 4], or [T, P, 6] with accelerations.

    Raises:
      UserError: an array of another shape, or an option out of its range.
    """
    _check(points, rate, reference, size)
    x = points.astype(np.float64)
    if reference < 0:
        moved = x - np.median(x, axis=(0, 1))
    else:
        moved = x - x[:, reference : reference + 1]
        moved[:, reference] = x[:, reference] - np.median(x[:, reference], axis=0)
    moved /= size or _own_size(moved, reference)
    parts = [moved]
    for _ in range(1 + acceleration):
        before = parts[-1]
        parts.append(np.gradient(before, 1 / rate, axis=0) if len(x) > 1 else np.zeros_like(before))
    return np.concatenate(parts, axis=-1).astype(np.float32)


def _own_size(moved: np.ndarray, reference: int) -> float:
    others = np.delete(moved, reference, axis=1) if reference >= 0 else moved
    return max(float(np.median(np.hypot(*np.moveaxis(others, -1, 0)))), 1.0)


def _check(points: np.ndarray, rate: float, reference: int, size: float) -> None:
    if np.ndim(points) != 3 or np.shape(points)[2] != 2 or not np.shape(points)[0]:
        found = "landmarks of a clip" if isinstance(points, Clip) else list(np.shape(points))
        raise UserError(
            f"view few_points takes points [T, P, 2] in pixels, as a sentences.npz holds them; "
            f"found {found}"
        )
    count = points.shape[1]
    if not -1 <= reference < count or (count == 1 and reference == 0):
        raise UserError(
            f"config.view.reference={reference}: the clips have points 0 to {count - 1}; -1 = none"
        )
    if not rate > 0:
        raise UserError(f"config.view.rate={rate}: expected frames a second, above 0")
    if not size >= 0:
        raise UserError(f"config.view.size={size}: expected pixels, or 0 for the clip's own size")


VIEW = View(view)
