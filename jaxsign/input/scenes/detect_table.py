"""The table beside scenes that a detector made: which files there are, of which split each is."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.folders import report, shards
from jaxsign.sections.data import SPLITS

STEM = "detect"
RECORD, TABLE = f"{STEM}.json", f"{STEM}.csv"
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


def table(folder: Path) -> report.FolderReport[DetectRow]:
    """The table of a folder of scenes, which may not be there yet."""
    return report.FolderReport(folder / TABLE, DetectRow)


def splits(folder: Path) -> Mapping[str, str]:
    """File name -> split of the scenes in a folder; nothing where no table tells of any.

    Parts that are at work, or were killed, have tables of their own.

    Raises:
      UserError: a table that is none, or a split that is none: scenes would be learnt from that
        were to be held back.
    """
    parts = shards.parts(folder, STEM, ".csv")
    # A part that ends meanwhile brings its rows into the table of the whole, and removes its own:
    # that one is read last, even if there was none.
    places = [path for shard, path in parts.items() if not shard.whole] + [folder / TABLE]
    rows = list[DetectRow]()
    for path in places:
        # One scene file in place of a folder has no table beside it.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            one = report.FolderReport(path, DetectRow)
            one.check()
            rows += one.read().values()
    for row in rows:
        if row.split not in ("", *SPLITS):
            raise UserError(
                f"{folder / TABLE}: {row.file} is of split {row.split!r}, expected one of "
                f"{', '.join(SPLITS)}.{did_you_mean(row.split, SPLITS)}"
            )
    return {row.file: row.split for row in rows if row.status == DONE and row.split}
