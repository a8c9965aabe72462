"""Graphs of films for programs: frames in, what is seen in each and how it is related out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer.graphs import films, session
from jaxsign.infer.graphs.looker import FilmLooker, numbered
from jaxsign.infer.graphs.outputs import USUAL, Wanted
from jaxsign.infer.graphs.seen import SeenFrame
from jaxsign.infer.graphs.sliding import FrameFollower
from jaxsign.input.scenes import sources

Film = str | Path | Iterable[np.ndarray]


class GraphTeller:
    """Tells relations in films, frame by frame; made by `jaxsign.api.load_graphs`.

    Args:
      follower: of the run.
      looker: finds boxes; None = scenes hold them.
    """

    def __init__(self, follower: FrameFollower, looker: FilmLooker | None = None):
        self._follower, self._looker = follower, looker

    def frames(self, film: Film, *, every: int = 1, most: int = 0) -> Iterator[SeenFrame]:
        """What is told of each frame, in order; it holds no more than a few of them.

        Frames are told as soon as they come where `load_graphs` was called with `live`; else up to
        12 are waited for, which are told together.

        Args:
          film: the path of a film, or frames uint8 [H, W, 3], RGB, of any number, which may still
            come; without a detector the path of a file with one scene.
          every: one frame in so many is looked at.
          most: no more than these; 0 = all.

        Raises:
          UserError: no film, or no scene, that the run can take.
        """
        chosen = session.ChosenFrames(every, most)
        self._follower.begin()
        if self._looker is None:
            yield from session.seen(self._follower, chosen(self._stored(film)))
        elif isinstance(film, str | Path):
            shown = self._looker(Path(film).stem, chosen(films.frames_of(Path(film))))
            yield from session.seen(self._follower, shown)
        else:
            shown = self._looker("frames", chosen(numbered(film)))
            yield from session.seen(self._follower, shown)

    def _stored(self, film: Film) -> Iterable[session.Shown]:
        if not isinstance(film, str | Path):
            raise UserError("frames need a detector: load_graphs(workdir, detector)")
        source = sources.of_folder(Path(film))
        if len(source.ids) != 1:
            raise UserError(f"{film}: holds {len(source.ids)} scenes; give the file of one")
        return session.stored(self._follower, source, 0, None)

    def tell(self, film: str | Path, out: str | Path, wanted: Wanted = USUAL) -> list[Path]:
        """Writes the film, pictures, tables and text of `jaxsign scene`; gives what was written.

        Args:
          film: its path; without a detector that of scenes.
          out: the folder.
          wanted: what is shown.
        """
        if self._looker is not None:
            made = [films.tell_film(self._follower, self._looker, Path(film), Path(out), wanted)]
        else:
            source = sources.of_folder(Path(film))
            made = list(session.tell_scenes(self._follower, source, None, Path(out), wanted))
        return [path for one in made for path in one.files]
