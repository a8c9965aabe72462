"""extract.csv: for every video what was found in it, or why there is no clip."""

import dataclasses
from pathlib import Path
from typing import Any

from jaxsign.input.folders import progress
from jaxsign.input.folders.report import FolderReport
from jaxsign.input.signs.clip import Clip

STEM = "extract"
REPORT = f"{STEM}.csv"
PARTS = ("pose", "face", "left_hand", "right_hand")
DONE, FAILED = "done", "failed"


@dataclasses.dataclass
class ExtractionRow:
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

    def outcome(self) -> progress.Outcome:
        """What is shown of it."""
        parts = ", ".join(
            f"{name.replace('_', ' ')} {count / max(1, self.frames):.0%}"
            for name, count in self.parts().items()
        )
        frames = f"{self.frames} frame{'' if self.frames == 1 else 's'}"
        text = f"{frames} in {self.took:.1f} s: {parts}"
        return progress.Outcome(self.video, self.frames, text, self.reason, self.status == FAILED)

    def parts(self) -> dict[str, int]:
        """The frames in which each part was found."""
        counts = (self.pose, self.face, self.left_hand, self.right_hand)
        return dict(zip(PARTS, counts, strict=True))


def of(out: Path) -> FolderReport[ExtractionRow]:
    """The report in the folder of the clips."""
    return FolderReport(out / REPORT, ExtractionRow)


def describe(clip: Clip, /, **known: Any) -> ExtractionRow:
    """The row of a clip; `known` are fields that the clip does not tell."""
    presence = clip.presence
    found: dict[str, Any] = {name: int(presence[name].sum()) for name in PARTS}
    row = ExtractionRow(
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
