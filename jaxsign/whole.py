"""Files that are whole or absent: written under a hidden name, then renamed."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def whole(path: Path, *, ending: bool = False) -> Iterator[Path]:
    """A draft beside `path` that takes its place when the block ends, and goes if it fails.

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
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix if ending else ''}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Writes a text file, whole or not at all."""
    with whole(path) as draft:
        draft.write_text(text, encoding=encoding)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, labels in their own script."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
