"""What the page needs of one kind of run: the contract between its queue and who answers."""

import abc
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from jaxsign.errors import UserError

# In the folder of what was made of an upload.
FILM, PICTURE = "film.mp4", "graph.png"


class CancelledError(UserError):
    """Nobody waits for the answer any more."""


class AnswerReport(Protocol):
    """Hears how far an answer is; raises `CancelledError` where nobody waits for it."""

    def stage(self, name: str) -> None:
        """Another part of the work begins: 'landmarks', 'answer', 'timeline', 'film'."""

    def progress(self, frames: int, share: float) -> None:
        """So many frames of this part are done, such a share of it; 0 = how much is unknown."""


# Plain values that belong to an answer.
Part = Mapping[str, object]


class Showing(abc.ABC):
    """Tells of uploads with a run that is loaded once; one upload at a time."""

    @abc.abstractmethod
    def facts(self) -> Part:
        """What the page says of the run; see docs/serve.md."""

    @abc.abstractmethod
    def warm_up(self) -> Iterator[None]:
        """Compiles and loads what the first upload would wait for, a step for each `next`.

        Raises:
          UserError: models that cannot be loaded.
        """

    def close(self) -> None:
        """Frees what was loaded ahead; default: nothing was."""
        return None

    @abc.abstractmethod
    def example(self, folder: Path) -> Path:
        """Makes a small upload in a folder.

        Raises:
          UserError: there is none for this run.
        """

    @abc.abstractmethod
    def show(self, upload: Path, out: Path, report: AnswerReport) -> Generator[Part, None, None]:
        """What is told of an upload, part by part as it is found.

        The first part holds `answer`, what `jaxsign predict --out` would write; who wants no more
        takes no more. Parts `film` and `picture` say that FILM and PICTURE in `out` are whole.

        Args:
          upload: the file.
          out: folder for what is made of it.
          report: hears how far it is.

        Raises:
          UserError: nothing can be told of it.
        """
