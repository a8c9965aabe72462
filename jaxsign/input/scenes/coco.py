"""COCO-style annotations with relations.

A file has `images`, `annotations` (bbox x, y, width, height) and `categories`, and of relations
either `rel_annotations` [{subject_id, object_id, predicate_id}] with `rel_categories` [{id, name}],
as SGG-Benchmark and pycocotools' fork have them, or a `rel.json` beside it, as RelTR has: for each
split and image id rows [subject, object, predicate], places among the image's annotations, and a
list `rel_categories`. Images with a `video_id` make videos, others are videos of one frame.
"""

import dataclasses
import functools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError, listing
from jaxsign.input import tables
from jaxsign.input.scenes import frames
from jaxsign.input.scenes.collection import (
    NamedScene,
    SceneCollection,
    has_words,
    read_object,
    twice,
)
from jaxsign.input.scenes.frames import AnnotatedFrame, Relation
from jaxsign.input.scenes.vocabulary import BACKGROUND, Vocabulary

KIND = "coco"
LOOKS = "JSON with images, annotations, categories and rel_annotations, or a rel.json beside"
BESIDE = "rel.json"
_EXPECTED = (
    "Expected images [{id, file_name, width, height}], annotations [{id, image_id, category_id, "
    "bbox}], categories [{id, name}], and rel_annotations [{subject_id, object_id, predicate_id}] "
    f"with rel_categories [{{id, name}}], or a {BESIDE} beside it"
)
# Names of files in a folder -> splits.
_SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclasses.dataclass(frozen=True)
class _Told:
    """What one file tells: frames by video, and the names in their order."""

    videos: Mapping[str, Sequence[AnnotatedFrame]]
    objects: Sequence[str]
    predicates: Sequence[str]


def recognises(path: Path) -> bool:
    """Whether a file is such a one, or a folder has train.json, val.json or test.json of them."""
    return any(has_words(one, "images", "annotations", "categories") for one in _files(path))


def opened(path: Path, words: Vocabulary | None, every: int) -> SceneCollection:
    """The videos of a file, or of a folder's files, each of which is a split.

    Args:
      path: it.
      words: names of another set that these are to be numbered by; None: their own.
      every: of a video one frame in so many is taken.

    Raises:
      UserError: a file in another form.
    """
    found = {file: _told(file) for file in _files(path)}
    if words is None:
        words = frames.words_of(
            str(path),
            [name for one in found.values() for name in one.objects],
            [name for one in found.values() for name in one.predicates],
        )
    videos = [
        NamedScene(name, "" if path.is_file() else _SPLITS[file.stem],
                   functools.partial(frames.scene, f"{file} ({name})", words, rows[::every]))
        for file, one in found.items()
        for name, rows in one.videos.items()
    ]  # fmt: skip
    return SceneCollection(str(path), KIND, words, tuple(videos))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    return [file for name in _SPLITS if (file := path / f"{name}.json").is_file()]


def _told(path: Path) -> _Told:
    rows = read_object(path, _EXPECTED)
    try:
        _check_ids(path, rows)
        categories = {one["id"]: str(one["name"]) for one in rows["categories"]}
        boxes: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for one in rows["annotations"]:
            boxes[one["image_id"]].append(one)
        predicates, relations = _relations(path, rows, boxes)
        videos = _videos(rows, categories, boxes, relations)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"{path}: is in another form ({type(error).__name__}: {error}). {_EXPECTED}"
        ) from error
    objects = [name for name in categories.values() if name != BACKGROUND]
    return _Told(videos, objects, predicates)


def _check_ids(path: Path, rows: Mapping[str, Any]) -> None:
    """Refuses ids that stand for two things or for none: boxes would be lost without a word."""
    images = [one["id"] for one in rows["images"]]
    categories = [one["id"] for one in rows["categories"]]
    lists = {"image id": images, "category id": categories}
    if "rel_annotations" in rows:
        lists["annotation id"] = [one["id"] for one in rows["annotations"]]
        lists["rel_category id"] = [one["id"] for one in rows["rel_categories"]]
    problems = twice(lists)
    for key, known in (("image_id", images), ("category_id", categories)):
        there = set(known)
        lost = Counter(one[key] for one in rows["annotations"] if one[key] not in there)
        such = f"expected one such as {known[0]!r}" if known else "and there is none"
        problems += [f"{n} annotations of {key} {value!r}, {such}" for value, n in lost.items()]
    if problems:
        raise UserError(f"{path}:\n{listing(problems)}\nMend the ids in this file")


def _relations(
    path: Path, rows: Mapping[str, Any], boxes: Mapping[Any, Sequence[Mapping[str, Any]]]
) -> tuple[list[str], Mapping[Any, list[Relation]]]:
    """Names of the predicates, and by image id the relations among its boxes."""
    found: dict[Any, list[Relation]] = defaultdict(list)
    if "rel_annotations" in rows:
        names = {one["id"]: str(one["name"]) for one in rows["rel_categories"]}
        place = {
            one["id"]: (image, at) for image, held in boxes.items() for at, one in enumerate(held)
        }
        for one in rows["rel_annotations"]:
            (image, subject), (other_image, other) = (
                place[one[key]] for key in ("subject_id", "object_id")
            )
            if image != other_image:
                raise ValueError(f"a relation between boxes of images {image} and {other_image}")
            found[image].append((subject, names[one["predicate_id"]], other))
        return [*names.values()], found
    beside = read_object(path.with_name(BESIDE), _EXPECTED)
    listed = [str(name) for name in beside["rel_categories"]]
    by_image = beside[path.stem]
    for image, held in boxes.items():
        for subject, other, number in by_image.get(str(image), ()):
            if not (0 <= subject < len(held) and 0 <= other < len(held)):
                raise ValueError(f"image {image}: a relation names a box beyond its {len(held)}")
            found[image].append((subject, listed[number], other))
    return [name for name in listed if name != BACKGROUND], found


def _videos(
    rows: Mapping[str, Any],
    categories: Mapping[Any, str],
    boxes: Mapping[Any, Sequence[Mapping[str, Any]]],
    relations: Mapping[Any, Sequence[Relation]],
) -> dict[str, list[AnnotatedFrame]]:
    names = {one["id"]: str(one.get("name", one["id"])) for one in rows.get("videos", ())}
    videos: dict[str, list[tuple[float, AnnotatedFrame]]] = defaultdict(list)
    for number, image in enumerate(rows["images"]):
        held = boxes.get(image["id"], ())
        frame = AnnotatedFrame(
            tables.as_path(str(image["file_name"])),
            (int(image["width"]), int(image["height"])),
            [_corners(one["bbox"]) for one in held],
            [categories[one["category_id"]] for one in held],
            [float(one.get("score", 1.0)) for one in held],
            relations.get(image["id"], ()),
        )
        video = image.get("video_id")
        name = str(image["id"]) if video is None else names.get(video, str(video))
        told = [image[key] for key in ("frame_id", "frame_index") if key in image]
        place = float(told[0]) if told else number
        videos[name].append((place, frame))
    return {
        name: [frame for _, frame in sorted(found, key=lambda row: row[0])]
        for name, found in videos.items()
    }


def _corners(box: Sequence[float]) -> frames.Box:
    x, y, width, height = map(float, box)
    return x, y, x + width, y + height
