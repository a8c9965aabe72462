"""One process a run folder: two would overwrite each other's checkpoints."""

import os
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError

try:
    import fcntl
except ImportError:  # not a POSIX system: there is no such lock
    fcntl = None  # type: ignore[assignment]


class RunLock:
    """Holds WORKDIR/.lock while entered; the system frees it when the process dies.

    Raises:
      UserError: another process holds it.
    """

    def __init__(self, workdir: Path):
        self._path = workdir / ".lock"
        self._file: Any = None

    def __enter__(self) -> "RunLock":
        if fcntl is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "a+", encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"--workdir {self._path.parent}: cannot be written ({error.strerror or error})"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            self._file.close()
            raise UserError(
                f"{self._path.parent}: another process (number {owner}) trains in this folder. "
                "Wait for it, stop it, or choose another --workdir."
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()
