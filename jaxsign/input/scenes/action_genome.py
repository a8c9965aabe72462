"""Action Genome's annotations, read as scenes: boxes, labels and relations, without features.

Its folder holds `annotations/` (two pickles and two lists of names) and `frames/VIDEO/000123.png`.
Which frames and videos count, and in which order, is that of STTran's loader (Action Genome: Ji et
al., CVPR 2020), but that frames stand in the order of their numbers.
"""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input import tables
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, PERSON, Vocabulary
from jaxsign.nets.torch_files import plain_pickle

Split = Literal["train", "test"]
SIZES = ("large", "small", "mini")
PERSONS = "annotations/person_bbox.pkl"
OBJECTS = "annotations/object_bbox_and_relationship.pkl"
# What the two repositories call the list without small objects, and where they look for it.
WITHOUT_SMALL = "object_bbox_and_relationship_filtersmall.pkl"
# Frames of `small`, in the order of the file of persons; edges that count as small, in pixels.
_SMALL_FRAMES, _SMALL_EDGE = 80_000, 16
_NUMBER = re.compile(r"(\d+)\.[^.]*$")
# As the files spell them, without what separates words: -> their names.
_NAMES = {re.sub(r"[^a-z]", "", name): name for name in ACTION_GENOME.objects}
_NAMES |= {re.sub(r"[^a-z]", "", name): name for name in ACTION_GENOME.predicates}


@dataclasses.dataclass(frozen=True)
class Options:
    """Which part of the set is read.

    Attributes:
      split: 'train' or 'test', as the annotations tell.
      size: 'large': all of it; 'small' (or 'mini'): of the first 80,000 frames.
      without_small: objects with an edge of at most 16 pixels are left out, as SGCLS and SGDET of
        the papers do.
    """

    split: Split
    size: str = "large"
    without_small: bool = False


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What the files hold, of both splits.

    Attributes:
      folder: theirs.
      persons, objects: by frame.
      remarks: what is to be said of them, a sentence each.
    """

    folder: Path
    persons: Mapping[str, Any]
    objects: Mapping[str, Any]
    remarks: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Read:
    """What was read of the set.

    Attributes:
      scenes: a video each, in the files' order.
      left_out: frames and videos by the reason for which they are not in it.
      remarks: what is to be said of it, a sentence each.
    """

    scenes: list[Scene]
    left_out: Counter[str]
    remarks: tuple[str, ...]


def recognises(folder: Path) -> bool:
    """Whether a folder is laid out as the set is."""
    return (folder / PERSONS).is_file() and (folder / OBJECTS).is_file()


def read(folder: str | Path, options: Options) -> Read:
    """The videos of a split.

    Args:
      folder: that holds `annotations`.
      options: which part of it.

    Raises:
      UserError: a file is absent or damaged, or annotations are impossible: all of them at once.
    """
    return of_split(annotations(Path(folder), without_small=options.without_small), options)


def annotations(folder: Path, *, without_small: bool = False) -> Annotations:
    """Reads the files once, which takes a while, for one split or both.

    Raises:
      UserError: a file is absent or damaged.
    """
    _check_classes(folder, ACTION_GENOME)
    persons = _by_frame(folder / PERSONS, "person_bbox.pkl")
    return Annotations(folder, persons, *_objects(folder, without_small=without_small))


def of_split(files: Annotations, options: Options) -> Read:
    """As `read`, of files that were read; whether small objects are among them is theirs."""
    if options.size not in SIZES:
        raise UserError(f"data.size={options.size!r}: expected one of {', '.join(SIZES)}")
    folder, persons, objects = files.folder, files.persons, files.objects
    frames, left_out = _frames(persons, objects, options)
    problems: list[str] = []
    scenes = []
    for name, keys in frames.items():
        if len(keys) <= 2:
            left_out["videos of one or two frames"] += 1
            continue
        found = _scene(
            folder / "frames" / name, sorted(keys, key=_order), persons, objects, problems
        )
        if found is not None:
            scenes.append(found)
    if problems:
        raise UserError(f"{folder}: annotations that cannot be right:\n{listing(problems)}")
    return Read(scenes, left_out, files.remarks)


def _check_classes(folder: Path, words: Vocabulary) -> None:
    """The lists of names beside the pickles, where they are, name what is known."""
    known = {
        "object_classes.txt": words.objects[1:],
        "relationship_classes.txt": words.predicates,
    }
    for name, wanted in known.items():
        path = folder / "annotations" / name
        if not path.is_file():
            continue
        lines = tables.read_text(path).split("\n")
        found = tuple(_name(line) for line in lines if line.strip())
        if found != wanted:
            pairs = zip((*found, "nothing"), (*wanted, "nothing"), strict=False)
            one, other = next((p for p in pairs if p[0] != p[1]), ("more", "nothing"))
            raise UserError(
                f"{path}: is another list than Action Genome's ({len(found)} names, expected "
                f"{len(wanted)}; it has {one!r} in place of {other!r})"
            )


def _name(text: str) -> str:
    """A class or predicate as jaxsign calls it, or the text itself."""
    return _NAMES.get(re.sub(r"[^a-z]", "", text.lower()), text.strip())


def _by_frame(path: Path, what: str) -> Mapping[str, Any]:
    expected = f"Expected Action Genome's {what}: a dict by VIDEO.mp4/000123.png."
    found = plain_pickle.read(path, expected)
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise UserError(f"{path}: holds a {type(found).__name__}. {expected}")
    return found


def _objects(folder: Path, *, without_small: bool) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Annotated objects by frame, without small ones where they are asked for so."""
    if not without_small:
        return _by_frame(folder / OBJECTS, "object_bbox_and_relationship.pkl"), ()
    for place in (folder / "annotations", folder, folder.parent / "dataloader"):
        if (place / WITHOUT_SMALL).is_file():
            return _by_frame(place / WITHOUT_SMALL, WITHOUT_SMALL), ()
    whole = _by_frame(folder / OBJECTS, "object_bbox_and_relationship.pkl")
    kept = {
        key: [one for one in entries if not _is_small(one)]
        if isinstance(entries, list)
        else entries
        for key, entries in whole.items()
    }
    remark = (
        f"{folder}: has no {WITHOUT_SMALL}; objects with an edge of at most {_SMALL_EDGE} pixels "
        "are left out instead, which is not quite the same list"
    )
    return kept, (remark,)


def _is_small(one: Any) -> bool:
    box = one.get("bbox") if isinstance(one, dict) else None
    return box is not None and len(box) == 4 and min(box[2:]) <= _SMALL_EDGE


def _frames(
    persons: Mapping[str, Any], objects: Mapping[str, Any], options: Options
) -> tuple[dict[str, list[str]], Counter[str]]:
    """The frames that count, by video."""
    left_out: Counter[str] = Counter()
    keys = list(persons)
    if options.size != "large":
        keys = keys[:_SMALL_FRAMES]
    videos: dict[str, list[str]] = {}
    for key in keys:
        entries = objects.get(key)
        if not isinstance(entries, list) or not entries:
            left_out["frames without annotated objects"] += 1
        elif _split(entries[0]) != options.split:
            continue
        elif not any(one.get("visible") for one in entries if isinstance(one, dict)):
            left_out["frames without a visible object"] += 1
        elif not len(_person(persons[key])):
            left_out["frames without a person"] += 1
        else:
            videos.setdefault(key.split("/")[0], []).append(key)
    return videos, left_out


def _split(entry: Any) -> str:
    metadata = entry.get("metadata") if isinstance(entry, dict) else None
    return str(metadata.get("set")) if isinstance(metadata, dict) else ""


def _person(entry: Any) -> np.ndarray:
    """Float [n, 4]: the detected persons of a frame; [0, 4] where the entry makes no sense."""
    box = entry.get("bbox") if isinstance(entry, dict) else None
    try:
        return np.asarray(() if box is None else box, float).reshape(-1, 4)
    except (TypeError, ValueError):
        return np.zeros((0, 4))


def _order(key: str) -> tuple[float, str]:
    number = _NUMBER.search(key)
    return (float(number[1]) if number else math.inf, key)


def _scene(
    source: Path,
    keys: Sequence[str],
    persons: Mapping[str, Any],
    objects: Mapping[str, Any],
    problems: list[str],
) -> Scene | None:
    """A video's scene: each frame's person, then its visible objects; None: something is wrong."""
    before = len(problems)
    boxes: list[Any] = []
    labels, box_frames, pairs, relations = [], [], [], []
    for frame, key in enumerate(keys):
        person = len(boxes)
        boxes.append(_checked_box(_person(persons[key])[0], f"{key}, person", problems))
        labels.append(ACTION_GENOME.objects.index(PERSON))
        box_frames.append(frame)
        for one in objects[key]:
            if not (isinstance(one, dict) and one.get("visible")):
                continue
            where = f"{key}, {one.get('class')}"
            pairs.append((person, len(boxes), frame))
            boxes.append(_checked_box(_corners(one.get("bbox")), where, problems))
            labels.append(_label(one.get("class"), where, problems))
            box_frames.append(frame)
            relations.append(_relations(one, where, problems))
    size = persons[keys[-1]].get("bbox_size")
    if not (isinstance(size, tuple | list) and len(size) == 2 and all(map(_is_side, size))):
        problems.append(f"{keys[-1]}: bbox_size is {size!r}, expected (width, height)")
    if len(problems) > before:
        return None
    table = np.asarray(pairs, np.int32).reshape(-1, 3)
    return Scene(
        source=str(source),
        vocabulary=ACTION_GENOME,
        frames=tuple(keys),
        image_sizes=np.tile(np.asarray(size, np.int32), (len(keys), 1)),
        boxes=np.asarray(boxes, np.float32),
        box_frames=np.asarray(box_frames, np.int32),
        labels=np.asarray(labels, np.int32),
        scores=np.ones(len(boxes), np.float32),
        pairs=table[:, :2],
        pair_frames=table[:, 2],
        relations=np.asarray(relations, bool).reshape(-1, len(ACTION_GENOME.predicates)),
        labelled=np.ones(len(table), bool),
    )


def _is_side(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and bool(1 <= value < 1 << 24)


def _corners(box: Any) -> Any:
    """x, y, width, height -> corners."""
    try:
        x, y, width, height = (float(number) for number in box)
    except (TypeError, ValueError):
        return None
    return x, y, x + width, y + height


def _checked_box(box: Any, where: str, problems: list[str]) -> Any:
    good = box is not None and np.isfinite(box).all() and box[0] <= box[2] and box[1] <= box[3]
    if not good:
        told = None if box is None else [round(float(number), 1) for number in box]
        problems.append(f"{where}: its box has the corners {told}, expected x1 <= x2 and y1 <= y2")
        return (0.0,) * 4
    return box


def _label(name: Any, where: str, problems: list[str]) -> int:
    known = _name(str(name))
    if known not in ACTION_GENOME.objects:
        problems.append(f"{where}: the class is unknown")
        return 0
    return ACTION_GENOME.objects.index(known)


def _relations(one: Mapping[str, Any], where: str, problems: list[str]) -> np.ndarray:
    """Bool [R]: what an object's entry tells of the person and it."""
    told = np.zeros(len(ACTION_GENOME.predicates), bool)
    for group, part in zip(ACTION_GENOME.groups, ACTION_GENOME.parts, strict=True):
        given = one.get(f"{group.name}_relationship")
        names = [_name(str(name)) for name in given] if isinstance(given, list | tuple) else []
        unknown = [name for name in names if name not in group.predicates]
        if unknown:
            problems.append(f"{where}: {group.name} {unknown[0]!r} is unknown")
        if group.kind == "one" and len(names) != 1:
            problems.append(f"{where}: {len(names)} labels of {group.name}, expected exactly one")
        if not names:
            problems.append(f"{where}: no label of {group.name}")
        told[part] = [predicate in names for predicate in group.predicates]
    return told
