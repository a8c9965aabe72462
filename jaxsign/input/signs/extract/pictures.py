"""A folder of pictures, read as a film."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from PIL import Image

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import pictures
from jaxsign.input.signs.extract import frames, videos


class Pictures:
    """The pictures of a folder in the order of their numbers; see `frames.OpenFilm`.

    Args:
      path: the folder.
      rate: frames a second; 0 = 25.

    Raises:
      UserError: no pictures, or two with one name; while it is iterated, pictures of two sizes.
    """

    def __init__(self, path: Path, rate: float = 0.0):
        self.path, self.damage = path, ""
        self.rate = rate or videos.PICTURES_RATE
        self._files = videos.pictures(path)
        if not self._files:
            raise UserError(
                f"{path}: is a folder that holds no pictures ({' '.join(videos.PICTURES)}) of a "
                "film. Expected a film, or the folder of its pictures."
            )
        self.frames = len(self._files)
        self.seconds = self.frames / self.rate
        stems: dict[str, Path] = {}
        for file in self._files:
            other = stems.setdefault(file.stem, file)
            if other != file:
                raise UserError(
                    f"{path}: {other.name} and {file.name} have one name; expected one picture a "
                    "frame. Remove one kind."
                )

    def __enter__(self) -> "Pictures":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __iter__(self) -> Iterator[frames.Frame]:
        first: tuple[Path, tuple[int, int]] | None = None
        lost: list[str] = []
        for number, file in enumerate(self._files):
            try:
                image = _read(file)
            except UserError as error:
                lost.append(str(error))
                more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
                self.damage = f"{lost[0]}{more}"
                continue
            first = first or (file, image.size)
            if image.size != first[1]:
                sizes = " and ".join(
                    f"{name} is {width} x {height}"
                    for name, (width, height) in (
                        (first[0].name, first[1]),
                        (file.name, image.size),
                    )
                )
                raise UserError(f"{self.path}: {sizes}; expected pictures of one size")
            yield frames.Frame(number / self.rate, av.VideoFrame.from_image(image))


def _read(file: Path) -> Image.Image:
    """Raises UserError, which names the file without its folder: a film's errors name that."""
    if problem := reading.problem(file):
        raise UserError(f"{file.name} {problem}")
    try:
        return pictures.shown(file)
    except UserError as error:
        raise UserError(str(error).replace(f"{file}:", file.name)) from error
    except pictures.BROKEN as error:
        reason = reading.told(file, "a picture", error)
        raise UserError(f"{file.name} cannot be read ({reason})") from error
