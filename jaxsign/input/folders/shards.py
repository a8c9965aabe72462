"""Parts of a folder's files (`--shard I/N`), made at once by several processes in one folder.

A part is every N-th file by name, whatever is done already. It has a lock and a table of its own
while it works; at its end its rows go into the folder's one table, so that nothing is left to merge
when the last part has ended. What a killed part left is taken up by whoever works here next.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from jaxsign import locking
from jaxsign.errors import UserError
from jaxsign.input.folders.report import FolderReport, ReportRow

R = TypeVar("R", bound=ReportRow)
T = TypeVar("T")
# Seconds that a part waits for others to have read or written the table: many start at once.
_PATIENCE = 300.0


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part `number`, from 1, of `count`; one of one is the whole."""

    number: int = 1
    count: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is all there is."""
        return self.count == 1

    def of(self, files: Sequence[T]) -> list[T]:
        """This part of what is listed by name; the parts are as large as each other, up to one."""
        return list(files[self.number - 1 :: self.count])

    def named(self, stem: str) -> str:
        """`extract-2-of-8`, or `extract` of the whole."""
        return stem if self.whole else f"{stem}-{self.number}-of-{self.count}"


WHOLE = Shard()


def parts(folder: Path, stem: str, ending: str) -> dict[Shard, Path]:
    """The files STEM-I-of-N.ENDING of a folder, and STEM.ENDING as that of the whole."""
    name = re.compile(rf"{re.escape(stem)}(?:-([0-9]+)-of-([0-9]+))?{re.escape(ending)}")
    found = {path: name.fullmatch(path.name) for path in folder.glob(f"{stem}*{ending}")}
    return {
        Shard(int(match[1] or 1), int(match[2] or 1)): path
        for path, match in sorted(found.items())
        if match
    }


@dataclasses.dataclass(frozen=True)
class SharedFolder:
    """A folder that parts are made in.

    Attributes:
      out: it.
      stem: what its locks and tables are called by: 'extract'.
      work: what a process does in it, for messages: 'extracts into this folder'.
      shard: the part that this process makes.
    """

    out: Path
    stem: str
    work: str
    shard: Shard = WHOLE

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the part; see `locking.alone`.

        Raises:
          UserError: another process makes this part, or one of another number of parts, which has
            files of this one.
        """
        name = f"{self.shard.named(f'.{self.stem}')}.lock"
        with contextlib.ExitStack() as held:
            with self.door():
                held.enter_context(locking.alone(self.out, name, "--out", self.work))
                for other, path in parts(self.out, f".{self.stem}", ".lock").items():
                    if other.count != self.shard.count and locking.held(self.out, path.name):
                        raise UserError(self._crossing(other))
            yield

    @contextlib.contextmanager
    def door(self) -> Iterator[None]:
        """Holds what the parts share, for a moment: others wait."""
        name = f".{self.stem}.door.lock"
        with locking.alone(self.out, name, "--out", self.work, patience=_PATIENCE):
            yield

    def _crossing(self, other: Shard) -> str:
        def told(shard: Shard) -> str:
            few = f"parts of {shard.count} (--shard I/{shard.count})"
            return "the whole (no --shard)" if shard.whole else few

        return (
            f"{self.out}: another process makes {told(other)} here, and would make some files a "
            f"second time that belong to {told(self.shard)}. Give each --shard I/N the same N, or "
            "wait for it: what it has made is not made again"
        )


class SharedReport(Generic[R]):
    """The table of a shared folder; see `FolderReport` for its lines.

    Args:
      folder: held by `SharedFolder.alone`.
      kind: of the table's lines.
    """

    def __init__(self, folder: SharedFolder, kind: type[R]):
        self._folder, self._kind = folder, kind
        self._all, self._own = (
            FolderReport(folder.out / f"{shard.named(folder.stem)}.csv", kind)
            for shard in (WHOLE, folder.shard)
        )

    def take_up(self) -> dict[str, R]:
        """All rows; behind the door. Those that killed processes left are now in the one table."""
        rows = self._all.read()
        left = [path for shard, path in self._parts().items() if not self._may_work(shard)]
        for path in sorted(left, key=lambda path: path.stat().st_mtime_ns):
            rows |= FolderReport(path, self._kind).read()
        if left:
            self._all.write(rows.values())
        for path in left:
            path.unlink()
        return rows

    def others_work(self) -> bool:
        """Whether other parts are at work, or were killed at it; behind the door."""
        return any(self._may_work(shard) for shard in self._parts())

    def begin(self, rows: Mapping[str, R]) -> None:
        """Others see from now on that this part is at work; behind the door.

        Args:
          rows: that stay; of the whole they are the table.
        """
        self._own.write(rows.values() if self._folder.shard.whole else [])

    def append(self, row: R) -> None:
        """Keeps what became of a file."""
        self._own.append(row)

    @contextlib.contextmanager
    def kept(self, rows: Mapping[str, R]) -> Iterator[None]:
        """Brings rows into the table when the block ends, whatever ends it.

        Args:
          rows: of this part's files as they are then; of the whole they are the table.
        """
        try:
            yield
        finally:
            with self._folder.door():
                whole = self._folder.shard.whole
                self._all.write((rows if whole else self._all.read() | dict(rows)).values())
                if not whole:
                    self._own.path.unlink(missing_ok=True)

    def _parts(self) -> dict[Shard, Path]:
        found = parts(self._folder.out, self._folder.stem, ".csv")
        return {shard: path for shard, path in found.items() if not shard.whole}

    def _may_work(self, other: Shard) -> bool:
        """Whether another part's table may be in use: parts of other numbers are locked out."""
        mine = self._folder.shard
        return other.count == mine.count and other != mine
