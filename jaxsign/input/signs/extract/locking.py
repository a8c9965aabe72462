"""One process at a time in a folder of results."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jaxsign.errors import UserError

try:
    import fcntl
except ImportError:  # not a POSIX system: there is no such lock
    fcntl = None  # type: ignore[assignment]

_NAME = ".extract.lock"


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Holds the folder, which is made; the system frees the lock when the process dies.

    Raises:
      UserError: `out` is no folder, or another process writes into it.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file. Expected a folder, which may be new")
    out.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    with open(out / _NAME, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"{out}: another process extracts into this folder. Wait for it, stop it, or "
                "choose another --out."
            ) from error
        yield
