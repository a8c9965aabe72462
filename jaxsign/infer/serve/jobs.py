"""The queue behind the page: uploads are answered one after the other, and nothing is kept."""

import collections
import contextlib
import dataclasses
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.infer.serve import showing

_LOG = logging.getLogger("jaxsign")
WAITING, WORKING, DONE, FAILED, CANCELLED = "waiting", "working", "done", "failed", "cancelled"
SENT, MADE = "sent", "made"  # folders in a job's own
_LOST = 300.0  # seconds after which nobody asks any more
MOST = 32  # uploads that wait


class TooManyError(UserError):
    """So many uploads wait that no more are taken."""


class ClosedError(UserError):
    """Nothing is answered any more."""


@dataclasses.dataclass(eq=False)
class UploadJob(showing.AnswerReport):
    """One upload on its way to an answer.

    Attributes:
      folder: its own, with everything of it; gone when the job is forgotten.
      upload: the file; None = an example is made.
      whole: timeline and film are wanted besides the answer.
      key: that it is asked about by.
      patience: seconds after which it is lost, where nobody asks.
      state: WAITING, WORKING, DONE, FAILED or CANCELLED.
      parts: of the answer, as they are found.
      error: what is wrong, once it has failed.
      at, frames, share: as its `AnswerReport` heard last.
      ended: set once nothing more comes.
    """

    folder: Path
    upload: Path | None
    whole: bool = True
    key: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(12))
    patience: float = _LOST
    state: str = WAITING
    parts: list[showing.Part] = dataclasses.field(default_factory=list)
    error: str = ""
    at: str = ""
    frames: int = 0
    share: float = 0.0
    ended: threading.Event = dataclasses.field(default_factory=threading.Event)
    _cancelled: bool = False
    _asked: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def out(self) -> Path:
        """Folder for what is made of the upload."""
        return self.folder / MADE

    @property
    def lost(self) -> bool:
        """Whether nobody has asked about it for long."""
        return time.monotonic() - self._asked > self.patience

    def ask(self) -> None:
        """Notes that somebody still waits."""
        self._asked = time.monotonic()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._cancelled = True

    def check(self) -> None:
        """Raises CancelledError where nobody waits any more."""
        if self._cancelled or self.lost:
            raise showing.CancelledError("cancelled")

    def stage(self, name: str) -> None:
        self.check()
        self.at, self.frames, self.share = name, 0, 0.0

    def progress(self, frames: int, share: float) -> None:
        self.check()
        self.frames, self.share = frames, share

    def json(self, known: int) -> dict[str, object]:
        """How far it is, and its parts from number `known` on."""
        return {
            "state": self.state,
            "stage": self.at,
            "frames": self.frames,
            "share": round(self.share, 3),
            "parts": self.parts[known:],
            "error": self.error,
        }

    def named(self, message: str) -> str:
        """A message that names files as they were called, without their folder."""
        return message.replace(f"{self.folder / SENT}/", "").replace(f"{self.folder}/", "")

    def finish(self, state: str, error: str = "") -> None:
        """Nothing more comes."""
        self.error = self.named(error)
        self.state = state
        self.ended.set()


class JobQueue:
    """Jobs and the thread that answers them.

    Args:
      shows: answers.
      folder: for the jobs' folders.
      most: jobs that may wait, those that still arrive among them; one more is refused.

    Attributes:
      ready: set once the run is warm.
    """

    def __init__(self, shows: showing.Showing, folder: Path, most: int = MOST):
        self._shows, self._folder, self._most = shows, folder, most
        self._jobs: dict[str, UploadJob] = {}
        self._arriving: set[Path] = set()  # folders of jobs that are not added yet
        self._waiting: collections.deque[UploadJob] = collections.deque()
        self._change = threading.Condition()
        self._closed = False
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        """A place for a job and a folder: SENT for what is uploaded, MADE for what is made of it.

        Both are given up at the block's end, unless the job was added.

        Raises:
          TooManyError: too many jobs wait already.
          ClosedError: the queue is closed.
        """
        folder = self._folder / secrets.token_hex(8)
        with self._change:
            self._check_open()
            self._sweep()
            if len(self._arriving) + len(self._waiting) >= self._most:
                raise TooManyError(f"{self._most} uploads wait already. Try again in a while")
            self._arriving.add(folder)
        try:
            for one in (folder, folder / SENT, folder / MADE):
                one.mkdir()
            yield folder
        finally:
            with self._change:
                was_added = folder not in self._arriving
                self._arriving.discard(folder)
            if not was_added:
                shutil.rmtree(folder, ignore_errors=True)

    def add(self, job: UploadJob) -> UploadJob:
        """Takes a job, whose folder has a place; it waits for its turn.

        Raises:
          ClosedError: the queue is closed.
        """
        with self._change:
            self._check_open()
            self._arriving.discard(job.folder)
            self._jobs[job.key] = job
            self._waiting.append(job)
            self._change.notify()
        return job

    def find(self, key: str) -> UploadJob | None:
        """The job of a key; None where it is forgotten."""
        return self._jobs.get(key)

    def before(self, job: UploadJob) -> int:
        """How many jobs are answered before one that waits."""
        waiting = list(self._waiting)
        return waiting.index(job) + 1 if job in waiting else 0

    def forget(self, job: UploadJob) -> None:
        """Ends a job and removes all that is left of it."""
        job.cancel()
        with self._change:
            self._jobs.pop(job.key, None)
            if job in self._waiting:
                self._waiting.remove(job)
                job.finish(CANCELLED)
        if job.ended.is_set():
            shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Ends the work at hand; what waits is not answered."""
        with self._change:
            self._closed = True
            for job in self._jobs.values():
                job.cancel()
            self._change.notify()
        self._thread.join(timeout=10)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("jaxsign serve ends. Start it again")

    def _run(self) -> None:
        try:
            for _ in self._shows.warm_up():
                if self._closed:
                    break
        except UserError as error:
            _LOG.warning("%s", error)
        except Exception:  # uploads may be answered all the same, or tell what is wrong
            _LOG.exception("nothing is compiled ahead")
        self.ready.set()
        while (job := self._next()) is not None:
            self._answer(job)
            if self._jobs.get(job.key) is not job:  # forgotten meanwhile
                shutil.rmtree(job.folder, ignore_errors=True)
        self._shows.close()

    def _next(self) -> UploadJob | None:
        """The next job, once there is one; None = it is over."""
        with self._change:
            while not self._closed:
                self._sweep()
                if self._waiting:
                    return self._waiting.popleft()
                self._change.wait(timeout=10)
        return None

    def _sweep(self) -> None:
        """Removes what nobody waits for or fetches; called with the lock held."""
        for job in [job for job in self._jobs.values() if job.lost]:
            if job in self._waiting:
                self._waiting.remove(job)
                job.finish(CANCELLED)
            if job.ended.is_set():
                del self._jobs[job.key]
                shutil.rmtree(job.folder, ignore_errors=True)

    def _answer(self, job: UploadJob) -> None:
        job.state = WORKING
        state, error = DONE, ""
        try:
            self._tell(job)
        except showing.CancelledError:
            state = CANCELLED
        except UserError as wrong:
            state, error = FAILED, str(wrong)
        except Exception as wrong:  # the other uploads must not suffer
            _LOG.exception("an upload was not answered")
            state, error = FAILED, f"jaxsign failed ({type(wrong).__name__}: {wrong})"
        if job.upload is not None:
            job.upload.unlink(missing_ok=True)
        job.finish(state, error)

    def _tell(self, job: UploadJob) -> None:
        job.check()
        try:
            with telling.heard() as told:
                if job.upload is None:
                    job.upload = self._shows.example(job.folder / SENT)
                with contextlib.closing(self._shows.show(job.upload, job.out, job)) as parts:
                    for part in parts:
                        job.check()
                        job.parts.append({**part, "told": [job.named(line) for line in told]})
                        if not job.whole:
                            break
        except UserError:
            # A clip that nobody waits for any more may be told of as one that cannot be read.
            job.check()
            raise
