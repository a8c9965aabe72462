"""HTTP on this machine alone: the page, its jobs, and one POST for programs."""

import contextlib
import errno
import http.server
import importlib.resources
import json
import logging
import os
import re
import select
import shutil
import socket
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import jaxsign
from jaxsign.errors import UserError
from jaxsign.infer.serve import jobs, showing, uploads
from jaxsign.whole import is_full

if TYPE_CHECKING:
    from socketserver import BaseRequestHandler

_LOG = logging.getLogger("jaxsign")
HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# The browser itself refuses whatever would come from, or go to, another place than this server.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STATUS: dict[type[UserError], int] = {
    uploads.NoLengthError: 411,
    uploads.TooLargeError: 413,
    jobs.TooManyError: 503,
    jobs.ClosedError: 503,
}
_LINGER = 2.0  # seconds that a refused upload is still heard, so that its sender hears why
_GONE = (ConnectionError, TimeoutError)  # who asked is
_LOOK = 0.2  # seconds between two looks whether somebody still waits


class PageServer(http.server.ThreadingHTTPServer):
    """The page of one run.

    Args:
      port: 0 = a free one.
      most: bytes of an upload.

    Attributes:
      facts: of the run, once it is loaded.
      queue: of its answers, once it is loaded.

    Raises:
      UserError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, most: int):
        self.most = most
        self.page = _page()
        self.facts: showing.Part = {}
        self.queue: jobs.JobQueue | None = None
        try:
            super().__init__((HOST, port), cast("type[BaseRequestHandler]", _Handler))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "is taken" if error.errno == errno.EADDRINUSE else "is not allowed"
            raise UserError(f"--port {port}: {why}. Give another one, or 0 for any free") from error

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.server_port}/"

    def show(self, shows: showing.Showing, folder: Path, waiting: int = jobs.MOST) -> None:
        """From now on uploads are answered.

        Args:
          shows: answers.
          folder: for the uploads while they are answered.
          waiting: most uploads that wait.
        """
        limit = {"version": jaxsign.__version__, "max_bytes": self.most}
        self.facts = {**shows.facts(), **limit}
        self.queue = jobs.JobQueue(shows, folder, waiting)

    def server_close(self) -> None:
        super().server_close()
        if self.queue is not None:
            self.queue.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Tells of mistakes of the program; who goes away in the middle of a word is no news."""
        if not isinstance(sys.exception(), _GONE):
            _LOG.exception("a request was not answered")


def _page() -> dict[str, tuple[str, bytes]]:
    """The files of the page: path -> type and content."""
    found = {}
    for file in (importlib.resources.files("jaxsign.infer.serve") / "page").iterdir():
        kind = _TYPES.get(Path(file.name).suffix)
        if kind:
            place = "/" if file.name == "index.html" else f"/{file.name}"
            found[place] = (f"{kind}; charset=utf-8", file.read_bytes())
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "jaxsign", ""
    timeout = 60  # seconds that a silent connection is kept
    _begun = False  # an answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is noted of who asks what."""

    def handle_expect_100(self) -> bool:
        """Whether a large upload may begin is told when it is known."""
        return True

    def parse_request(self) -> bool:
        """Whether a request came that can be answered; one without a proper address is refused."""
        if not super().parse_request():
            return False
        try:
            urllib.parse.urlsplit(self.path)
        except ValueError:
            self._refuse(400, "the address of the request is none")
            return False
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the protocol itself refuses is told as all else is."""
        self._refuse(int(code), message or http.HTTPStatus(code).phrase)

    def handle_one_request(self) -> None:
        self._begun = False
        try:
            super().handle_one_request()
        except _GONE:
            raise
        except Exception as error:
            if self._begun:
                raise
            _LOG.exception("a request was not answered")
            self._refuse(500, f"jaxsign failed ({type(error).__name__}); its terminal tells more")

    def do_GET(self) -> None:
        self._answer_unread(self._get)

    def do_DELETE(self) -> None:
        self._answer_unread(self._delete)

    def _answer_unread(self, answer: Callable[[], None]) -> None:
        """Answers what should have no content; after one the connection ends, as it is not read."""
        size = self.headers["Content-Length"]
        has_content = size not in (None, "0") or "Transfer-Encoding" in self.headers
        self.close_connection = self.close_connection or has_content
        answer()
        if has_content:
            self._linger()

    def _get(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        if not self._is_ours():
            self._fail(403, "only pages of this server may ask")
        elif path in self.server.page:
            kind, content = self.server.page[path]
            self._send(200, kind, content)
        elif path == "/run":
            self._json(200, self.server.facts)
        elif (job := self._job(path)) is None:
            self._fail(404, "there is no such thing here, or it is forgotten by now")
        elif path.endswith("/film"):
            self._file(job.out / showing.FILM, "video/mp4")
        elif path.endswith("/picture"):
            self._file(job.out / showing.PICTURE, "image/png")
        else:
            self._progress(job)

    def _delete(self) -> None:
        job = self._job(urllib.parse.urlsplit(self.path).path)
        if not self._is_ours():
            self._fail(403, "only pages of this server may ask")
            return
        if job is not None and self.server.queue is not None:
            self.server.queue.forget(job)
        self._json(200, {})

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if not self._is_ours():
            self._refuse(403, "only pages of this server may ask")
        elif url.path not in ("/predict", "/jobs"):
            self._refuse(404, "POST to /predict?name=FILE")
        elif self.server.queue is None:
            self._refuse(503, "the run is still being loaded. Try again in a few seconds")
        elif not asked.get("name") and not (url.path == "/jobs" and "example" in asked):
            self._refuse(400, "what is the file called? POST to /predict?name=FILE")
        else:
            self._take(self.server.queue, asked.get("name"), whole=url.path == "/jobs")

    def _take(self, queue: jobs.JobQueue, name: str | None, *, whole: bool) -> None:
        """Takes an upload, and answers at once or, where the `whole` is wanted, as it comes."""
        try:
            job = self._received(queue, name, whole)
        except UserError as error:
            self._refuse(_STATUS.get(type(error), 400), str(error))
            return
        except uploads.LostError:
            self.close_connection = True
            return
        except OSError as error:
            if not is_full(error):
                raise
            self._refuse(507, "the disk for uploads is full")
            return
        if not whole:
            self._answer(queue, job)
            return
        try:
            self._json(202, {"job": job.key})
        except OSError:  # nobody knows its key
            queue.forget(job)
            raise

    def _received(self, queue: jobs.JobQueue, name: str | None, whole: bool) -> jobs.UploadJob:
        """A job that waits, its upload on the disk; where that fails, nothing is left of it."""
        called = None if name is None else uploads.safe_name(name)
        size = uploads.length(
            self.headers["Content-Length"], called or "the example", self.server.most
        )
        with queue.place() as folder:
            if self.headers["Expect"] == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            upload = folder / jobs.SENT / (called or "nothing")
            uploads.receive(self.rfile, size, upload)
            if self._is_gone():
                raise uploads.LostError
            return queue.add(jobs.UploadJob(folder, None if called is None else upload, whole))

    def _answer(self, queue: jobs.JobQueue, job: jobs.UploadJob) -> None:
        """Waits for an answer and sends it."""
        while not job.ended.wait(_LOOK):
            job.ask()
            if self._is_gone():
                job.cancel()
        queue.forget(job)  # before the answer goes out: then nothing is kept
        if job.state == jobs.DONE:
            self._json(200, job.parts[0]["answer"])
        elif job.state == jobs.FAILED:
            self._fail(422, job.error)
        else:
            self.close_connection = True

    def _progress(self, job: jobs.UploadJob) -> None:
        job.ask()
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        known = re.fullmatch("[0-9]{1,9}", asked.get("known", "0"))
        queue = self.server.queue
        assert queue is not None  # it holds the job
        told = job.json(int(known[0]) if known else 0)
        self._json(200, {**told, "before": queue.before(job), "ready": queue.ready.is_set()})

    def _file(self, path: Path, kind: str) -> None:
        try:
            file = open(path, "rb")
        except OSError:
            self._fail(404, f"there is no {path.name} of it")
            return
        with file:
            self._head(200, kind, os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, self.wfile)

    def _job(self, path: str) -> jobs.UploadJob | None:
        found = re.fullmatch(r"/jobs/([\w-]+)(/film|/picture)?", path)
        queue = self.server.queue
        return queue.find(found[1]) if found and queue is not None else None

    def _is_ours(self) -> bool:
        """Whether a page of this server asks, or a program: no page of another place."""
        names = (HOST, "localhost")
        places = [f"{name}:{self.server.server_port}" for name in names]
        if self.server.server_port == 80:  # which browsers leave out
            places += names
        origin = self.headers["Origin"]
        own = origin is None or origin in [f"http://{place}" for place in places]
        return own and self.headers["Host"] in places

    def _is_gone(self) -> bool:
        """Whether who asked has closed the connection."""
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _json(self, status: int, value: object) -> None:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        content = text.encode("utf-8", "replace")
        self._send(status, "application/json; charset=utf-8", content)

    def _fail(self, status: int, error: str) -> None:
        self._json(status, {"error": error})

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self._head(status, kind, len(content))
        self.wfile.write(content)

    def _head(self, status: int, kind: str, size: int) -> None:
        self._begun = True
        self.send_response(status)
        told = {"Content-Type": kind, "Content-Length": str(size)}
        if self.close_connection:
            told["Connection"] = "close"
        for name, value in {**_HEADERS, **told}.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, status: int, error: str) -> None:
        """Answers without having read the upload, and ends the connection."""
        self.close_connection = True
        self._fail(status, error)
        self._linger()

    def _linger(self) -> None:
        """Hears the rest: closed at once, the connection would be reset with its answer unread."""
        until = time.monotonic() + _LINGER
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER)
            while time.monotonic() < until and self.connection.recv(1 << 16):
                pass
