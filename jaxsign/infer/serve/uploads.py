"""What a browser sends: a file's name, and its bytes on their way to the disk."""

import io
import re
import unicodedata
from pathlib import Path

from jaxsign.errors import UserError

_LETTERS = 60  # of a name: 240 bytes at most, which any disk takes
_AT_ONCE = 1 << 20


class LostError(Exception):
    """The connection ended before the file did."""


class NoLengthError(UserError):
    """An upload that does not tell its size."""


class TooLargeError(UserError):
    """An upload over the limit."""


def safe_name(name: str) -> str:
    """A file's name without folders and without what a disk or a terminal might stumble over."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = re.sub(r"[^\w.() +-]", "_", last)[-_LETTERS:].lstrip(". ")
    return clean or "upload"


def length(told: str | None, name: str, most: int) -> int:
    """The bytes of an upload, as its header tells them.

    Args:
      told: the header Content-Length.
      name: of the file, for messages.
      most: bytes that are taken.

    Raises:
      NoLengthError: it is not told.
      TooLargeError: more than `most`.
    """
    if told is None or not re.fullmatch("[0-9]{1,18}", told):
        raise NoLengthError(f"{name}: an upload must tell its size (Content-Length)")
    if int(told) > most:
        raise TooLargeError(
            f"{name}: {int(told) / 1e6:,.1f} MB, more than the {most / 1e6:,.0f} MB taken. "
            "Send a shorter film, or start jaxsign serve with a larger --max-mb"
        )
    return int(told)


def receive(stream: io.BufferedIOBase, size: int, path: Path) -> None:
    """Writes the next bytes of a connection to a file.

    Raises:
      LostError: there were fewer.
    """
    with open(path, "wb") as file:
        while size:
            try:
                part = stream.read(min(size, _AT_ONCE))
            except OSError as error:
                raise LostError from error
            if not part:
                raise LostError
            file.write(part)
            size -= len(part)
