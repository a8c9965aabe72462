"""extract.csv: for every video what was found in it, or why there is no clip."""

import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxsign.input.signs.clip import Clip
from jaxsign.whole import whole

REPORT = "extract.csv"
PARTS = ("pose", "face", "left_hand", "right_hand")
DONE, FAILED = "done", "failed"
# Names of files need not be text on every system.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}


@dataclasses.dataclass
class Row:
    """A video of the report.

    Attributes:
      video: its name below the folder.
      clip: name of its clip file below the out folder, empty if there is none.
      status: 'done' or 'failed'.
      frames: of the clip.
      pose, face, left_hand, right_hand: frames in which the part was found.
      seconds: from the first to the last frame.
      fps: frames a second of the clip.
      width, height: of the video as shown.
      bytes: of the video file.
      took: seconds of work.
      reason: why it failed, or what is to be known about it.
    """

    video: str
    clip: str = ""
    status: str = DONE
    frames: int = 0
    pose: int = 0
    face: int = 0
    left_hand: int = 0
    right_hand: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    bytes: int = 0
    took: float = 0.0
    reason: str = ""


_FIELDS = [field.name for field in dataclasses.fields(Row)]
_TYPES: dict[str, Any] = {f.name: type(f.default) for f in dataclasses.fields(Row)} | {"video": str}


def describe(clip: Clip, /, **known: Any) -> Row:
    """The row of a clip; `known` are fields that the clip does not tell."""
    presence = clip.presence
    found: dict[str, Any] = {name: int(presence[name].sum()) for name in PARTS}
    row = Row(
        video="",
        frames=len(clip),
        seconds=round(float(clip.timestamps[-1]), 3),
        fps=round(clip.fps, 3),
        width=clip.frame_size[0],
        height=clip.frame_size[1],
        **found,
    )
    row = dataclasses.replace(row, **known)
    if not any(found.values()):
        note = "nobody was found in any frame"
        row.reason = f"{row.reason}; {note}" if row.reason else note
    return row


def read(out: Path) -> dict[str, Row]:
    """The rows by video; a line that a killed run left half-written is left out."""
    rows: dict[str, Row] = {}
    if not (out / REPORT).exists():
        return rows
    with open(out / REPORT, newline="", **_TEXT) as file:
        for cells in csv.DictReader(file):
            try:
                row = Row(**{name: _TYPES[name](cells[name]) for name in _FIELDS})
            except (KeyError, ValueError, TypeError):
                continue
            rows[row.video] = row
    return rows


def write(out: Path, rows: Iterable[Row]) -> None:
    """Writes the whole report, sorted by video; whole or not at all."""
    with whole(out / REPORT) as draft, open(draft, "w", newline="", **_TEXT) as file:
        writer = csv.DictWriter(file, _FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(r) for r in sorted(rows, key=lambda row: row.video))


def append(out: Path, row: Row) -> None:
    """Adds a line, so that a killed run has reported all that it finished."""
    with open(out / REPORT, "a", newline="", **_TEXT) as file:
        csv.DictWriter(file, _FIELDS, lineterminator="\n").writerow(dataclasses.asdict(row))
