"""Zip archives from elsewhere, opened so that neither their list nor a member fills the memory."""

import collections
import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from jaxsign import reading
from jaxsign.errors import UserError

# A member this large that was packed so well is a bomb: frames of nobody reach a thousand, but a
# recording of that length with nobody in it does not.
_PACKED_FROM = 256 << 20
_PACKED = 200
# Bytes of the list of members, and where in a file's end it is described.
_MOST_DIRECTORY = 4 << 20
_ARCHIVE_END = 66_000


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to read from.

    Raises:
      UserError: a list of members that would fill the memory.
      Exception: whatever zipfile raises where it is damaged.
    """
    _check_directory(path)
    with zipfile.ZipFile(path) as archive:
        yield archive


def repeated(names: list[str]) -> list[str]:
    """Names that occur more than once."""
    return sorted(name for name, count in collections.Counter(names).items() if count > 1)


def check_member(path: Path, info: zipfile.ZipInfo, what: str) -> None:
    """Refuses a member that is too large, or that grows too much when it is unpacked.

    Args:
      path: the archive, for the message.
      info: the member.
      what: names it, for the message.

    Raises:
      UserError: it is.
    """
    reading.check_size(path, info.file_size, what)
    if info.file_size > _PACKED_FROM and info.file_size > _PACKED * info.compress_size:
        raise UserError(
            f"{path}: {what} holds {info.file_size:,} bytes packed into "
            f"{info.compress_size:,}. No recording is so much alike: it is refused."
        )


def _check_directory(path: Path) -> None:
    """Refuses an archive of millions of members, whose list alone would fill the memory."""
    size = path.stat().st_size
    if size < _MOST_DIRECTORY:
        return
    with path.open("rb") as file:
        file.seek(max(0, size - _ARCHIVE_END))
        end = file.read()
    last, wide = end.rfind(b"PK\5\6"), end.rfind(b"PK\6\6")  # the second in archives over 2 GB
    listed = int.from_bytes(end[last + 12 : last + 16], "little") if last >= 0 else 0
    if wide >= 0:
        listed = max(listed % 0xFFFFFFFF, int.from_bytes(end[wide + 40 : wide + 48], "little"))
    if _MOST_DIRECTORY < listed < size:
        raise UserError(f"{path}: its list of members alone has {listed:,} bytes: it is refused")
