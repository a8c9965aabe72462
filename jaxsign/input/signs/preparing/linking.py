"""A file under another name: a hard link where the disk allows, else a copy; whole or absent."""

import dataclasses
import filecmp
import os
import shutil
from pathlib import Path

from jaxsign.whole import whole


@dataclasses.dataclass
class LinkCounts:
    """How files came to their new places."""

    linked: int = 0
    copied: int = 0
    kept: int = 0

    def text(self) -> str:
        """`12 linked, 3 there already`; "" for none."""
        words = {"linked": self.linked, "copied": self.copied, "there already": self.kept}
        return ", ".join(f"{count:,} {word}" for word, count in words.items() if count)


def same(path: Path, origin: Path) -> bool:
    """Whether two files are one, or have the same bytes."""
    return os.path.samefile(path, origin) or filecmp.cmp(path, origin)


def place(origin: Path, path: Path, counts: LinkCounts, *, copy: bool = False) -> None:
    """Makes `path` the file `origin`, unless it is there already; one of other content is replaced.

    Args:
        origin: what it is to be.
        path: where; its folder is made.
        counts: counts what was done.
        copy: copy even where a link is possible.
    """
    if path.exists() and same(path, origin):
        counts.kept += 1
        return
    if not copy and _linked(origin, path):
        counts.linked += 1
        return
    with whole(path) as draft:
        shutil.copy2(origin, draft)
        counts.copied += 1


def _linked(origin: Path, path: Path) -> bool:
    # Never a draft's name: the next who writes a draft that was left would write into `origin`.
    link = path.with_name(f".{path.name}.link")
    path.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)  # of a killed process
    try:
        # The file itself and not a symbolic link to it, which may be moved away.
        os.link(origin.resolve(), link)
    except OSError:  # another disk, or one without links
        return False
    os.replace(link, path)
    return True
