"""Vectors of words: those of a text file such as GloVe's, or made of the words' letters alone."""

import codecs
import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign import reading, runtime
from jaxsign.errors import UserError, listing
from jaxsign.input import files

Array = np.ndarray
_IN_NUMBERS = b"0123456789+-.eE "
_HEAD = re.compile(rb"[0-9]+ [0-9]+")  # how many words, and their width
_LONGEST = 1 << 20  # bytes of a line
_MOST_PROBLEMS = 100


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Vectors of names.

    Attributes:
      table: float32 [names, width].
      absent: names whose words the file lacks; their vectors are made of their letters.
    """

    table: Array
    absent: tuple[str, ...]


def of_names(path: str | os.PathLike, names: Sequence[str], width: int) -> Vectors:
    """Vectors of the names of classes; a name in underscores (the background) gets zeros.

    A name stands for its part before the first '/'; where the file lacks that, for the longest of
    its words that spaces divide. Capitals count only where the file has the word so. What was found
    is kept in the user's cache, by the file's place, size and times.

    Args:
      path: a text file with a word and its numbers on each line; '' = no file: vectors are drawn
        from the standard normal distribution by the name's letters, the same everywhere.
      names: of the classes.
      width: numbers of a vector.

    Raises:
      UserError: no file, vectors of another width, or lines that are none, by their numbers.
    """
    known = _known(Path(path), names, width) if path else {}
    rows, absent = [], []
    for name in names:
        found = next((known[word] for word in _words(name) if word in known), None)
        if _is_mark(name):
            found = np.zeros(width, np.float32)
        elif found is None:
            found = _of_letters(name, width)
            absent.append(name)
        rows.append(found)
    return Vectors(np.stack(rows), tuple(absent))


def _is_mark(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _words(name: str) -> tuple[str, ...]:
    """What a file is asked for in a name's place, in order."""
    words = name.split("/")[0], max(name.split(" "), key=len)
    return words + tuple(word.lower() for word in words)


def _of_letters(name: str, width: int) -> Array:
    seed = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4")
    # Of numpy's generators the one that draws the same in every version.
    return np.random.RandomState(seed).standard_normal(width).astype(np.float32)


def _known(path: Path, names: Sequence[str], width: int) -> dict[str, Array]:
    """Vectors of those words that names are looked up by and that the file has."""
    reading.check(path, "Expected a text file of word vectors, such as glove.6B.200d.txt.")
    wanted = sorted({word for name in names for word in _words(name)})
    state = _state(path)
    kept = _kept(state, wanted, width)
    if kept is not None and kept.is_file():
        with contextlib.suppress(UserError):  # a damaged one is made again
            held = files.read_npz(kept)
            return dict(zip(held["words"].tolist(), held["table"], strict=True))
    found = _read(path, {word.encode(): word for word in wanted}, width)
    if kept is not None and _state(path) == state:
        with contextlib.suppress(OSError):  # a full disk, or a cache that cannot be written
            table = np.array([*found.values()], np.float32).reshape(-1, width)
            files.write_npz(kept, {"words": np.array([*found], str), "table": table})
    return found


def _state(path: Path) -> str:
    """What changes when a file does."""
    now = path.stat()
    return f"{path.resolve()} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns} {now.st_ino}"


def _kept(state: str, words: Sequence[str], width: int) -> Path | None:
    folder = runtime.cache_folder("words")
    key = hashlib.sha256("\n".join([state, str(width), *words]).encode("utf-8", "replace"))
    return None if folder is None else folder / f"{key.hexdigest()[:32]}.npz"


def _read(path: Path, wanted: Mapping[bytes, str], width: int) -> dict[str, Array]:
    """Every line is checked; the numbers of `wanted` words are kept.

    Raises:
      UserError: see `of_names`.
    """
    found: dict[str, Array] = {}
    problems: list[str] = []
    number = 0
    for number, line in _lines(path):
        word, numbers = _parts(line, width)
        wrong = _wrong(numbers, width)
        if wrong and number == 1:
            _check_width(path, line, width)
        if wrong:
            problems.append(f"line {number}: {wrong}")
        elif word in wanted:
            vector = _vector(numbers)
            if vector is None:
                problems.append(f"line {number}: holds what is no finite number")
            else:
                found[wanted[word]] = vector
        if len(problems) >= _MOST_PROBLEMS:
            break
    if not number:
        raise UserError(f"{path}: holds no vectors of words")
    if problems:
        raise UserError(
            f"{path}: lines that are no word with {width} numbers:\n{listing(problems)}\n"
            "If the file was cut short, download or unpack it again."
        )
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without those of spaces and the first of word2vec's form."""
    with path.open("rb") as file:
        # What is no text may have no line's end.
        pieces = iter(lambda: file.readline(_LONGEST), b"")
        for number, line in enumerate(pieces, 1):
            line = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").rstrip()
            if line and not (number == 1 and _HEAD.fullmatch(line)):
                yield number, line


def _parts(line: bytes, width: int) -> tuple[bytes, bytes]:
    """The word, and the text of its numbers. Some files have words with spaces in them."""
    word, _, numbers = line.partition(b" ")
    if numbers.count(b" ") + 1 > width:
        first = line.rsplit(b" ", width)
        if _vector(first[0].rpartition(b" ")[2]) is None:
            return first[0], b" ".join(first[1:])
    return word, numbers


def _wrong(numbers: bytes, width: int) -> str:
    count = numbers.count(b" ") + 1 if numbers else 0
    if count != width:
        return f"{count} numbers"
    return "holds what is no number" if numbers.translate(None, _IN_NUMBERS) else ""


def _vector(numbers: bytes) -> Array | None:
    try:
        vector = files.as_float32(np.array(numbers.split(b" "), np.float64))
    except ValueError:
        return None
    return vector if np.isfinite(vector).all() else None


def _check_width(path: Path, line: bytes, width: int) -> None:
    """Of the first line: refuses vectors of another width, and files that hold none."""
    _, *numbers = line.split(b" ")
    vector = _vector(b" ".join(numbers)) if numbers else None
    if vector is None:
        kind = reading.kind(path) or "no such file"
        raise UserError(
            f"{path}: is no text file of word vectors ({kind}). Expected lines of a word and its "
            "numbers, such as those of glove.6B.200d.txt; unpack an archive first."
        )
    raise UserError(
        f"{path}: has vectors of {len(vector)} numbers, the net takes {width}. Give a file of "
        f"that width, or make the net fit: --config.net.word_dim={len(vector)}"
    )
