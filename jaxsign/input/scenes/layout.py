"""The open layout for one's own scenes: a folder that a person can write.

`classes.json` names objects and groups of predicates; `scenes.jsonl` has a video a line; `frames/`
may hold the pictures. Features, where there are some, are an `.npz` a video, named in its line.
"""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jaxsign.errors import UserError
from jaxsign.input import labels, lookup, names, tables
from jaxsign.input.scenes import features, values
from jaxsign.input.scenes import frames as frame_parts
from jaxsign.input.scenes import vocabulary as vocabularies
from jaxsign.input.scenes.features import FeatureFile
from jaxsign.input.scenes.frames import AnnotatedFrame
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.sections.data import SPLITS

T = TypeVar("T")
LIST, CLASSES, PICTURES = "scenes.jsonl", "classes.json", "frames"
_EXPECTED = f"Expected a folder with {LIST} and {CLASSES}."
# Keys that must be there, and those that may.
_VIDEO = ("name", "frames"), ("split", "width", "height", "features")
_FRAME = ("file", "boxes"), ("time", "width", "height", "relations", "pairs")
_BOX = ("box", "label"), ("score",)


@dataclasses.dataclass(frozen=True)
class ListedVideo:
    """A line of the list.

    Attributes:
      name: the video's.
      split: 'train', 'val', 'test', or '' where its line says none.
      scene: without features.
      features: their file, as `features.opened` reads it; None = there are none.
    """

    name: str
    split: str
    scene: Scene
    features: Path | None


@dataclasses.dataclass(frozen=True)
class OpenLayout:
    """What a folder in the open layout holds.

    Attributes:
      folder: it.
      vocabulary: of all its videos.
      videos: in the order of their lines.
    """

    folder: Path
    vocabulary: Vocabulary
    videos: tuple[ListedVideo, ...]

    def of_split(self, split: str) -> "OpenLayout":
        """The videos of a split; all of them where the lines tell of none.

        Raises:
          UserError: there is no such video.
        """
        told = [video.split for video in self.videos]
        kept = tuple(video for video in self.videos if video.split in ("", split))
        if not kept:
            found = ", ".join(sorted(set(told)))
            raise UserError(f"{self.folder / LIST}: no video of split {split!r}; it has {found}")
        return dataclasses.replace(self, videos=kept)


def folder_of(path: Path) -> Path | None:
    """The folder in the open layout that a path means, itself or its list; None: neither."""
    if path.is_file() and path.name == LIST:
        return path.parent
    return path if (path / LIST).is_file() else None


def is_split(folder: Path) -> bool:
    """Whether a folder's first video says to which split it belongs; the others are not read."""
    with (
        contextlib.suppress(OSError, ValueError),
        open(folder / LIST, encoding="utf-8-sig") as file,
    ):
        first = tables.parse_json(next(filter(str.strip, file), ""))
        return isinstance(first, dict) and bool(first.get("split"))
    return False


def read(folder: Path) -> OpenLayout:
    """Reads and checks all lines; features are not looked at.

    Raises:
      UserError: a file is absent, or all that is wrong with its lines.
    """
    words = classes(folder / CLASSES)
    path, there = folder / LIST, lookup.Lookup(folder)
    problems: list[str] = []
    videos = []
    for number, line in enumerate(tables.read_text(path, _EXPECTED).split("\n"), 1):
        if line.strip():
            video = _line(line, f"{path} line {number}", there, words, problems)
            videos += [video] if video else []
    times = Counter(video.name for video in videos)
    twice = sorted(name for name, count in times.items() if count > 1)
    problems += [f"{path}: {name!r} is the name of several videos" for name in twice]
    untold = [video.name for video in videos if not video.split]
    if len(untold) not in (0, len(videos)):
        problems.append(f"{path}: {untold[0]!r} has no split, and others have one")
    if problems and not videos:
        _check_lines(path)
    labels.raise_all(problems, str(folder))
    if not videos:
        raise UserError(f"{path}: holds no video. Expected one a line")
    return OpenLayout(folder, words, tuple(videos))


def _check_lines(path: Path) -> None:
    """Refuses one JSON value in place of one a line, of which each line is bad."""
    with contextlib.suppress(ValueError):
        found = tables.read_json(path)
        if (isinstance(found, list) and found) or "\n" in tables.read_text(path).strip():
            raise UserError(
                f"{path}: holds one JSON value, a list or over several lines. Expected a line for "
                'each video: {"name": ..., "frames": [...]}'
            )


def opened(videos: Sequence[ListedVideo]) -> tuple[list[FeatureFile], list[str]]:
    """The videos' files of features, and what is wrong with them; both empty: no line names one."""
    found, problems = [], []
    if all(video.features is None for video in videos):
        return [], []
    for video in videos:
        try:
            if video.features is None:
                raise UserError(f"{video.scene.source}: names no features, as other lines do")
            found.append(features.opened(video.features, video.scene))
        except UserError as error:
            problems.append(str(error))
    return found, problems


def classes(path: Path) -> Vocabulary:
    """The classes that a `classes.json` names.

    Raises:
      UserError: no such file, or no classes.
    """
    try:
        found = vocabularies.from_json(tables.read_json(path, _EXPECTED), str(path))
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). Expected a {CLASSES}") from error
    for listed in (found.objects, found.predicates):
        vocabularies.tell_alike(listed, str(path))
    return found


def _line(
    line: str, where: str, there: lookup.Lookup, words: Vocabulary, problems: list[str]
) -> ListedVideo | None:
    """The video of a line; None where something is wrong, which is told in `problems`."""
    before = len(problems)
    try:
        row = values.keys(tables.parse_json(line), "a video", *_VIDEO)
        name, split = values.text(row, "name"), row.get("split", "")
        if wrong := names.problem(name):
            raise ValueError(wrong)
        where = f"{where} ({name})"
        if split not in ("", *SPLITS):
            raise ValueError(f"split is {values.told(split)}, expected one of {', '.join(SPLITS)}")
        told = tables.as_path(values.text(row, "features")) if "features" in row else ""
        found = [
            _frame(value, row, words, f"{where}, frame {number}", problems)
            for number, value in enumerate(values.items(row, "frames"))
        ]
        frames = [frame for frame in found if frame is not None]
        timed = sum(frame.time is not None for frame in frames)
        if timed not in (0, len(frames)):
            raise ValueError(f"{timed} of {len(frames)} frames have a time; expected all or none")
        if len(problems) == before:
            file = there.path(told) if told else None
            return ListedVideo(name, split, frame_parts.scene(where, words, frames), file)
    except UserError as error:
        problems.append(str(error))
    except ValueError as error:
        problems.append(f"{where}: {error}")
    return None


def _frame(
    value: Any, video: Mapping[str, Any], words: Vocabulary, where: str, problems: list[str]
) -> AnnotatedFrame | None:
    before = len(problems)
    try:
        row = values.keys(value, "a frame", *_FRAME)
        name = tables.as_path(values.text(row, "file"))
        where = f"{where} ({name})"
        size = values.side(row, video, "width"), values.side(row, video, "height")
        boxes = values.items(row, "boxes")
        boxed = _each(boxes, functools.partial(_box, words), f"{where}, box", problems)
        told = functools.partial(_relation, words, len(boxes))
        relations = _each(values.items(row, "relations"), told, f"{where}, relation", problems)
        paired = functools.partial(_pair, len(boxes))
        pairs = _each(values.items(row, "pairs"), paired, f"{where}, pair", problems)
        time = values.number(row["time"], "time") if "time" in row else None
        found = AnnotatedFrame(name, size, [one[0] for one in boxed], [one[1] for one in boxed],
                      [one[2] for one in boxed], relations, pairs, time)  # fmt: skip
        _check_told(found, words)
    except ValueError as error:
        problems.append(f"{where}: {error}")
    return found if len(problems) == before else None


def _each(
    values: Sequence[Any], parsed: Callable[[Any], T], where: str, problems: list[str]
) -> list[T]:
    """What becomes of each value; what is wrong with one is told with its number."""
    found = []
    for number, value in enumerate(values):
        try:
            found.append(parsed(value))
        except ValueError as error:
            problems.append(f"{where} {number}: {error}")
    return found


def _box(words: Vocabulary, value: Any) -> tuple[frame_parts.Box, str, float]:
    row = values.keys(value, "a box", *_BOX)
    corners = row["box"]
    if not isinstance(corners, list) or len(corners) != 4:
        raise ValueError(f"box is {values.told(corners)}, expected [x1, y1, x2, y2] in pixels")
    x1, y1, x2, y2 = (values.number(one, "box") for one in corners)
    if x1 > x2 or y1 > y2:
        raise ValueError(
            f"box is {values.told(corners)}, expected x1 <= x2 and y1 <= y2: corners, not x, y, "
            "width and height"
        )
    score = values.number(row.get("score", 1.0), "score")
    if not 0 <= score <= 1:
        raise ValueError(f"score is {score}, expected 0 to 1")
    return (x1, y1, x2, y2), values.known(row["label"], words.objects, "label"), score


def _relation(words: Vocabulary, boxes: int, value: Any) -> frame_parts.Relation:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"is {values.told(value)}, expected [subject box, predicate, object box]")
    subject, other = _pair(boxes, [value[0], value[2]])
    return subject, values.known(value[1], words.predicates, "predicate"), other


def _pair(boxes: int, value: Any) -> frame_parts.Pair:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"is {values.told(value)}, expected [subject box, object box]")
    subject, other = map(values.whole, value)
    for one, told in ((subject, value[0]), (other, value[1])):
        if not isinstance(one, int) or not 0 <= one < boxes:
            raise ValueError(
                f"names box {values.told(told)}, and the frame has {boxes}, numbered from 0"
            )
    if subject == other:
        raise ValueError(f"names box {subject} twice, expected two boxes")
    return subject, other


def _check_told(frame: AnnotatedFrame, words: Vocabulary) -> None:
    """Of a group of kind `one` exactly one predicate holds of every labelled pair."""
    for (subject, other), told in frame.told.items():
        for group in words.groups:
            found = [name for name in group.predicates if name in told]
            if group.kind == "one" and len(found) != 1:
                raise ValueError(
                    f"pair of boxes {subject} and {other} has {', '.join(found) or 'none'} of "
                    f"group {group.name!r}, expected exactly one of: {', '.join(group.predicates)}"
                )
