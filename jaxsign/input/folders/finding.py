"""The files of a folder that are to be worked on, and the names of what is made of them."""

import collections
import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from jaxsign.errors import UserError

# Files that systems put into folders that people look at.
_OF_SYSTEMS = ("thumbs.db", "desktop.ini")
_MOST_COMPARED = 2000  # names that are compared letter by letter


@dataclasses.dataclass(frozen=True)
class Listed:
    """A file to work on.

    Attributes:
      name: its path below the folder, with forward slashes.
      path: where it lies.
      bytes: its size.
    """

    name: str
    path: Path
    bytes: int


def find(target: Path, out: Path, wanted: Callable[[str], bool], what: str) -> list[Listed]:
    """The file itself, or all wanted ones below a folder, sorted; hidden ones and `out` left out.

    Args:
      target: a file, which may have any name, or a folder, searched with all below it.
      out: folder of the results.
      wanted: whether a file of this name is meant.
      what: is looked for, for messages: 'videos'.

    Returns:
      Nothing where a folder holds none of them.

    Raises:
      UserError: no such file or folder, or a folder that cannot be read.
    """
    if target.exists() and not target.is_dir():
        return [Listed(target.name, target, target.stat().st_size)]
    if not target.is_dir():
        raise UserError(f"{target}: no such file or folder. Expected {what}, or a folder of them")

    paths = walk(target, wanted, what, out)
    found = [Listed(path.relative_to(target).as_posix(), path, _size(path)) for path in paths]
    return sorted(found, key=lambda listed: listed.name)


def is_data(name: str) -> bool:
    """Whether a file or folder is meant as data: not hidden, as drafts and `._NAME` of macOS are,
    nor put there by a system."""
    return not name.startswith(".") and name.lower() not in _OF_SYSTEMS


def walk(
    folder: Path, wanted: Callable[[str], bool], what: str = "files", out: Path | None = None
) -> list[Path]:
    """All wanted files of data in a folder and below, in order; a linked folder is entered once.

    Nothing where there is no such folder.

    Args:
      folder: where to look.
      wanted: whether a file of this name is meant.
      what: is looked for, for messages.
      out: a folder that is left out.

    Raises:
      UserError: a folder that cannot be read.
    """
    return sorted(each(folder, wanted, what, out), key=lambda path: path.parts)


def holds(folder: Path, wanted: Callable[[str], bool], what: str = "files") -> bool:
    """Whether `walk` would find anything; the first file ends the search."""
    return any(True for _ in each(folder, wanted, what))


def each(
    folder: Path, wanted: Callable[[str], bool], what: str = "files", out: Path | None = None
) -> Iterator[Path]:
    """As `walk`, one after the other as they are found; raises likewise."""

    def unreadable(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be searched for {what} ({error.strerror})")

    if not folder.is_dir():
        return
    entered = {place.resolve() for place in (folder, out) if place is not None}
    for here, below, names in os.walk(folder, onerror=unreadable, followlinks=True):
        below[:] = [name for name in sorted(below) if _enter(Path(here, name), entered)]
        for name in names:
            # A link to nothing, or a pipe, is listed: it fails, and is not passed over in silence.
            if is_data(name) and wanted(name):
                yield Path(here, name)


def ending(*endings: str) -> Callable[[str], bool]:
    """Whether a name has one of these endings (in small letters), in capitals or not."""
    return lambda name: name.lower().endswith(endings)


def within(folder: Path, *endings: str) -> list[Path]:
    """The files of data in a folder itself with one of these endings, as `ending`, in order."""
    held, wanted = sorted(folder.iterdir()) if folder.is_dir() else [], ending(*endings)
    return [path for path in held if is_data(path.name) and wanted(path.name)]


class NearNames:
    """Finds what a name that is not there may mean: 00623 for 623, hello_1 for Helo_01.

    Numbers in names must be the same: a clip's neighbour is another clip.
    """

    def __init__(self, names: Iterable[str]):
        self._known: dict[tuple[str, ...], dict[str, str]] = collections.defaultdict(dict)
        for name in names:
            plain = _plain(name)
            self._known[_numbers(plain)].setdefault(plain, name)

    def hint(self, name: str) -> str:
        """` Did you mean '00623'?`, or an empty string."""
        plain = _plain(name)
        known = self._known.get(_numbers(plain), {})
        few = known if len(known) <= _MOST_COMPARED else known.keys() & {plain}
        match = difflib.get_close_matches(plain, few, n=1, cutoff=0.75)
        return f" Did you mean {known[match[0]]!r}?" if match else ""


def _plain(name: str) -> str:
    """The last part of a name in small letters, numbers without zeros before them."""
    return re.sub(r"0*([0-9]+)", r"\1", name.rpartition("/")[2].casefold())


def _numbers(plain: str) -> tuple[str, ...]:
    return tuple(re.findall("[0-9]+", plain))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _enter(folder: Path, entered: set[Path]) -> bool:
    """Whether a folder is to be searched: not hidden, and not twice where links lead in circles."""
    place = folder.resolve()
    if not is_data(folder.name) or place in entered:
        return False
    entered.add(place)
    return True


def result_names(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """For every file the name of what is made of it, without an ending: a/b.mp4 -> a/b.

    Files that differ only in their ending (or in capitals) keep the ending: a/b.mov -> a/b.mov,
    also where one of them was given its name earlier.

    Args:
      names: as in `Listed`.
      known: names given earlier; they stay.
    """
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    alike = collections.Counter(stem.casefold() for stem in stems.values())
    result = {
        name: known.get(name, name if alike[stem.casefold()] > 1 else stem)
        for name, stem in stems.items()
    }
    while True:
        owners = collections.defaultdict(list)
        for name, stem in result.items():
            owners[stem.casefold()].append(name)
        taken = {stem.casefold() for name, stem in known.items() if name not in result}
        clashing = [
            name
            for stem, group in owners.items()
            if len(group) > 1 or stem in taken
            for name in group
            if name not in known and result[name] != name
        ]
        if not clashing:
            return result
        result |= {name: name for name in clashing}
