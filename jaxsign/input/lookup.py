"""Files of a folder as texts call them, who wrote them on whatever system."""

import functools
from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.folders import finding


def below(
    folder: Path, suffix: str = "", wanted: Callable[[str], bool] | None = None
) -> dict[str, Path]:
    """Name in NFC -> file for all files of a folder and those below that end with `suffix`.

    Args:
      folder: where names begin.
      suffix: which the names lack, in small letters; files may have it in capitals.
      wanted: whether a file of this name is meant; None = all that end so.

    Raises:
      UserError: two files of one name, or a folder that cannot be read.
    """
    found: dict[str, Path] = {}
    for path in finding.walk(folder, wanted or finding.ending(suffix), f"{suffix} files".strip()):
        text = path.relative_to(folder).as_posix()
        name = tables.nfc(text[: len(text) - len(suffix)])
        other = found.setdefault(name, path)
        if other != path:
            raise UserError(
                f"{folder}: {other.name!r} and {path.name!r} are one name, {name!r}; expected one "
                "file of it. Rename or remove one."
            )
    return found


class Lookup:
    """The files of a folder as tables call them: in either Unicode form, endings in any case.

    Args:
      folder: where names begin.
      suffix: which the names lack; '' = they have endings of their own.
      wanted: as of `below`.
    """

    def __init__(self, folder: Path, suffix: str = "", wanted: Callable[[str], bool] | None = None):
        self._folder, self._suffix, self._wanted = folder, suffix, wanted

    def path(self, name: str) -> Path:
        """The file of a name; where there is none, as it would be called."""
        path = self._folder / f"{name}{self._suffix}"
        return path if path.is_file() else self._found.get(self._plain(name), path)

    def near(self, name: str) -> str:
        """` Did you mean '00623'?` for a name without a file, or an empty string."""
        return self._near.hint(name)

    def _plain(self, name: str) -> str:
        if not self._suffix:
            stem, dot, ending = name.rpartition(".")
            name = f"{stem}{dot}{ending.lower()}"
        return tables.nfc(name)

    @functools.cached_property
    def _found(self) -> dict[str, Path]:
        found = below(self._folder, self._suffix, self._wanted)
        return {self._plain(name): path for name, path in found.items()}

    @functools.cached_property
    def _near(self) -> finding.NearNames:
        return finding.NearNames(self._found)
