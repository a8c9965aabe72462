"""The videos of a folder and where their clips lie."""

import re
from pathlib import Path, PurePosixPath

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import video

_PICTURES = (".jpg", ".jpeg", ".png")
PREVIEWS = (".preview.png", ".preview.mp4")


def find(target: Path, out: Path) -> list[finding.Listed]:
    """The video itself, or all videos below a folder, sorted; hidden ones and `out` left out.

    Raises:
      UserError: no such file or folder, or no video in it.
    """
    found = finding.find(target, out, is_video, "videos")
    if not found:
        raise UserError(
            f"{target}: no videos in this folder or below it. Looked for the endings "
            f"{' '.join(sorted(video.SUFFIXES))}; a single video may have any.{_pictures(target)}"
        )
    return found


def _pictures(folder: Path) -> str:
    """What is said of films that lie here as folders of pictures."""
    found = finding.walk(folder, finding.ending(*_PICTURES))
    if not found:
        return ""
    first = found[0]
    pattern = re.sub(r"\d+$", lambda digits: f"%0{len(digits[0])}d", first.stem) + first.suffix
    return (
        f" It holds {len(found)} pictures, which are not read. If a folder of them is a film, make "
        f"it one at its frame rate: ffmpeg -framerate 25 -start_number "
        f"{''.join(re.findall(r'[0-9]+$', first.stem)) or 0} -i {first.parent / pattern} "
        f"{first.parent}.mp4"
    )


def is_video(name: str) -> bool:
    """Whether a file of this name is a video, and no preview of ours."""
    low = name.lower()
    ours = low.endswith(PREVIEWS)
    return not ours and PurePosixPath(low).suffix in video.SUFFIXES


def clip_path(out: Path, name: str) -> Path:
    """Where the clip of this name lies."""
    return out / f"{name}{clips.SUFFIX}"


def preview_path(out: Path, name: str, kind: str) -> Path:
    """Where the preview of a clip lies; `kind` is 'sheet' or 'video'."""
    return out / f"{name}{PREVIEWS[0] if kind == 'sheet' else PREVIEWS[1]}"
