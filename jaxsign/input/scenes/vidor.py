"""VidOR's and VidVRD's annotations: a JSON file a video, with trajectories and relations in time.

Source: Shang et al., Annotating objects and relations in user-generated videos (ICMR 2019). A
relation holds from its `begin_fid` to the frame before its `end_fid`.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.scenes import frames
from jaxsign.input.scenes.collection import NamedScene, SceneCollection, has_words, read_object
from jaxsign.input.scenes.frames import AnnotatedFrame
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

KIND = "vidor"
LOOKS = "a JSON a video with trajectories, subject/objects and relation_instances (VidVRD too)"
_EXPECTED = (
    "Expected VidOR's form: width, height, fps, subject/objects [{tid, category}], trajectories "
    "[a list of {tid, bbox {xmin, ymin, xmax, ymax}} a frame], relation_instances [{subject_tid, "
    "object_tid, predicate, begin_fid, end_fid}]"
)
_LOOKED_AT = 20  # JSON files of a folder, others may lie among them
# Folders of the published sets -> splits.
_SPLITS = {"training": "train", "train": "train", "validation": "val", "val": "val", "test": "test"}


def recognises(path: Path) -> bool:
    """Whether a file, or one of the first JSON files in a folder, is such an annotation."""
    some = [path] if path.is_file() else itertools.islice(finding.each(path, _is_json), _LOOKED_AT)
    return any(has_words(one, "trajectories", "relation_instances") for one in some)


def opened(path: Path, words: Vocabulary | None, every: int) -> SceneCollection:
    """The videos of a file, or of a folder with all below it.

    Args:
      path: it.
      words: names of another set that these are to be numbered by; None: their own.
      every: one frame in so many is taken, the first among them.

    Raises:
      UserError: a file in another form.
    """
    paths = [path] if path.is_file() else finding.walk(path, _is_json)
    if words is None:
        words = frames.words_of(str(path), *_names(paths))
    videos = [
        NamedScene(one.stem, _split(one, path), functools.partial(_scene, one, words, every))
        for one in paths
    ]
    untold = any(not video.split for video in videos)
    if untold:  # some lie elsewhere: folders do not tell the splits
        videos = [NamedScene(video.name, "", video.read) for video in videos]
    return SceneCollection(str(path), KIND, words, tuple(videos))


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


def _split(path: Path, root: Path) -> str:
    folders = path.relative_to(root).parts[:-1] if path != root else ()
    return next((_SPLITS[name] for name in (root.name, *folders) if name in _SPLITS), "")


def _names(paths: Iterable[Path]) -> tuple[set[str], set[str]]:
    """All categories and all predicates."""
    objects, predicates = set[str](), set[str]()
    for path in paths:
        row = read_object(path, _EXPECTED)
        try:
            objects |= {str(one["category"]) for one in row["subject/objects"]}
            predicates |= {str(one["predicate"]) for one in row["relation_instances"]}
        except (KeyError, TypeError) as error:
            raise _other(path, error) from error
    return objects, predicates


def _scene(path: Path, words: Vocabulary, every: int) -> Scene:
    row = read_object(path, _EXPECTED)
    try:
        found = _frames(path.stem, row, every)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise _other(path, error) from error
    return frames.scene(str(path), words, found)


def _other(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: is in another form ({type(error).__name__}: {error}). {_EXPECTED}")


def _frames(name: str, row: Mapping[str, Any], every: int) -> list[AnnotatedFrame]:
    """Those of the frames that have a box; a relation counts where both its boxes are there."""
    classes = {one["tid"]: str(one["category"]) for one in row["subject/objects"]}
    for one in row["relation_instances"]:
        for key in ("subject_tid", "object_tid"):
            if one[key] not in classes:  # it would hold of no box
                raise ValueError(f"a relation's {key} {one[key]!r} is none of subject/objects")
    size, rate = (int(row["width"]), int(row["height"])), float(row["fps"])
    found = []
    for number in range(0, len(row["trajectories"]), every):
        boxes = {one["tid"]: one["bbox"] for one in row["trajectories"][number]}
        place = {tid: at for at, tid in enumerate(boxes)}
        relations = [
            (place[one["subject_tid"]], str(one["predicate"]), place[one["object_tid"]])
            for one in row["relation_instances"]
            if one["begin_fid"] <= number < one["end_fid"]
            and one["subject_tid"] in place
            and one["object_tid"] in place
        ]
        if boxes:
            corners = [
                (float(box["xmin"]), float(box["ymin"]), float(box["xmax"]), float(box["ymax"]))
                for box in boxes.values()
            ]
            labels = [classes[tid] for tid in boxes]
            found.append(
                AnnotatedFrame(
                    f"{name}/{number:06d}.jpg",
                    size,
                    corners,
                    labels,
                    [1.0] * len(labels),
                    relations,
                    time=number / rate,
                )
            )
    return found
