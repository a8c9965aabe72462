"""What formats of one file a clip share: finding files, names, and sizes from headers alone."""

import functools
from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import files, tables
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips


def below(folder: Path, suffix: str) -> dict[str, Path]:
    """Name in NFC -> file for all files of a folder and those below that end with `suffix`.

    Raises:
        UserError: two files of one name, or a folder that cannot be read.
    """
    found: dict[str, Path] = {}
    for path in finding.walk(folder, _shown(suffix), f"{suffix} files"):
        text = path.relative_to(folder).as_posix()
        name = tables.nfc(text[: len(text) - len(suffix)])
        other = found.setdefault(name, path)
        if other != path:
            raise UserError(
                f"{folder}: {other.name!r} and {path.name!r} are one name, {name!r}; expected one "
                "file of it. Rename or remove one."
            )
    return found


def has_below(folder: Path, suffix: str) -> bool:
    """Whether a folder holds, at any depth, a file that ends with `suffix`."""
    return finding.holds(folder, _shown(suffix), f"{suffix} files")


def _shown(suffix: str) -> Callable[[str], bool]:
    """Whether a name ends so; clip files are no other .npz."""
    apart = suffix != clips.SUFFIX
    return lambda name: ends(name, suffix) and not (apart and ends(name, clips.SUFFIX))


def ends(name: str | Path, suffix: str) -> bool:
    """Whether a file has an ending, in capitals or not."""
    return str(name).lower().endswith(suffix)


class Lookup:
    """The files of a folder as tables call them: in either Unicode form, endings in any case.

    Args:
        folder: where names begin.
        suffix: which the names lack.
    """

    def __init__(self, folder: Path, suffix: str):
        self._folder, self._suffix = folder, suffix

    def path(self, name: str) -> Path:
        """The file of a name; where there is none, as it would be called."""
        path = self._folder / f"{name}{self._suffix}"
        return path if path.is_file() else self._found.get(tables.nfc(name), path)

    def near(self, name: str) -> str:
        """` Did you mean '00623'?` for a name without a file, or an empty string."""
        return self._near.hint(name)

    @functools.cached_property
    def _found(self) -> dict[str, Path]:
        return below(self._folder, self._suffix)

    @functools.cached_property
    def _near(self) -> finding.NearNames:
        return finding.NearNames(self._found)


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an npz file's arrays, from their headers.

    Raises:
        UserError: absent, damaged, or not an npz.
    """
    with files.open_npz(path) as archive:
        return {key: archive.header(key)[0] for key in archive.keys}


def npz_keys(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an npz file's arrays; {} where it is none."""
    try:
        return npz_shapes(path)
    except UserError:
        return {}
