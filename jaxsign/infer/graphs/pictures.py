"""The pictures of a scene's frames, from the film or the folder that it was made of."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input import lookup
from jaxsign.input.scenes import pictures
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.signs.extract import frames, opening

Array = np.ndarray
_MOMENT = 0.5  # seconds, or frames


def of_scene(scene: Scene, place: Path | None) -> Iterator[Array | None]:
    """uint8 [H, W, 3], RGB, of every frame in order; None where there is no picture.

    Args:
      scene: whose.
      place: a folder in which frames lie by their names; a film, in which they are found by their
        times, or by their numbers where the scene tells none; None: there are no pictures.

    Raises:
      UserError: frames that are not there, or that are no pictures.
    """
    if place is None:
        return iter([None] * len(scene))
    return _of_folder(scene, place) if place.is_dir() else _of_film(scene, place)


def _of_folder(scene: Scene, folder: Path) -> Iterator[Array]:
    there = lookup.Lookup(folder)
    paths = [there.path(name) for name in scene.frames]
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        raise UserError(
            f"{folder}: {len(absent)} of {len(paths)} frames are absent:\n{listing(absent)}\n"
            "Give the folder that the scene's frames are named in, or leave it out"
        )
    return map(pictures.read, paths)


def _of_film(scene: Scene, path: Path) -> Iterator[Array]:
    wanted = _wanted(scene, path)
    place = 0
    with opening.film(path) as film:
        before: tuple[float, frames.Frame] | None = None
        for number, frame in enumerate(film):
            at = frame.seconds if scene.times is not None else float(number)
            while place < len(wanted) and at >= wanted[place]:
                nearer = before is not None and wanted[place] - before[0] < at - wanted[place]
                yield (before[1] if nearer and before else frame).pixels()
                place += 1
            before = at, frame
        # Times are rounded: the last frame may lie a moment before what is asked for.
        if before and place == len(wanted) - 1 and wanted[place] - before[0] < _MOMENT:
            yield before[1].pixels()
            place += 1
    if place < len(wanted):
        raise UserError(
            f"{path}: ends before frame {scene.frames[place]} of {scene.source} "
            f"({len(wanted) - place} of {len(wanted)} frames are missing). Is it another film? "
            f"{film.damage}".strip()
        )


def _wanted(scene: Scene, path: Path) -> list[float]:
    """Times, or numbers of frames, by which the scene's frames are found in the film."""
    if scene.times is not None:
        found: list[float] = scene.times.tolist()
        return found
    try:
        numbers = [int(Path(name).stem) for name in scene.frames]
    except ValueError as error:
        raise UserError(
            f"{path}: frames of {scene.source} have neither times nor numbers as names (such as "
            f"{scene.frames[0]!r}), so that they cannot be found in a film. Give the folder of "
            "their pictures"
        ) from error
    if sorted(numbers) != numbers:
        raise UserError(f"{path}: frames of {scene.source} are not in the order of their numbers")
    return [float(number) for number in numbers]
