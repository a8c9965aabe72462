"""Films as a collection: what is taken of one is found when it is read."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.signs import signon_films
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import models, recording, videos
from jaxsign.input.signs.extract.landmarkers import Factory, Landmarker
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.formats import Collection, Entry, of_files


@dataclasses.dataclass(frozen=True)
class Finder:
    """How landmarks are found in films, as `jaxsign extract` does.

    Attributes:
      factory: makes a landmarker; every film has its own.
      settings: which frames, and how they are shown.
      keep_partial: take what can be decoded of damaged films.
      progress: see `recording.record`.
    """

    factory: Factory
    settings: ExtractionSettings = dataclasses.field(default_factory=ExtractionSettings)
    keep_partial: bool = False
    progress: Callable[[int, float], None] = lambda frames, share: None
    _spare: list[Landmarker] = dataclasses.field(default_factory=list, repr=False)

    def check(self) -> None:
        """Makes the first film's landmarker, so that what is wrong with it shows before a film."""
        if not self._spare:
            self._spare.append(self.factory())

    def close(self) -> None:
        """Frees a landmarker that no film has come for."""
        while self._spare:
            self._spare.pop().close()

    def __call__(self, path: Path) -> Clip:
        """The clip of a film.

        Raises:
          UserError: it cannot be read.
        """
        landmarker = self._spare.pop() if self._spare else self.factory()
        try:
            return recording.record(
                path,
                landmarker,
                self.settings,
                keep_partial=self.keep_partial,
                progress=self.progress,
            )[0]
        except UserError:
            raise
        except Exception as error:  # of a decoder or of MediaPipe: the other films must not suffer
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: {type(error).__name__}: {reason}") from error
        finally:
            landmarker.close()


def open_films(path: Path, finder: Finder | None) -> Collection:
    """A film, or all that lie below a folder.

    Raises:
      UserError: no film, no way to find landmarks, or one that does not work.
    """
    found = videos.find(path, path / ".nowhere")
    if finder is None:
        what = f"{path} is a film" if found[0].path == path else f"{path} holds films"
        raise UserError(f"{what}: their landmarks are found by MediaPipe. {models.WANTED}")
    finder.check()
    videos.tell_rate([listed.path for listed in found], finder.settings.source_fps)
    entries = [Entry(listed.name, path=listed.path) for listed in found]
    return of_files(path, "films", entries, finder)


def open_pictures(path: Path, files: signon_films.FilmFiles) -> Collection:
    """A film, or all that lie below a folder, of which the pictures themselves are taken.

    Args:
      path: where they lie.
      files: reads one (`views.View.film_files`).

    Raises:
      UserError: no film.
    """
    found = videos.find(path, path / ".nowhere")
    entries = [Entry(listed.name, path=listed.path) for listed in found]
    return of_files(path, "films", entries, files.clip, files.frames, files.array)
