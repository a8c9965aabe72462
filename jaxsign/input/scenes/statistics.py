"""What there is to count in videos of boxes and relations."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.folders import progress
from jaxsign.input.scenes.collection import SceneCollection
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import BACKGROUND


@dataclasses.dataclass(frozen=True)
class SceneStatistics:
    """Counts over the videos that were read; all of it can be written as JSON.

    Attributes:
      path, kind: of the collection.
      videos, read, unreadable: how many there are, were read, and could not be.
      splits: videos of each.
      features: what features the videos hold, such as '2048 a box', and how many do.
      frames: of each video; boxes, pairs: of each frame.
      objects: boxes of each class, the commonest first.
      relations: group -> labelled pairs of each of its predicates, the commonest first.
      labelled: pairs that are labelled.
      problems: what could not be read, and why.
    """

    path: str
    kind: str
    videos: int
    read: int
    unreadable: int
    splits: Mapping[str, int]
    features: Mapping[str, int]
    frames: Sequence[int]
    boxes: Sequence[int]
    pairs: Sequence[int]
    objects: Mapping[str, int]
    relations: Mapping[str, Mapping[str, int]]
    labelled: int
    problems: Sequence[str]


def count(
    collection: SceneCollection, chosen: Sequence[int], *, quiet: bool = True
) -> SceneStatistics:
    """Reads the chosen videos and counts.

    Args:
      collection: of them.
      chosen: which are read.
      quiet: no bar.

    Raises:
      UserError: none of them can be read.
    """
    words = collection.vocabulary
    objects = np.zeros(len(words.objects), np.int64)
    relations = np.zeros(len(words.predicates), np.int64)
    frames, boxes, pairs = list[int](), list[int](), list[int]()
    features, problems, labelled = collections.Counter[str](), list[str](), 0
    for number in progress.over("reading scenes", chosen, len(chosen), hidden=quiet):
        try:
            one = collection.videos[number].read()
        except UserError as error:
            problems.append(str(error))
            continue
        frames.append(len(one))
        boxes += one.boxes_of_frames.tolist()
        pairs += one.pairs_of_frames.tolist()
        objects += np.bincount(one.labels, minlength=len(objects))
        relations += one.relations[one.labelled].sum(axis=0)
        labelled += int(one.labelled.sum())
        features[_features(one)] += 1
    if not frames:
        raise UserError(f"{collection.name}: no video can be read. First: {problems[0]}")
    return SceneStatistics(
        collection.name,
        collection.kind,
        len(collection.videos),
        len(chosen),
        len(problems),
        dict(collections.Counter(video.split for video in collection.videos if video.split)),
        {name: number for name, number in features.most_common() if name},
        frames,
        boxes,
        pairs,
        _ranked(dict(zip(words.objects, objects.tolist(), strict=True)), BACKGROUND),
        {
            group.name: _ranked(dict(zip(group.predicates, relations[part].tolist(), strict=True)))
            for group, part in zip(words.groups, words.parts, strict=True)
        },
        labelled,
        problems,
    )


def _features(one: Scene) -> str:
    parts = []
    if one.features is not None:
        parts.append(f"{one.features.shape[-1]} a box")
    if one.union_features is not None:
        parts.append(f"7 x 7 x {one.union_features.shape[-1]} a pair ({one.union_features.dtype})")
    if one.distribution is not None:
        parts.append("a distribution of classes")
    return ", ".join(parts)


def _ranked(counts: Mapping[str, int], without: str = "") -> dict[str, int]:
    """The commonest first; `without` is left out where it never occurs."""
    kept = {name: number for name, number in counts.items() if name != without or number}
    return dict(sorted(kept.items(), key=lambda row: -row[1]))
