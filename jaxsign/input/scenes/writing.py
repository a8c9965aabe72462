"""Writes scenes: a folder in the open layout, scene files or a store; whole or not at all."""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files, names
from jaxsign.input.folders import progress
from jaxsign.input.scenes import kinds, layout, scene, store
from jaxsign.input.scenes.collection import NamedScene, SceneCollection
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.signs import formats
from jaxsign.whole import write_text

FEATURES = "features"


@dataclasses.dataclass(frozen=True)
class WrittenScenes:
    """What was written.

    Attributes:
      kind: one of `kinds.WRITTEN`.
      count: videos.
      skipped: what could not be read or written, and why.
      losses: what is not in it.
    """

    kind: str
    count: int
    skipped: list[str]
    losses: list[str]


def write(
    collection: SceneCollection,
    out: Path,
    kind: str = "auto",
    *,
    strict: bool = False,
    float16: bool = False,
) -> WrittenScenes:
    """Writes a collection to a new or empty folder, or its only video to a `.scene.npz`.

    Args:
      collection: it.
      out: where to.
      kind: `kinds.SCENES` (the open layout), `kinds.FILES`, `kinds.STORE` ('store' for short), or
        'auto': files where the name of `out` says so, else the open layout.
      strict: a video that cannot be read is an error; else it is left out.
      float16: of a store: union features are rounded to half the size.

    Raises:
      UserError: `out` is in use, another kind, a bad video if `strict`, or no good one at all.
    """
    alone = out.name.endswith(scene.SUFFIX)
    kind = {"auto": kinds.FILES if alone else kinds.SCENES, "store": kinds.STORE}.get(kind, kind)
    if kind not in kinds.WRITTEN:
        raise UserError(f"--to {kind}: scenes are written as {', '.join(kinds.WRITTEN)}")
    if float16 and kind != kinds.STORE:
        raise UserError(f"--float16: goes with --to {kinds.STORE}. Leave it out")
    formats.check_out(out)
    if alone and kind == kinds.FILES:
        if len(collection.videos) != 1:
            raise UserError(
                f"{out} is the name of one file, but {collection.name} holds "
                f"{len(collection.videos)} videos. Give a folder."
            )
        collection.videos[0].read().save(out)
        return WrittenScenes(kind, 1, [], [])
    skipped: list[str] = []
    losses: set[str] = set()
    place = out.resolve() if out.is_symlink() else out
    with formats.drafted(place) as draft:
        good = _good(collection, skipped, strict=strict)
        if kind == kinds.FILES:
            count = len([one.save(draft / f"{video.name}{scene.SUFFIX}") for video, one in good])
        elif kind == kinds.STORE:
            count = _store(draft, collection, good, float16=float16)
        else:
            count = _layout(draft, collection, good, losses)
        if not count:
            first = f" First: {skipped[0]}" if skipped else ""
            raise UserError(f"{collection.name}: no video could be written.{first}")
        formats.settle(draft, place)
    if float16:
        losses.add("float16 rounds union features to about one part in 2,000")
    return WrittenScenes(kind, count, skipped, sorted(losses))


def _good(
    collection: SceneCollection, skipped: list[str], *, strict: bool
) -> Iterator[tuple[NamedScene, Scene]]:
    """The videos that can be read, and whose names serve for files, each name once."""
    seen: set[str] = set()
    for video in progress.over("writing", collection.videos, len(collection.videos)):
        try:
            if video.name in seen:
                raise UserError(f"{collection.name}: {video.name!r} is the name of two videos")
            if wrong := names.problem(video.name):
                raise UserError(f"{collection.name}: {wrong}. Rename the video")
            found = video.read()
        except UserError as error:
            if strict:
                raise
            skipped.append(str(error))
            continue
        seen.add(video.name)
        yield video, found


def _store(
    folder: Path,
    collection: SceneCollection,
    videos: Iterator[tuple[NamedScene, Scene]],
    *,
    float16: bool,
) -> int:
    made_from = f"{collection.name} ({collection.kind})"
    writer = store.SceneStoreWriter(folder, collection.vocabulary, made_from, float16=float16)
    count = 0
    for video, one in videos:
        writer.add(video.name, video.split, one)
        count += 1
    if count:
        writer.finish()
    return count


def _layout(
    folder: Path,
    collection: SceneCollection,
    videos: Iterator[tuple[NamedScene, Scene]],
    losses: set[str],
) -> int:
    words = json.loads(collection.vocabulary.to_json())
    write_text(folder / layout.CLASSES, json.dumps(words, indent=1, ensure_ascii=False) + "\n")
    count = 0
    with open(folder / layout.LIST, "w", encoding="utf-8") as file:
        for video, one in videos:
            _add(file, folder, video, one, losses)
            count += 1
    return count


def _add(file: IO[str], folder: Path, video: NamedScene, one: Scene, losses: set[str]) -> None:
    if one.frame_graphs is not None:
        losses.add("graphs of actions are left out: scene files and stores keep them")
    row: dict[str, Any] = {"name": video.name} | ({"split": video.split} if video.split else {})
    if one.features is not None and one.union_features is not None:
        row["features"] = f"{FEATURES}/{video.name}.npz"
        files.write_npz(folder / row["features"], _features(one))
    elif one.features is not None or one.union_features is not None:
        losses.add("features of boxes or of pairs alone are left out: the layout has both or none")
    elif not one.labelled.all():
        losses.add("pairs that nobody labelled are left out where there are no features")
    file.write(json.dumps(row | {"frames": _frames(one)}, ensure_ascii=False) + "\n")


def _features(one: Scene) -> dict[str, np.ndarray]:
    names = "frames", "boxes", "pairs", "features", "union_features", "distribution"
    held = one.arrays()
    return {name: held[name] for name in names if name in held}


def _frames(one: Scene) -> list[dict[str, Any]]:
    """The frames as the list has them."""
    words, first = one.vocabulary, np.cumsum([0, *one.boxes_of_frames])
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(one.frames):
        width, height = one.image_sizes[number].tolist()
        row: dict[str, Any] = {"file": name, "width": width, "height": height}
        if one.times is not None:
            row["time"] = float(one.times[number])
        boxes = range(first[number], first[number + 1])
        row["boxes"] = [
            {"box": _plain(one.boxes[box]), "label": words.objects[one.labels[box]]}
            | ({"score": _plain(one.scores[[box]])[0]} if one.scores[box] != 1 else {})
            for box in boxes
        ]
        rows.append(row | _told(one, number, int(first[number])))
    return rows


def _told(one: Scene, frame: int, first: int) -> dict[str, Any]:
    """A frame's relations, and the labelled pairs that have none."""
    chosen = np.flatnonzero((one.pair_frames == frame) & one.labelled)
    pairs = [(one.pairs[row] - first).tolist() for row in chosen]
    names = [
        list(itertools.compress(one.vocabulary.predicates, one.relations[row])) for row in chosen
    ]
    bare = [pair for pair, told in zip(pairs, names, strict=True) if not told]
    relations = [
        [subject, name, other]
        for (subject, other), told in zip(pairs, names, strict=True)
        for name in told
    ]
    return {"relations": relations} | ({"pairs": bare} if bare else {})


def _plain(values: np.ndarray) -> list[float]:
    """Numbers in as few digits as tell them in single precision."""
    return [float(str(value)) for value in values.astype(np.float32)]
