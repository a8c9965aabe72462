"""A few points in pixels (hands, nose) around one of them, with velocities: for joints [T, P, F].

Numbers of a point: x, y, their velocities a second and, if wanted, accelerations. The reference
point itself is told relative to its own middle over the clip: how the head moves.

On the glosses of RWTH-BOSTON-104, cut apart (logistic regression), velocities raise accuracy a
little (0.455 to 0.472) with the fixed size; accelerations or a clip's own size do not raise it.
"""

import dataclasses

import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import View


@dataclasses.dataclass(frozen=True)
class FewPointsView(View):
    """The points of one clip as a recogniser takes them; nothing of other clips is used.

    It takes float [T, P, 2], T >= 1, pixels, and makes float32 [T, P, 4] of them, or [T, P, 6] with
    accelerations.

    Attributes:
      rate: frames a second, of the clip and of the result.
      reference: the point that the others are told relative to, frame by frame; -1 = none: all
        points are relative to their common middle over the clip.
      size: pixels that count as 1. 0 = the clip's own size: the median distance of the points from
        the reference.
      acceleration: add accelerations.
    """

    rate: float = fields.value(30.0, fields.POSITIVE)
    reference: int = 2
    size: float = fields.value(100.0, fields.NOT_NEGATIVE)
    acceleration: bool = False

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T, P, 4 or 6].

        Raises:
          UserError: an array of another shape, or one without the reference.
        """
        x = self._checked(clip).astype(np.float64)
        if self.reference < 0:
            moved = x - np.median(x, axis=(0, 1))
        else:
            moved = x - x[:, self.reference : self.reference + 1]
            middle = np.median(x[:, self.reference], axis=0)
            moved[:, self.reference] = x[:, self.reference] - middle
        moved /= self.size or _own_size(moved, self.reference)
        parts = [moved]
        for _ in range(1 + self.acceleration):
            before, still = parts[-1], len(x) == 1
            step = 1 / self.rate
            parts.append(np.zeros_like(before) if still else np.gradient(before, step, axis=0))
        return np.concatenate(parts, axis=-1).astype(np.float32)

    def _checked(self, points: Clip | np.ndarray) -> np.ndarray:
        if isinstance(points, Clip) or points.ndim != 3 or points.shape[2] != 2 or not len(points):
            found = "landmarks of a clip" if isinstance(points, Clip) else list(points.shape)
            raise UserError(
                f"view few_points takes points [T, P, 2] in pixels, as a sentences.npz holds them; "
                f"found {found}"
            )
        count = points.shape[1]
        if not -1 <= self.reference < count or (count == 1 and self.reference == 0):
            raise UserError(
                f"config.view.reference={self.reference}: the clips have points 0 to {count - 1}; "
                "-1 = none"
            )
        return points


def _own_size(moved: np.ndarray, reference: int) -> float:
    others = np.delete(moved, reference, axis=1) if reference >= 0 else moved
    return max(float(np.median(np.hypot(*np.moveaxis(others, -1, 0)))), 1.0)


VIEW = FewPointsView
