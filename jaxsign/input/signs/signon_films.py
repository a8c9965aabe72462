"""SignON's films: 16 frames of each, which are decoded where batches are made."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import frames, opening

Array = np.ndarray
LENGTH = 16  # frames that stand for a film of any length, every second one about its middle


@dataclasses.dataclass(frozen=True)
class FilmFiles:
    """Reads films."""

    def array(self, path: Path) -> dict[str, Array]:
        """uint8 [LENGTH, H, W, 3] as they are decoded, as a collection gives arrays.

        Raises:
          UserError: no film, one that is damaged, cut short or without frames, or frames of two
            sizes.
        """
        with _opened(path) as film:
            chosen = windows.fixed_length(film.frames or 1, LENGTH)
            # Without a number in the header the film is read once more, to count.
            found = _taken(film, chosen) if film.frames else []
        if len(found) <= chosen[-1]:
            with _opened(path) as film:
                count = sum(1 for _ in film)
                _refuse_damaged(film)
            if not count:
                raise UserError(
                    f"{path}: holds 0 frames; expected at least 1. Record or convert it again"
                )
            chosen = windows.fixed_length(count, LENGTH)
            with _opened(path) as film:
                found = _taken(film, chosen)
        sizes = {array.shape for array in found if array is not None}
        if len(sizes) > 1:
            told = " and ".join(f"{width} x {height}" for height, width, _ in sorted(sizes))
            raise UserError(
                f"{path}: has frames of two sizes, {told} pixels; expected one. Convert the film"
            )
        return {"": np.stack([array for array in (found[i] for i in chosen) if array is not None])}

    def clip(self, path: Path) -> Clip:
        """Raises UserError: there are pictures, not landmarks."""
        raise UserError(
            f"{path}: a film, whose recipe takes its pictures (data.kind=RGB_Full): set "
            "view.name=frames"
        )

    def frames(self, path: Path) -> int:
        """`LENGTH`, of a film that opens; it is not decoded for that."""
        with _opened(path):
            return LENGTH


def _opened(path: Path) -> frames.OpenFilm:
    return opening.film(path)


def _taken(film: frames.OpenFilm, chosen: Array) -> list[Array | None]:
    """Frames up to the last of `chosen`: uint8 [H, W, 3] of these, None for the others.

    Raises:
      UserError: one before cannot be decoded, so that later ones would stand for those chosen.
    """
    wanted = set(chosen.tolist())
    first = itertools.islice(film, int(chosen[-1]) + 1)
    found = [frame.pixels() if i in wanted else None for i, frame in enumerate(first)]
    _refuse_damaged(film)
    return found


def _refuse_damaged(film: frames.OpenFilm) -> None:
    """Raises UserError where what has been read of a film is not all that it should hold."""
    if film.damage:
        raise UserError(f"{film.path}: {film.damage}. Convert the film, or leave it out")
