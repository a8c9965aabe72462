"""Parts of a folder's videos, which several processes may make at once."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from jaxsign import locking
from jaxsign.errors import UserError

Shard = tuple[int, int]  # I and N: the I-th part of N
WHOLE: Shard = (1, 1)
_LOCK = re.compile(r"\.detect(?:-(\d+)-of-(\d+))?\.lock$")


@contextlib.contextmanager
def alone(out: Path, shard: Shard) -> Iterator[None]:
    """Holds a part of what is made in a folder; see `locking.alone`.

    Raises:
      UserError: another process makes this part, or one of another number of parts, which has
        videos of this one.
    """
    number, count = shard
    name = ".detect.lock" if count == 1 else f".detect-{number}-of-{count}.lock"
    with locking.alone(out, name, "--out", "makes scenes in this folder"):
        for path in sorted(out.glob(".detect*.lock")):
            found = _LOCK.match(path.name)
            parts = int(found[2] or 1) if found else count
            if parts != count and locking.held(out, path.name):
                raise UserError(
                    f"{out}: another process makes {_told(parts)} here, and would make some of the "
                    f"videos a second time that {_told(count)} hold. Give each --shard I/N the "
                    "same N, or wait for it: what it has made is not made again"
                )
        yield


def _told(count: int) -> str:
    return f"parts of {count} (--shard I/{count})" if count > 1 else "all scenes (no --shard)"
