"""The table beside scenes that a detector made: which files there are, of which split each is."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.folders import report
from jaxsign.sections.data import SPLITS

RECORD, TABLE = "detect.json", "detect.csv"
_OURS = re.compile(r"detect(-\d+-of-\d+)?\.csv$")
DONE, FAILED = "done", "failed"


@dataclasses.dataclass(frozen=True)
class DetectRow:
    """A line of the table.

    Attributes:
      file: the scene's; source: what it was made of.
      bytes: of the source, or its frames.
      split: 'train', 'val', 'test', or '' = not told.
      status: 'done' or 'failed'.
      frames, boxes, pairs: of the scene.
      reason: why it failed, or what was left out.
    """

    file: str
    source: str
    bytes: int
    split: str
    status: str
    frames: int = 0
    boxes: int = 0
    pairs: int = 0
    reason: str = ""


def table(folder: Path, shard: tuple[int, int] = (1, 1)) -> report.FolderReport[DetectRow]:
    """The table of a part (I, N) of a folder's videos, which may not be there yet."""
    name = TABLE if shard[1] == 1 else f"detect-{shard[0]}-of-{shard[1]}.csv"
    return report.FolderReport(folder / name, DetectRow)


def of_other_parts(folder: Path, shard: tuple[int, int]) -> dict[str, DetectRow]:
    """The scenes that were made by other parts than (I, N), the latest table's row of each."""
    own = table(folder, shard).path
    others = [one for one in _tables(folder) if one.path != own]
    others.sort(key=lambda one: one.path.stat().st_mtime_ns)
    rows = [row for one in others for row in one.read().values()]
    return {row.file: row for row in rows if row.status == DONE}


def _tables(folder: Path) -> list[report.FolderReport[DetectRow]]:
    found = sorted(folder.glob("detect*.csv")) if folder.is_dir() else []
    return [report.FolderReport(path, DetectRow) for path in found if _OURS.match(path.name)]


def splits(folder: Path) -> Mapping[str, str]:
    """File name -> split of the scenes in a folder; nothing where no table tells of any.

    Raises:
      UserError: a table that is none, or a split that is none: scenes would be learnt from that
        were to be held back.
    """
    tables = _tables(folder)
    for one in tables:
        one.check()
    rows = [row for one in tables for row in one.read().values()]
    for row in rows:
        if row.split not in ("", *SPLITS):
            raise UserError(
                f"{folder / TABLE}: {row.file} is of split {row.split!r}, expected one of "
                f"{', '.join(SPLITS)}.{did_you_mean(row.split, SPLITS)}"
            )
    return {row.file: row.split for row in rows if row.status == DONE and row.split}
