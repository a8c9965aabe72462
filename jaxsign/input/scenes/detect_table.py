"""The table beside scenes that a detector made: which files there are, of which split each is."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxsign.input.folders import report

RECORD, TABLE = "detect.json", "detect.csv"
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


def splits(folder: Path) -> Mapping[str, str]:
    """File name -> split of the scenes in a folder; nothing where no table tells of any."""
    tables = sorted(folder.glob("detect*.csv")) if folder.is_dir() else []
    rows = [row for path in tables for row in report.FolderReport(path, DetectRow).read().values()]
    return {row.file: row.split for row in rows if row.status == DONE and row.split}
