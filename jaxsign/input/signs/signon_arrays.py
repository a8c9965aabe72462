"""SignON's stored points: whole, of the kind that a recipe names, and with something in them."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import signon_kinds
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _npy, signon

Array = np.ndarray
_FINEST = 10_000  # pixels of a side that stands for an aspect


@dataclasses.dataclass(frozen=True)
class PointFiles:
    """Reads the files of one folder.

    Attributes:
      kind: of data.
      aspect: height / width of the films; 0 = unknown.
    """

    kind: signon_kinds.DataKind
    aspect: float = 0.0

    def array(self, path: Path) -> dict[str, Array]:
        """What a file stores, float32 [T, P, 3], as a collection gives arrays.

        Raises:
          UserError: not such a file, another kind's, infinite, or nothing was detected.
        """
        points = self.kind.layout.points
        try:
            array = files.as_float32(_npy.read(path, (None, points, 3)))
        except UserError as error:
            raise UserError(f"{error}.{_of_another_kind(path)}") from error
        infinite = np.argwhere(np.isinf(array))
        if len(infinite):
            frame, point, _ = infinite[0]
            raise UserError(
                f"{path}: frame {frame}, point {point} is infinite; expected numbers, or NaN for "
                "what was not detected. Extract the clip again"
            )
        if self.kind.free_of_nan and np.isnan(array).any():
            raise UserError(
                f"{path}: holds NaN, expected post-processed points without (data.kind="
                f"{self.kind.name!r}). Are they raw? Then post-process them: jaxsign convert "
                "--to signon --postprocessed"
            )
        if np.isnan(array).all():
            raise UserError(
                f"{path}: all of its {len(array)} frames are NaN; expected a frame with something "
                "detected. Extract the clip again, or leave its row out"
            )
        return {"": array}

    def clip(self, path: Path) -> Clip:
        """The points of MediaPipe as a clip whose frame size has the aspect; raises as `array`."""
        clip = signon.to_clip(self.array(path)[""], path)
        ratio = Fraction(self.aspect).limit_denominator(_FINEST)
        size = (ratio.denominator, ratio.numerator) if self.aspect else (0, 0)
        return dataclasses.replace(clip, frame_size=size)

    def frames(self, path: Path) -> int:
        """Frames of a file that is read whole for it, so that what is wrong is told beforehand."""
        return len(self.array(path)[""])


def _of_another_kind(path: Path) -> str:
    try:
        return signon_kinds.hint(_npy.load(path, mmap=True).shape)
    except UserError:
        return ""
