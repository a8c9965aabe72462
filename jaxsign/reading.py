"""Files from elsewhere: what is no file, too large or of another kind is told before it is read."""

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError

# Bytes that one array, table or column may take in memory, unless `--max-bytes` says otherwise.
MAX_BYTES = 2 << 30
# Parsed text takes about this many times the room of its file.
_TEXT_GROWS = 8
# For worker processes too, which inherit it.
_VARIABLE = "JAXSIGN_MAX_BYTES"
# Words of readers that advise, or speak of, loading what runs code.
_UNSAFE = ("pickle", "weights_only", "object array", "python objects")
_HOLDS_OBJECTS = "holds Python objects (pickled objects), which are never loaded"
_LFS = b"version https://git-lfs.github.com/spec/"
# By its own rule a pointer is smaller.
_LFS_MOST = 1024
_NOT_FILES = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a pipe (FIFO)",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}
# What JSON has beside texts, lists and objects: the beginning of one may be the end of a file.
_JSON_WORDS = "true", "false", "null", "-", ".", "e-", "e+"
# How files begin: (bytes before it, the bytes, what it is).
_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\3\4", "a zip archive"),
    (0, b"PAR1", "a parquet file"),
    (0, b"\x93NUMPY", "a .npy array"),
    (0, b"\x89HDF\r\n", "an HDF5 file (Keras, h5py, MATLAB 7.3)"),
    (0, b"MATLAB 5", "a MATLAB file"),
    (0, b"\x1f\x8b", "packed with gzip: unpack it first"),
    (0, b"BZh", "packed with bzip2: unpack it first"),
    (0, b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (0, b"Rar!", "a RAR archive: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (0, b"%PDF", "a PDF file"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (4, b"ftyp", "a film or a picture"),
    (0, b"\x1a\x45\xdf\xa3", "a film"),
    (0, b"RIFF", "a film or sound"),
)


def problem(path: Path) -> str:
    """Why nothing can be read from `path`: no such file, a device, a pointer of Git LFS; or ""."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        return _no_file(error)
    if not stat.S_ISREG(found.st_mode):
        return f"{_NOT_FILES.get(stat.S_IFMT(found.st_mode), 'is no file')}, expected a file"
    if found.st_size < _LFS_MOST and _head(path).startswith(_LFS):
        size = re.search(rb"size (\d{1,15})\n", _head(path))
        which = f" of {int(size[1]):,} bytes" if size else ""
        return (
            f"is a Git LFS pointer, not the file itself{which}. In its repository run git lfs "
            "install, then git lfs pull"
        )
    return ""


def _no_file(error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "no such file"
    if number == errno.ELOOP:
        return "is a link that leads in a circle"
    return f"cannot be read ({os.strerror(number or errno.EIO)})"


def check(path: Path, expected: str = "") -> None:
    """Refuses what cannot be read as a file.

    Args:
        path: where it should lie.
        expected: a sentence for the message: what should lie there.

    Raises:
        UserError: see `problem`.
    """
    if found := problem(path):
        raise UserError(f"{path}: {found}." + (f" {expected}" if expected else ""))


def kind(path: Path) -> str:
    """What a file is by its first bytes, for messages of readers that cannot read it; "" = unknown.

    Nothing of its content is told.
    """
    head = _head(path)
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "a file that begins with zeros: a copy or a download that did not end"
    for start, beginning, name in _BEGINNINGS:
        if head[start:].startswith(beginning):
            return name
    if re.match(rb"\s*<(!doctype html|html|\?xml)", head, re.IGNORECASE):
        return "a web page: it may tell why the download was refused"
    if head[:1] == b"\x80" and head[1:2] <= b"\5":
        return "a Python pickle"
    text = not re.search(rb"[\0-\x08\x0e-\x1f]", head)
    return "a text file" if text and _is_utf8(head) else ""


def told(path: Path, expected: str, error: BaseException) -> str:
    """A reason for a message: that it is another kind of file, else that it is damaged.

    Args:
        path: the file that cannot be read.
        expected: the kind that it should be, as `kind` calls it, or "".
        error: what the reader raised; its words are not repeated where they advise what is unsafe.
    """
    found = kind(path)
    if found and found != expected:
        return f"it is {found}"
    text = str(error)
    if any(word in text.lower() for word in _UNSAFE):
        return f"it {_HOLDS_OBJECTS}"
    return quoted(text) or type(error).__name__


def mending(reason: str) -> str:
    """What to do about a file of arrays that cannot be read, by what is `told` of it."""
    if _HOLDS_OBJECTS in reason:
        return "Store plain numbers: array.astype(np.float32), one length a file."
    return "It may have been cut short: make it again."


def quoted(text: str, most: int = 160) -> str:
    """Words of another program or file for a message: its first line, cut, nothing unprintable."""
    line = (text.strip().splitlines() or [""])[0]
    shown = "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= most else f"{shown[:most]} ..."


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-3].decode("utf-8")  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LFS_MOST)
    except OSError:
        return b""


def most_bytes() -> int:
    """Bytes that one array, table or column may take in memory."""
    word = os.environ.get(_VARIABLE)
    try:
        return bytes_of(word) if word else MAX_BYTES
    except ValueError as error:
        raise UserError(f"the environment's {_VARIABLE}={error}") from error


def bytes_of(word: str) -> int:
    """Bytes of a word such as 3000000000 or 3G (K, M, G, T: thousands of 1024).

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,15})([KMGT]?)B?", word, re.IGNORECASE)
    size = int(found[1]) << 10 * " KMGT".index(found[2].upper() or " ") if found else 0
    if not size:
        raise ValueError(f"{word!r} is no size such as 3000000000 or 3G")
    return size


@contextlib.contextmanager
def limited(most: int | None) -> Iterator[None]:
    """Another limit until the block ends, in processes that it starts too; None = as it is."""
    if most is None:
        yield
        return
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(most)
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE)
        if before is not None:
            os.environ[_VARIABLE] = before


def check_size(path: Path, size: int, what: str = "it", limit: int | None = None) -> None:
    """Refuses what would take too much memory, before it takes it.

    Args:
        path: the file, for the message.
        size: bytes in memory.
        what: names what is large, for the message.
        limit: bytes, whatever `--max-bytes` says; None = `most_bytes`.

    Raises:
        UserError: more than the limit.
    """
    most = most_bytes() if limit is None else limit
    if size > most:
        advice = f" If the file is what you think it is: --max-bytes {size}"
        raise UserError(
            f"{path}: {what} takes {size:,} bytes, more than the {most:,} that are read at once."
            f"{advice if limit is None else ''}"
        )


def read_bytes(path: Path, expected: str = "", most: int | None = None) -> bytes:
    """The content of a small file: a table, JSON.

    Args:
        path: the file.
        expected: a sentence for the message where there is none.
        most: bytes that it may have; None = what fits into `most_bytes` when parsed.

    Raises:
        UserError: no file, too large, or not readable.
    """
    check(path, expected)
    try:
        size = path.stat().st_size
        parsed = f"text of {size:,} bytes, when parsed,"
        check_size(path, size if most else size * _TEXT_GROWS, "it" if most else parsed, most)
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). {expected}".rstrip()
        ) from error


def read_json(
    path: Path,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
    most: int | None = None,
) -> Any:
    """The value of a JSON file in UTF-8, with or without a byte order mark.

    Args:
        path: the file.
        pairs: makes an object's value of its names and values; None = a dict.
        most: see `read_bytes`.

    Raises:
        UserError: no file, or too large.
        ValueError: no JSON in UTF-8, or nested too deep.
    """
    return parse_json(read_bytes(path, most=most).decode("utf-8-sig"), pairs)


def parse_json(
    text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """The value of a JSON text; raises ValueError as `read_json`."""
    try:
        value = json.loads(text, object_pairs_hook=pairs)
        if b"\\u" in text if isinstance(text, bytes) else "\\u" in text:
            _check_letters(json.loads(text))
        return value
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except json.JSONDecodeError as error:
        if not _ends_early(error):
            raise
        line = error.doc.rstrip().count("\n") + 1
        raise ValueError(
            f"it ends early, in line {line}, as if cut short: make it or fetch it again"
        ) from error


def _ends_early(error: json.JSONDecodeError) -> bool:
    """Whether a text that is no JSON is the beginning of one."""
    rest = error.doc[error.pos :].strip()
    if error.msg.startswith("Unterminated string"):
        return True
    if error.msg.startswith("Invalid \\uXXXX"):
        return '"' not in rest
    return bool(error.doc.strip()) and any(word.startswith(rest) for word in _JSON_WORDS)


def _check_letters(value: Any) -> None:
    try:
        # Names of files that are no UTF-8 may stand in what this program wrote itself.
        json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError("half of a letter that JSON writes in two parts") from error
