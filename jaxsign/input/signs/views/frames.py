"""Films' pictures for nets that look at whole frames: the square in the middle of each."""

import dataclasses

import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input.signs import frames, signon_films
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import View


@dataclasses.dataclass(frozen=True)
class FramesView(View):
    """The square in the middle of every picture.

    It takes pictures uint8 [T, H, W, 3] and makes uint8 [T, size, size, 3] of them, or
    [T, H', W', 3] where they are not cut.

    Attributes:
      size: side of the square, in pixels.
      shorter: pixels that the shorter side has before it is cut.
      crop: whether the square is cut out; augmentation takes the whole pictures.
    """

    size: int = fields.value(224, fields.COUNT)
    shorter: int = fields.value(256, fields.COUNT)
    crop: bool = True

    own_length = signon_films.LENGTH
    looks_at = ("hand", "face")
    film_files = signon_films.FilmFiles()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size > self.shorter:
            raise UserError(
                f"config.view.size={self.size}, view.shorter={self.shorter}: expected the square "
                "no larger than the shorter side"
            )

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """uint8 [T, size, size, 3], or [T, H', W', 3].

        Raises:
          UserError: landmarks, or other arrays.
        """
        if isinstance(clip, Clip) or clip.shape[3:] != (3,) or clip.dtype != np.uint8:
            found = "landmarks" if isinstance(clip, Clip) else f"{list(clip.shape)} {clip.dtype}"
            raise UserError(
                f"view frames takes pictures uint8 [T, H, W, 3], found {found}. Of SignON's kinds "
                "of data they are data.kind=RGB_Full"
            )
        whole = frames.resize_shorter(clip, self.shorter)
        return self.finished(whole) if self.crop else whole

    @property
    def early(self) -> View:
        """The whole pictures."""
        return dataclasses.replace(self, crop=False, length=0)

    def finished(self, x: np.ndarray) -> np.ndarray:
        """The square in the middle; pictures that augmentation has cut already stay."""
        return np.ascontiguousarray(frames.centre(x, self.size)) if self.crop else x


VIEW = FramesView
