"""What passes between a folder's jobs and whoever follows them, wherever the jobs are done."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from jaxsign.errors import UserError
from jaxsign.whole import is_full

Job = TypeVar("Job")
Result = TypeVar("Result")


class Notes(Protocol):
    """A job's way to tell how far it is."""

    def __call__(self, frames: int, share: float, *, always: bool = False) -> None:
        """`frames` are worked on, `share` of the job is done; not all are sent, but for `always`.

        Raises:
          BrokenPipeError: nobody waits for the result any more.
        """


# Does a job, told with ways to say how far it is.
Work = Callable[[Job, Notes], Result]
# Made once a process (may raise UserError: then no process can work); picklable.
Start = Callable[[], Work[Job, Result]]


@dataclasses.dataclass(frozen=True)
class Note:
    """A job is still going on: so many frames so far, and the share of it that is done."""

    job: int
    frames: int
    share: float


@dataclasses.dataclass(frozen=True)
class Done(Generic[Result]):
    """A job's result."""

    job: int
    result: Result


@dataclasses.dataclass(frozen=True)
class Failed:
    """Why a job has no result; whether its worker `died` of it."""

    job: int
    reason: str
    died: bool = False

    def told(self, path: Path | None = None) -> str:
        """The reason on one line, with the file that it is about."""
        reason = " ".join(self.reason.split())
        return reason if path is None or str(path) in reason else f"{path}: {reason}"


@dataclasses.dataclass(frozen=True)
class Refused:
    """Why no worker can go on."""

    reason: str


Event = Note | Done[Result] | Failed  # `job` is its number


def tried(
    work: Work[Job, Result], number: int, job: Job, notes: Notes
) -> Done[Result] | Failed | Refused:
    """Does a job; what it raises is why it failed, but for a parent that is gone."""
    try:
        return Done(number, work(job, notes))
    except (BrokenPipeError, ConnectionResetError):  # of the notes
        raise
    except UserError as error:
        return Failed(number, str(error))
    except Exception as error:
        if is_full(error):  # no other job would find room either
            return Refused(f"{error}. What is written stays; the same command goes on")
        return Failed(number, f"{type(error).__name__}: {error}")
