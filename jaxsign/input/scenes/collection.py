"""Scenes in files of any known kind, opened by name or by what they look like."""

import dataclasses
import mmap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class NamedScene:
    """A video that is read when it is asked for.

    Attributes:
      name: its own.
      split: 'train', 'val', 'test', or '' = not told.
      read: its scene, with features where its files hold some.
    """

    name: str
    split: str
    read: Callable[[], Scene]


@dataclasses.dataclass(frozen=True)
class SceneCollection:
    """Videos of one place.

    Attributes:
      name: the place.
      kind: one of `kinds.NAMES`.
      vocabulary: of all of them.
      videos: theirs.
      pictures: the folder that frames are named in, which may be absent; None = none is known.
    """

    name: str
    kind: str
    vocabulary: Vocabulary
    videos: tuple[NamedScene, ...]
    pictures: Path | None = None

    def of_splits(self, splits: Sequence[str]) -> "SceneCollection":
        """The videos of these splits.

        Raises:
          UserError: there is none.
        """
        kept = tuple(video for video in self.videos if video.split in splits)
        if not kept:
            found = ", ".join(sorted({video.split or "no split" for video in self.videos}))
            raise UserError(f"{self.name}: no video of {', '.join(splits)}; it has {found}")
        return dataclasses.replace(self, videos=kept)


def read_object(path: Path, expected: str) -> Mapping[str, Any]:
    """The JSON object of a file.

    Args:
      path: it.
      expected: what it should hold, for messages.

    Raises:
      UserError: no such file, or no JSON object.
    """
    try:
        found = tables.read_json(path, expected)
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: holds no object. {expected}")
    return found


def twice(lists: Mapping[str, Sequence[Any]]) -> list[str]:
    """What occurs more than once in lists of ids and names, a sentence each."""
    return [
        f"{kind} {value!r}: is there {count} times, expected once"
        for kind, values in lists.items()
        for value, count in Counter(values).items()
        if count > 1
    ]


def has_words(path: Path, *names: str) -> bool:
    """Whether all these names of a JSON object's keys occur in a file that is called .json.

    It is looked through, and not held: it may be any file of a folder of clips.
    """
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return all(held.find(f'"{name}"'.encode()) >= 0 for name in names)
    except (OSError, ValueError):  # not to be read, or empty
        return False
