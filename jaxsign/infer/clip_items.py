"""What a person gives to a recogniser: which clips of any format, films, or folders of them."""

import collections
import dataclasses
import functools
import logging
from collections.abc import Iterable
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, views
from jaxsign.input.signs.extract import films, videos

_LOG = logging.getLogger("jaxsign")
_ARRAYS = (".npz", ".npy")
# Files that hold clips, for telling which of them are left out.
_CLIPS = (*_ARRAYS, ".parquet", ".pose")


@dataclasses.dataclass(frozen=True)
class Item:
    """One clip to recognise.

    Attributes:
      path: the file that holds it, for messages.
      name: its place in the folder that was given.
      collection, index: where it is read from; None = the file is opened when it is read.
      fps: frames a second of such a file; 0 = as it says.
    """

    path: Path
    name: str
    collection: formats.Collection | None = None
    index: int = 0
    fps: float = 0.0

    def read_once(self) -> "Item":
        """The same clip for several runs: what it is read from is read but once, a film say."""
        if self.collection is None:
            return self
        reader = functools.lru_cache(maxsize=1)(self.collection.reader)
        return dataclasses.replace(
            self, collection=dataclasses.replace(self.collection, reader=reader)
        )


def find(
    source: str | Path,
    finder: films.Finder | None = None,
    *,
    view: views.View | None = None,
    person: int = 0,
    fps: float = 0.0,
) -> list[Item]:
    """The clips that `source` means: a file, or all in a folder and below, sorted.

    Args:
      source: a clip, a film, or a folder of either.
      finder: finds landmarks in films.
      view: the run's, which may take the pictures of films.
      person: which of several people of a clip, from 1; 0 = the one who moves.
      fps: frames a second of all clips but films, whose finder knows it; 0 = as they say.

    Raises:
      UserError: no such file or folder, nothing to recognise in it, another kind of file, or films
        without a finder.
    """
    source = Path(source)
    if not source.exists():
        raise UserError(f"{source}: no such file or folder. Expected a clip or a folder of clips.")
    if source.is_file() and videos.is_video(source.name):
        return _films(source, finder, view, person)
    found = _array_files(source)
    if found:
        _check_alone(source, person, "files of arrays are")
        _tell_left_out(source, found)
        base = source if source.is_dir() else source.parent
        return [Item(path, path.relative_to(base).as_posix(), fps=fps) for path in found]
    try:
        name = formats.detect(source)
    except UserError:
        if source.is_dir() and videos.below(source):
            return _films(source, finder, view, person)
        raise
    return _items(source, formats.open_collection(source, name, person=person, fps=fps))


def _films(
    source: Path, finder: films.Finder | None, view: views.View | None, person: int
) -> list[Item]:
    """Films' landmarks, or their pictures where the run's view takes those."""
    _check_alone(source, person, "what is found in films is")
    if view is not None and view.film_files is not None:
        return _items(source, films.open_pictures(source, view.film_files))
    return _items(source, films.open_films(source, finder))


def _check_alone(source: Path, person: int, what: str) -> None:
    if person:
        raise UserError(f"{source}: --person {person}, but {what} of one person")


def _array_files(source: Path) -> list[Path]:
    """Files of arrays that are opened one by one: .npz, or .npy in a folder of no known format.

    Their labels do not matter here, and each may be of another kind. None where one file holds
    many clips.
    """
    known = [formats.get(name) for name in formats.names()]
    if any(one.archive and one.recognises(source) for one in known):
        return []
    if not source.is_dir():
        return [source] if source.suffix.lower() in _ARRAYS else []
    found = finding.walk(source, finding.ending(".npz"), "clips")
    if not found and not any(one.recognises(source) for one in known):
        found = finding.walk(source, finding.ending(".npy"), "clips")
    return found


def _tell_left_out(source: Path, found: Iterable[Path]) -> None:
    """Names other clips and films of a folder than those that are read."""
    if source.is_file():
        return
    taken = {path.with_name(_bare(path)) for path in found}
    is_clip = finding.ending(*_CLIPS)
    left = [
        path.relative_to(source).as_posix()
        for path in finding.walk(source, lambda name: is_clip(name) or videos.is_video(name))
        if path.with_name(_bare(path)) not in taken  # the same clip in two formats, or its film
    ]
    if left:
        _LOG.warning(
            "%s: %d other file%s left out: %s%s. Give them by themselves.",
            source, len(left), "s" * (len(left) > 1), ", ".join(left[:5]),
            ", ..." if len(left) > 5 else "",
        )  # fmt: skip


def _bare(path: Path) -> str:
    whole = is_clip_file(path)
    return path.name[: -len(clips.SUFFIX if whole else path.suffix)] if path.suffix else path.name


def is_clip_file(path: Path) -> bool:
    """Whether it is called as files of single clips are."""
    return path.name.lower().endswith(clips.SUFFIX)


def _items(source: Path, collection: formats.Collection) -> list[Item]:
    clips_in = collections.Counter(entry.path for entry in collection.entries)
    items = []
    for i, entry in enumerate(collection.entries):
        place = entry.path or source
        if entry.path is None or clips_in[entry.path] > 1:
            place = place / entry.name
        items.append(Item(place, entry.name, collection, i))
    return items
