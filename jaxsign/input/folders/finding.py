"""The files of a folder that are to be worked on, and the names of what is made of them."""

import collections
import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from jaxsign.errors import UserError


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

    def unreadable(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be searched for {what} ({error.strerror})")

    found = []
    entered = {target.resolve(), out.resolve()}
    for folder, below, names in os.walk(target, onerror=unreadable, followlinks=True):
        below[:] = [name for name in sorted(below) if _enter(Path(folder, name), entered)]
        for name in names:
            path = Path(folder) / name
            # A link to nothing is listed: it fails, and is not passed over in silence.
            visible = not name.startswith(".") and wanted(name)
            if visible and not path.is_dir():  # a pipe or a device is named as none too
                found.append(Listed(path.relative_to(target).as_posix(), path, _size(path)))
    return sorted(found, key=lambda listed: listed.name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _enter(folder: Path, entered: set[Path]) -> bool:
    """Whether a folder is to be searched: not hidden, and not twice where links lead in circles."""
    place = folder.resolve()
    if folder.name.startswith(".") or place in entered:
        return False
    entered.add(place)
    return True


def result_names(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """For every file the name of what is made of it, without an ending: a/b.mp4 -> a/b.

    Files that differ only in their ending (or in capitals) keep the ending: a/b.mov -> a/b.mov.

    Args:
      names: as in `Listed`.
      known: names given earlier; they stay.
    """
    names = list(names)
    result = {name: known.get(name, str(PurePosixPath(name).with_suffix(""))) for name in names}
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
