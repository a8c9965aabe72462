"""The videos of a folder and the names of their clips."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import video

PREVIEWS = (".preview.png", ".preview.mp4")


@dataclasses.dataclass(frozen=True)
class Listed:
    """A video to extract.

    Attributes:
      name: its path below the folder, with forward slashes.
      path: where it lies.
      bytes: its size.
    """

    name: str
    path: Path
    bytes: int


def find(target: Path, out: Path) -> list[Listed]:
    """The video itself, or all videos below a folder, sorted; hidden ones and `out` left out.

    Raises:
      UserError: no such file or folder, or no video in it.
    """
    if target.is_file():
        return [Listed(target.name, target, target.stat().st_size)]
    if not target.is_dir():
        raise UserError(f"{target}: no such file or folder. Expected a video or a folder of videos")
    found = []
    entered = {target.resolve(), out.resolve()}
    for folder, below, names in os.walk(target, onerror=_unreadable, followlinks=True):
        below[:] = [name for name in sorted(below) if _enter(Path(folder, name), entered)]
        for name in names:
            path = Path(folder) / name
            # A link to nothing is listed: its video fails, and is not passed over in silence.
            if _is_video(name) and (path.is_file() or not path.exists()):
                where = path.relative_to(target).as_posix()
                found.append(Listed(where, path, _size(path)))
    if not found:
        raise UserError(
            f"{target}: no videos in this folder or below it. Looked for the endings "
            f"{' '.join(sorted(video.SUFFIXES))}; a single video may have any."
        )
    return sorted(found, key=lambda listed: listed.name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _enter(folder: Path, entered: set[Path]) -> bool:
    """Whether a folder is to be searched: not hidden, and not twice where links lead in circles."""
    place = folder.resolve()
    if folder.name.startswith(".") or place in entered:
        return False
    entered.add(place)
    return True


def _unreadable(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be searched for videos ({error.strerror})")


def _is_video(name: str) -> bool:
    low = name.lower()
    ours = low.endswith(PREVIEWS)
    return not ours and not low.startswith(".") and PurePosixPath(low).suffix in video.SUFFIXES


def clip_names(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """For every video the name of its clip, without `.clip.npz`: a/b.mp4 -> a/b.

    Videos that differ only in their ending (or in capitals) keep the ending: a/b.mov -> a/b.mov.

    Args:
      names: videos' names, as in `Listed`.
      known: names given earlier; they stay.
    """
    names = list(names)
    result = {name: known.get(name, str(PurePosixPath(name).with_suffix(""))) for name in names}
    while True:
        owners = collections.defaultdict(list)
        for name, stem in result.items():
            owners[stem.casefold()].append(name)
        taken = {stem.casefold() for name, stem in known.items() if name not in result}
        clashing = [
            name
            for stem, group in owners.items()
            if len(group) > 1 or stem in taken
            for name in group
            if name not in known and result[name] != name
        ]
        if not clashing:
            return result
        result |= {name: name for name in clashing}


def clip_path(out: Path, name: str) -> Path:
    """Where the clip of this name lies."""
    return out / f"{name}{clips.SUFFIX}"


def preview_path(out: Path, name: str, kind: str) -> Path:
    """Where the preview of a clip lies; `kind` is 'sheet' or 'video'."""
    return out / f"{name}{PREVIEWS[0] if kind == 'sheet' else PREVIEWS[1]}"
