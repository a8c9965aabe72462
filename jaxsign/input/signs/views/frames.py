"""Films' pictures for nets that look at whole frames: the square in the middle of each."""

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import frames, signon_films
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import View


def view(
    clip: Clip | np.ndarray, *, size: int = 224, shorter: int = 256, crop: bool = True
) -> np.ndarray:
    """The recogniser's input.

    Args:
      clip: pictures uint8 [T, H, W, 3].
      size: side of the square, in pixels.
      shorter: pixels that the shorter side has before it is cut.
      crop: whether the square is cut out; augmentation takes the whole pictures.

    Returns:
      uint8 [T, size, size, 3], or [T, H', W', 3].

    Raises:
      UserError: landmarks, other arrays, or sizes that cannot be.
    """
    if not 1 <= size <= shorter:
        raise UserError(
            f"config.view.size={size}, view.shorter={shorter}: expected pixels, the square no "
            "larger than the shorter side"
        )
    if isinstance(clip, Clip) or clip.ndim != 4 or clip.shape[3] != 3 or clip.dtype != np.uint8:
        found = "landmarks" if isinstance(clip, Clip) else f"{list(clip.shape)} {clip.dtype}"
        raise UserError(
            f"view frames takes pictures uint8 [T, H, W, 3], found {found}. Of SignON's kinds of "
            "data they are data.kind=RGB_Full"
        )
    whole = frames.resize_shorter(clip, shorter)
    return finish(whole, size=size) if crop else whole


def finish(pictures: np.ndarray, *, size: int = 224, **_: object) -> np.ndarray:
    """The square in the middle; pictures that augmentation has cut already stay."""
    return np.ascontiguousarray(frames.centre(pictures, size))


VIEW = View(
    view,
    length=signon_films.LENGTH,
    early={"crop": False},
    finish=finish,
    looks_at=("hand", "face"),
    film_files=signon_films.FilmFiles(),
)
