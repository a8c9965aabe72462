"""The kinds of files that hold scenes, by name."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import lookup, shards
from jaxsign.input.folders import finding
from jaxsign.input.scenes import (
    action_genome,
    coco,
    detect_table,
    easg,
    easg_files,
    easg_scenes,
    features,
    layout,
    scene,
    store,
    vidor,
    vocabulary,
)
from jaxsign.input.scenes.collection import NamedScene, SceneCollection
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

SCENES, FILES, STORE = "scenes", "scene_files", "scene_store"
WRITTEN = SCENES, FILES, STORE


@dataclasses.dataclass(frozen=True)
class SceneKind:
    """A kind of files.

    Attributes:
      looks: what they look like.
      recognises: whether a path is of this kind.
      opened: path, the names to number by (None: its own), one frame in so many -> its videos.
    """

    looks: str
    recognises: Callable[[Path], bool]
    opened: Callable[[Path, Vocabulary | None, int], SceneCollection]


def of_path(path: Path) -> str:
    """The name of the kind that a path is of; '' = none."""
    return next((name for name, kind in KINDS.items() if kind.recognises(path)), "")


def opened(
    path: Path, name: str = "", words: Vocabulary | None = None, every: int = 1
) -> SceneCollection:
    """The videos of a path.

    Args:
      path: a file or folder.
      name: of its kind; '' = found out.
      words: names that they are to be numbered by; None: their own.
      every: one frame in so many is taken; for annotations of every frame.

    Raises:
      UserError: nothing of a known kind, or what is wrong with it.
    """
    name = name or of_path(path)
    if name not in KINDS:
        known = "".join(f"\n  {key:<14} {kind.looks}" for key, kind in KINDS.items())
        near = did_you_mean(name, KINDS) if name else ""
        raise UserError(f"{path}: holds no scenes of a known kind.{near} Known:{known}")
    return KINDS[name].opened(path, words, every)


def _is_files(path: Path) -> bool:
    wanted = finding.ending(scene.SUFFIX)
    return wanted(path.name) if path.is_file() else finding.holds(path, wanted)


def _of_files(path: Path, words: Vocabulary | None, every: int) -> SceneCollection:
    _refuse(path, FILES, words, every)
    paths = scene.files_of(path)
    if not paths:
        raise UserError(f"{path}: holds no *{scene.SUFFIX}")
    first = scene.load(next(iter(paths.values()))).vocabulary
    told = detect_table.splits(path)
    videos = [
        NamedScene(name, told.get(one.name, ""), functools.partial(_load, one, first))
        for name, one in paths.items()
    ]
    return SceneCollection(str(path), FILES, first, tuple(videos))


def _load(path: Path, words: Vocabulary) -> Scene:
    found = scene.load(path)
    vocabulary.check_same(found.vocabulary, words, str(path))
    return found


def _of_store(path: Path, words: Vocabulary | None, every: int) -> SceneCollection:
    _refuse(path, STORE, words, every)
    found = store.opened(path)
    videos = [
        NamedScene(name, split, functools.partial(found.read, row))
        for row, (name, split) in enumerate(zip(found.names, found.splits, strict=True))
    ]
    return SceneCollection(str(path), STORE, found.vocabulary, tuple(videos))


def _of_layout(path: Path, words: Vocabulary | None, every: int) -> SceneCollection:
    _refuse(path, SCENES, words, every)
    found = layout.read(layout.folder_of(path) or path)
    videos = [
        NamedScene(
            video.name, video.split, functools.partial(_featured, video.features, video.scene)
        )
        for video in found.videos
    ]
    pictures = found.folder / layout.PICTURES
    return SceneCollection(str(path), SCENES, found.vocabulary, tuple(videos), pictures)


def _of_genome(path: Path, given: Vocabulary | None, every: int) -> SceneCollection:
    _refuse(path, "action_genome", given, every)
    files, there = action_genome.annotations(path), _features_in(path)
    splits: tuple[action_genome.Split, ...] = "train", "test"
    videos = [
        _annotated(there, Path(one.source).name, split, one)
        for split in splits
        for one in action_genome.of_split(files, action_genome.Options(split)).scenes
    ]
    words = vocabulary.ACTION_GENOME
    return SceneCollection(str(path), "action_genome", words, tuple(videos), path / "frames")


def _of_easg(path: Path, given: Vocabulary | None, every: int) -> SceneCollection:
    _refuse(path, "easg", given, every)
    files, there = easg_files.annotations(path), _features_in(path)
    words = easg_scenes.vocabulary(files.words)
    videos = [
        _annotated(there, one.name, split, easg_scenes.scene(one, words, f"{path}: {one.name}"))
        for split in easg.SPLITS
        for one in easg.of_split(files, split).videos
    ]
    return SceneCollection(str(path), "easg", words, tuple(videos), path / "frames")


def _features_in(folder: Path) -> lookup.Lookup | None:
    """Files of features, where the folder has some."""
    place = folder / features.FOLDER
    return lookup.Lookup(place, ".npz") if place.is_dir() else None


def _annotated(there: lookup.Lookup | None, name: str, split: str, one: Scene) -> NamedScene:
    file = there.path(name) if there else None
    return NamedScene(name, split, functools.partial(_featured, file, one))


def _featured(file: Path | None, one: Scene) -> Scene:
    return one if file is None else features.opened(file, one).read()


def _refuse(path: Path, name: str, words: Vocabulary | None, every: int) -> None:
    if words is not None or every != 1:
        raise UserError(
            f"{path}: is of kind {name}, whose classes and frames are taken as they are. --classes "
            f"and --every go with {coco.KIND} and {vidor.KIND}"
        )


KINDS = {
    SCENES: SceneKind(f"folder with {layout.LIST} and {layout.CLASSES}",
                 lambda path: layout.folder_of(path) is not None, _of_layout),
    "action_genome": SceneKind(f"folder with {action_genome.PERSONS} and {action_genome.OBJECTS}",
                          action_genome.recognises, _of_genome),
    "easg": SceneKind(f"folder with {' or '.join(easg_files.ANNOTATIONS)}",
                      easg_files.recognises, _of_easg),
    coco.KIND: SceneKind(coco.LOOKS, coco.recognises, coco.opened),
    vidor.KIND: SceneKind(vidor.LOOKS, vidor.recognises, vidor.opened),
    STORE: SceneKind(f"folder with {shards.ABOUT}, {store.INDEX} and {store.STEM}-*.array_record",
                     store.recognises, _of_store),
    FILES: SceneKind(f"NAME{scene.SUFFIX}, or a folder of them", _is_files, _of_files),
}  # fmt: skip
