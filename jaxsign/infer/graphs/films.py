"""A film or a camera from its frames to its files."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.infer.graphs import outputs, session
from jaxsign.infer.graphs.looker import FilmLooker
from jaxsign.infer.graphs.outputs import Wanted
from jaxsign.infer.graphs.sliding import FrameFollower
from jaxsign.infer.live import frames, picture, window
from jaxsign.input.folders import progress
from jaxsign.input.scenes import videos
from jaxsign.input.signs.extract import opening


def frames_of(path: Path, rate: float = 0.0) -> Iterator[videos.ShownFrame]:
    """The frames of a film that can be read, called as `jaxsign detect` calls them.

    Damage is told on stderr at the end. For the arguments and errors see `tell_film`.
    """
    options = videos.FilmOptions(source_fps=rate, keep_partial=True)
    for frame in videos.film_frames(path, options):
        if frame.image is None:
            print(f"warning: {frame.reason}", file=sys.stderr)
        else:
            yield frame


def tell_film(
    follower: FrameFollower,
    looker: FilmLooker,
    path: Path,
    out: Path,
    wanted: Wanted,
    chosen: session.ChosenFrames = session.ALL,
    rate: float = 0.0,
) -> session.ToldFilm:
    """Writes what happens in a film; how far it is stands in a bar. Damage is told on stderr.

    Args:
      follower, looker: tell relations, and find boxes.
      path: of the film, or the folder of its pictures.
      out, wanted, chosen: see `session.tell_scenes`.
      rate: frames a second, whatever the film says; 0 = as it says.

    Raises:
      UserError: no film, no frame in it, or one that would be written over.
    """
    if path.is_dir() and any(path.glob("*.scene.npz")):
        raise UserError(f"{path}: holds scenes, no pictures of a film. Leave out --detector")
    outputs.check_apart(out, path)
    with opening.film(path, rate=rate) as film:
        total = film.frames // chosen.every
    total = min(total, chosen.most or total)
    shown = looker(path.stem, chosen(frames_of(path, rate)))
    told = progress.over("frames", shown, total, hidden=not total)
    return session.tell(follower, told, out, path.stem, wanted, looker.name)


def tell_camera(
    follower: FrameFollower,
    looker: FilmLooker,
    number: int,
    out: Path,
    wanted: Wanted,
    chosen: session.ChosenFrames = session.ALL,
    *,
    shown: bool = True,
) -> session.ToldFilm:
    """Writes what happens before a camera, until q is pressed in its window, or Ctrl-C.

    Raises:
      UserError: there is no such camera, or no window can be opened.
    """
    name = f"camera {number}"
    with contextlib.ExitStack() as opened:
        watch = None
        if shown:
            made = window.PreviewWindow("jaxsign scene", picture.PictureView())
            watch = opened.enter_context(contextlib.closing(made))
        coming = (
            videos.ShownFrame(f"{place:06d}", place, image, seconds)
            for place, (seconds, image) in enumerate(frames.camera(number))
        )
        seen = looker(name, chosen(coming))
        go_on = (lambda image: watch.show(image) != window.QUIT) if watch else None
        return session.tell(follower, seen, out, name, wanted, looker.name, go_on)
