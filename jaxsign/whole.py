"""Files that are whole or absent: written under a hidden name, then renamed."""

import contextlib
import errno
import fcntl
import glob
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def whole(path: Path, *, ending: bool = False) -> Iterator[Path]:
    """A draft beside `path` that takes its place when the block ends, and goes if it fails.

    One that a killed process left is taken up by the next who writes `path`.

    Args:
      path: what is to be written; its folder is made. A device or a pipe is written to as it is.
      ending: the draft ends as `path` does, for writers that go by it.

    Raises:
      IsADirectoryError: `path` is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    if path.exists() and not path.is_file():  # such as /dev/stdout, which must not be replaced
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _free_draft(path, path.suffix if ending else "") as draft:
        try:
            yield draft
            os.replace(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _free_draft(path: Path, suffix: str) -> Iterator[Path]:
    """An empty file that nobody else writes, until the block ends."""
    names = (path.with_name(f".{path.name}.{n}.tmp{suffix}") for n in itertools.count(1))
    opened = ((draft, _locked(draft)) for draft in names)
    draft, descriptor = next((d, number) for d, number in opened if number is not None)
    try:
        os.ftruncate(descriptor, 0)
        yield draft
    finally:
        os.close(descriptor)


def _locked(draft: Path) -> int | None:
    """The draft, opened; None where another holds it. The system frees it when a process dies."""
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError:
        if os.path.lexists(draft):  # another person's
            return None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(draft)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass  # held, or it has just become what it was a draft of
    except OSError:  # a disk without locks
        return descriptor
    os.close(descriptor)
    return None


def drafts(path: Path) -> list[Path]:
    """Drafts of `path`: those that killed processes left, and those that others write now."""
    return sorted(path.parent.glob(f".{glob.escape(path.name)}.*.tmp*"))


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or somebody's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Writes a text file, whole or not at all."""
    with whole(path) as draft:
        draft.write_text(text, encoding=encoding)


def write_json(path: Path, value: Any) -> None:
    """Writes `json_text`, whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """`value` as readable JSON, labels in their own script.

    What is no text, as the names of some files, has ? for the letters that it lacks.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")
