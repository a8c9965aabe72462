"""One process at a time in a folder."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from jaxsign.errors import UserError


@contextlib.contextmanager
def alone(
    folder: Path, name: str, option: str, work: str, *, tidy: bool = False, patience: float = 0.0
) -> Iterator[None]:
    """Holds `folder`, which is made; the system frees it when the process dies.

    Args:
      folder: where the lock's file lies.
      name: of that file.
      option: of the command line that names the folder, for messages.
      work: what another process does there, for messages: 'trains in this folder'.
      tidy: a folder that was made and has got nothing when a `UserError` ends the work is removed.
      patience: seconds to wait for another process that holds it.

    Raises:
      UserError: `folder` is a file, cannot be written, or another process holds it.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(
            f"{option} {folder}: cannot be written: it is a file. Expected a folder, which may be "
            "new"
        )
    lock, new = filelock.FileLock(folder / name, timeout=patience), not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise UserError(
            f"{folder}: another process (number {_owner(folder / name)}) {work}. Wait for it, "
            f"stop it, or choose another {option}."
        ) from error
    except OSError as error:
        raise _unwritable(folder, option, error) from error
    with lock:
        lock.release()  # `with` has counted a second time
        try:
            (folder / name).write_text(f"{os.getpid()}\n", encoding="utf-8")
        except OSError as error:  # the disk is full, or another has just moved the folder
            raise _unwritable(folder, option, error) from error
        try:
            yield
        except UserError:
            # It may be gone by now: moved while somebody worked there.
            if tidy and new and [path.name for path in folder.glob("*")] == [name]:
                (folder / name).unlink()
                folder.rmdir()
            raise


def held(folder: Path, name: str) -> bool:
    """Whether another process holds `folder` by the lock file `name`."""
    if not (folder / name).exists():
        return False
    lock = filelock.FileLock(folder / name, timeout=0)
    try:
        lock.acquire()
    except (filelock.Timeout, OSError):
        return True
    lock.release()
    return False


def _unwritable(folder: Path, option: str, error: OSError) -> UserError:
    return UserError(f"{option} {folder}: cannot be written ({error.strerror or error})")


def _owner(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"
