"""The films of a folder, files or folders of pictures, and where their clips lie."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import rates

SUFFIXES = frozenset(
    ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .m2v .ts .mts .m2ts .wmv .asf .flv .f4v .3gp .3g2 "
    ".ogv .ogg .vob .mxf .gif .dv .rm .rmvb .divx .y4m".split()
)
PICTURES = (".jpg", ".jpeg", ".png")
# Frames a second of pictures, which tell none.
PICTURES_RATE = 25.0
PREVIEWS = (".preview.png", ".preview.mp4")
_FEWEST = 2  # pictures of a film
_LOG = logging.getLogger("jaxsign")


def find(target: Path, out: Path) -> list[finding.Listed]:
    """The film itself, or all films below a folder, sorted; hidden ones and `out` left out.

    Raises:
      UserError: no such file or folder, or no film in it.
    """
    found = below(target, out) if target.is_dir() else finding.find(target, out, is_video, "videos")
    if not found:
        raise UserError(
            f"{target}: no videos in this folder or below it, and no folder of {_FEWEST} or more "
            f"pictures ({' '.join(PICTURES)}) whose names differ by numbers alone, such as 1.png "
            "and 2.png. Looked for the endings "
            f"{' '.join(sorted(SUFFIXES))}; a single video may have any."
        )
    return found


def below(folder: Path, out: Path | None = None) -> list[finding.Listed]:
    """All films in a folder and below, sorted; the folder itself where it is one of pictures.

    Folders of pictures are films where no video lies below `folder`: beside videos they may be
    anything.

    Raises:
      UserError: a folder that cannot be read.
    """
    listed = finding.find(folder, out or folder / ".nowhere", is_video, "videos")
    held: dict[Path, list[Path]] = {}
    for path in finding.walk(folder, is_picture, "pictures", out):
        held.setdefault(path.parent, []).append(path)
    places = [place for place, files in held.items() if _are_frames(files)]
    if listed:
        _tell_left_out(folder, tuple(places))
        return listed
    for place in places:
        inside = place.relative_to(folder).as_posix()
        name = inside if place != folder else folder.resolve().name
        listed.append(finding.Listed(name, place, size(place)))
    return sorted(listed, key=lambda one: one.name)


def _tell_left_out(folder: Path, places: tuple[Path, ...]) -> None:
    if places:
        telling.once(
            "%s: holds videos, so its folders of pictures (%s%s) are left out. Give them by "
            "themselves if they are films.",
            folder, places[0], f" and {len(places) - 1} more" if len(places) > 1 else "",
        )  # fmt: skip


def names(listed: Iterable[finding.Listed], known: Mapping[str, str]) -> dict[str, str]:
    """Names of what is made of films, see `finding.result_names`; a folder's has no ending."""
    listed = list(listed)
    folders = {one.name: one.name for one in listed if one.path.is_dir()}
    return finding.result_names((one.name for one in listed), {**folders, **known})


def tell_rate(films: Sequence[Path], rate: float) -> None:
    """Says once at what rate folders of pictures are read, if none is given."""
    folders = [path for path in films if path.is_dir()]
    if folders and not rate:
        more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
        _LOG.warning(
            "%s%s: pictures tell no frames a second; %g assumed (%s gives the true rate)",
            folders[0], more, PICTURES_RATE, rates.OPTION,
        )  # fmt: skip


def is_film(path: Path) -> bool:
    """Whether this is a video by its name, or a folder of pictures."""
    return bool(pictures(path)) if path.is_dir() else is_video(path.name)


def is_video(name: str) -> bool:
    """Whether a file of this name is a video, and no preview of ours."""
    low = name.lower()
    ours = low.endswith(PREVIEWS)
    return not ours and PurePosixPath(low).suffix in SUFFIXES


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture, and no preview of ours."""
    low = name.lower()
    return low.endswith(PICTURES) and not low.endswith(PREVIEWS)


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder by the numbers in their names; [] where it is no film."""
    if not folder.is_dir():
        return []
    held = [path for path in folder.iterdir() if finding.is_data(path.name)]
    found = [path for path in held if is_picture(path.name)]
    if not _are_frames(found) or any(is_video(path.name) for path in held):
        return []
    return sorted(found, key=lambda path: _numbered(path.name.lower()))


def _are_frames(files: Sequence[Path]) -> bool:
    """Whether pictures are frames of one film: their names differ by numbers alone."""
    alike = {re.sub("[0-9]+", "#", path.stem.lower()) for path in files}
    return len(files) >= _FEWEST and len(alike) == 1 and "#" in alike.pop()


def _numbered(name: str) -> list[tuple[int, str]]:
    """Orders names by the numbers in them: 2.png before 10.png."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def size(film: Path) -> int:
    """Bytes of a film; 0 where it is not there."""
    files = pictures(film) if film.is_dir() else [film]
    return sum(file.stat().st_size for file in files if file.exists())


def stem(name: str) -> str:
    """A film's name without the ending of a video."""
    path = PurePosixPath(name)
    return name[: -len(path.suffix)] if path.suffix.lower() in SUFFIXES else name


def clip_path(out: Path, name: str) -> Path:
    """Where the clip of this name lies."""
    return out / f"{name}{clips.SUFFIX}"


def preview_path(out: Path, name: str, kind: str) -> Path:
    """Where the preview of a clip lies; `kind` is 'sheet' or 'video'."""
    return out / f"{name}{PREVIEWS[0] if kind == 'sheet' else PREVIEWS[1]}"
