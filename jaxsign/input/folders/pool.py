"""Worker processes that may die: one job each at a time, and a death costs only that job."""

import collections
import contextlib
import dataclasses
import multiprocessing
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import connection
from typing import IO, Generic

from jaxsign import interrupts
from jaxsign.errors import UserError
from jaxsign.input.folders.work import (
    Event,
    Failed,
    Job,
    Note,
    Refused,
    Result,
    Start,
    tried,
)

_BETWEEN_NOTES = 0.2  # seconds
_FALSE_STARTS = 3  # deaths of processes at their start, one after the other, that end it all
_NOTICE = re.compile(r"[IW]\d{4} |INFO:|WARNING:")


@dataclasses.dataclass(frozen=True)
class _Ready:
    """A process can work."""


class PipeNotes:
    """A worker's way to tell its parent how far it is; it raises when the parent is gone."""

    def __init__(self, pipe: connection.Connection, job: int):
        self._pipe, self._job, self._last = pipe, job, 0.0

    def __call__(self, frames: int, share: float, *, always: bool = False) -> None:
        """See `work.Notes`; what comes just behind another is not sent."""
        now = time.monotonic()
        if always or now - self._last > _BETWEEN_NOTES:
            self._last = now
            self._pipe.send(Note(self._job, frames, share))


def run(
    start: Start[Job, Result], jobs: Sequence[Job], workers: int
) -> Generator[Event[Result], None, None]:
    """Does the jobs in processes of their own; events come as they happen.

    A process that is killed or crashes is replaced. Closing the iterator, or an exception thrown
    into it, ends all processes.

    Args:
      start: picklable, runs in each process.
      jobs: picklable arguments.
      workers: processes at a time.

    Raises:
      UserError: `start` failed, or processes died in it again and again.
    """
    false_starts = 0
    waiting = collections.deque(enumerate(jobs))
    crew: list[_Worker[Job, Result]] = []
    try:
        while waiting or any(worker.job is not None for worker in crew):
            while len(crew) < min(workers, len(waiting) + len(crew)):
                crew.append(_Worker(start))
            for worker in _with_news(crew):
                event = worker.hear()
                false_starts = false_starts + 1 if worker.never_began else 0
                if false_starts >= _FALSE_STARTS:
                    raise UserError(f"Worker processes died as they started: {worker.reason}")
                if false_starts:  # there may be no memory for so many
                    workers = max(1, workers - 1)
                if worker.ended:
                    crew.remove(worker)
                elif worker.job is None and waiting:
                    worker.give(*waiting.popleft())
                elif worker.job is None:
                    crew.remove(worker)
                    worker.stop()
                if event is not None:
                    yield event
    finally:
        for worker in crew:
            worker.stop()


def _with_news(crew: Sequence["_Worker[Job, Result]"]) -> list["_Worker[Job, Result]"]:
    ready = connection.wait([worker.pipe for worker in crew], timeout=1.0)
    return [worker for worker in crew if worker.pipe in ready]


class _Worker(Generic[Job, Result]):
    """The parent's side of a process."""

    def __init__(self, start: Start[Job, Result]):
        self.job: int | None = None
        self.ended = self.never_began = False
        self.reason = ""
        self._ready = False
        # Without a name: nothing is left of it, however this process ends.
        self._log = tempfile.TemporaryFile(buffering=0)
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        # What carries a file to another process; nothing else is done with it as a connection.
        with connection.Connection(os.dup(self._log.fileno()), readable=False) as log:
            self._process = context.Process(target=_main, args=(start, other, log), daemon=True)
            with _deaf_to_ctrl_c():
                self._process.start()
        other.close()

    def give(self, number: int, job: Job) -> None:
        """Hands a job over; a process that is gone is noticed by `hear`."""
        self.job = number
        with contextlib.suppress(OSError):
            self.pipe.send((number, job))

    def hear(self) -> Event[Result] | None:
        """What the process says; None where that is of no interest to the caller."""
        try:
            said: Event[Result] | _Ready | Refused = self.pipe.recv()
        except (EOFError, OSError):
            return self._died()
        if isinstance(said, _Ready):
            self._ready = True
            return None
        if isinstance(said, Refused):
            raise UserError(said.reason)
        if not isinstance(said, Note):
            self.job = None
        return said

    def _died(self) -> Failed | None:
        self.ended = True
        self._process.join(5)
        self.reason = _reason(self._process.exitcode, self._log)
        self.stop()
        self.never_began = not self._ready
        return None if self.job is None else Failed(self.job, self.reason, died=True)

    def stop(self) -> None:
        """Ends the process, gently first."""
        self.ended = True
        self.pipe.close()
        self._process.join(0.5 if self.job is None else 0)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._log.close()


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C from their first moment: their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _reason(code: int | None, log: IO[bytes]) -> str:
    if code is None or code >= 0:
        return f"the worker process ended by itself (status {code}){_last_words(log)}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if -code == signal.SIGKILL:
        return (
            f"the worker process was killed ({name}), as the system does when memory runs out: "
            "try fewer --workers or a smaller --max-side"
        )
    return f"the worker process crashed ({name}){_last_words(log)}"


def _last_words(log: IO[bytes]) -> str:
    """The last line that the libraries wrote, if any."""
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    # Notices of libraries that work explain nothing.
    told = [line.strip() for line in lines if line.strip() and not _NOTICE.match(line)]
    return f": {told[-1][:200]}" if told else ""


def _main(
    start: Start[Job, Result], pipe: connection.Connection, log: connection.Connection
) -> None:
    """The process."""
    with contextlib.suppress(BrokenPipeError, EOFError, ConnectionResetError, KeyboardInterrupt):
        _quiet(log)
        try:
            with interrupts.no_orphan():
                work = start()
        except UserError as error:
            pipe.send(Refused(str(error)))
            return
        pipe.send(_Ready())
        while True:
            number, job = pipe.recv()
            pipe.send(tried(work, number, job, PipeNotes(pipe, number)))


def _quiet(log: connection.Connection) -> None:
    """Sends what native libraries print to a file: notices at every start that help nobody."""
    os.dup2(log.fileno(), 2)
    log.close()
