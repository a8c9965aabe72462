"""What a folder holds, by its files' names alone: for messages about folders that nobody knows."""

import dataclasses
from pathlib import Path

from jaxsign.input.folders import finding

_MOST_TOLD = 6


@dataclasses.dataclass
class FileKind:
    """The files of one ending at one depth.

    Attributes:
      ending: in small letters, with its dot; "" = none.
      depth: 1 in the folder itself, 2 in a folder of it, ...
      count: of such files.
      example: one of them, as its path below the folder.
    """

    ending: str
    depth: int
    example: str
    count: int = 0

    def text(self) -> str:
        """`70,200 .npy files 3 deep (w0/0/0.npy)`."""
        files = "file" + "s" * (self.count > 1)
        what = f"{self.ending} {files}" if self.ending else f"{files} without an ending"
        deep = f" {self.depth} deep" * (self.depth > 1)
        return f"{self.count:,} {what}{deep} ({self.example})"


def taken(folder: Path) -> list[FileKind]:
    """All kinds of files in a folder and below, the commonest first; nothing is opened.

    Raises:
      UserError: a folder that cannot be read.
    """
    kinds: dict[tuple[str, int], FileKind] = {}
    above = len(folder.parts)
    for path in finding.each(folder, lambda name: True):
        key = path.suffix.lower(), len(path.parts) - above
        if key not in kinds:
            kinds[key] = FileKind(*key, path.relative_to(folder).as_posix())
        kinds[key].count += 1
    return sorted(kinds.values(), key=lambda kind: -kind.count)


def told(kinds: list[FileKind]) -> str:
    """The commonest kinds in words, or `nothing`."""
    words = ", ".join(kind.text() for kind in kinds[:_MOST_TOLD]) or "nothing"
    more = len(kinds) - _MOST_TOLD
    return words + (f" and {more} other kinds of files" if more > 0 else "")
