"""Where scenes come from: files of one folder, Action Genome, or code and a seed."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from ml_collections import ConfigDict

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input.folders import progress
from jaxsign.input.scenes import (
    action_genome,
    detect_table,
    easg,
    easg_files,
    easg_scenes,
    features,
    genome_videos,
    kinds,
    layout,
    scene,
    scene_source,
    store,
    synthetic,
    synthetic_actions,
    vocabulary,
)
from jaxsign.input.scenes.outlines import outline
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.scene_source import Head, SceneSource, annotated, completed
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.sections.data import SPLITS

SCENES = "scenes"
_MADE = {"synthetic_scenes": synthetic.scenes, "synthetic_actions": synthetic_actions.scenes}
ACTION_GENOME, EASG = "action_genome", "easg"
_KNOWN = ACTION_GENOME, EASG, SCENES, *_MADE
Found = TypeVar("Found")
_SPLITS = *SPLITS, "training", "validation", "valid"  # what folders of them are called


def open_source(data: ConfigDict, split: str, mode: str = "predcls") -> SceneSource:
    """The scenes of a split, all checked.

    Args:
      data: a recipe's `config.data`.
      split: 'train', 'val' or 'test'.
      mode: the net's; which boxes of Action Genome are taken depends on it.

    Raises:
      UserError: no scenes, one of them damaged, or of other classes than the first.
    """
    _check_known(data)
    if data.source in _MADE:
        made = _MADE[data.source](data[data.source], split)
        return SceneSource(
            f"{data.source.replace('_', ' ')} ({split})",
            [one.source for one in made],
            made[0].vocabulary,
            [outline(one) for one in made],
            made.__getitem__,
        )
    if data.source == ACTION_GENOME:
        return _of_genome(data, split, mode)
    if data.source == EASG:
        return _of_easg(data, split)
    found = of_folder(_place(data, split), split)
    return _shared(found, data.val_share, split) if _is_shared(data, split) else found


def check_places(data: ConfigDict) -> None:
    """Looks whether there is something where data of training and validation shall lie.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    _check_known(data)
    for split in ("train", "val") if data.source == SCENES else ():
        if not (path := _place(data, split)).exists():
            raise UserError(f"data.{split}.path={path}: no such file or folder")


def has(data: ConfigDict, split: str) -> bool:
    """Whether `config.data` tells of scenes of a split."""
    if data.source != SCENES or data[split].path:
        return True
    return bool(data.train.path) and (split != "test" or _is_split(data))


def made_by_code(data: ConfigDict) -> bool:
    """Whether scenes need no files."""
    return data.source in _MADE


def kind_of(folder: Path) -> str:
    """The `data.source` that reads a folder's files."""
    if action_genome.recognises(folder):
        return ACTION_GENOME
    return EASG if easg_files.recognises(folder) else SCENES


def _check_known(data: ConfigDict) -> None:
    if data.source in _KNOWN:
        return
    near = did_you_mean(data.source, _KNOWN)
    raise UserError(
        f"data.source={data.source!r} holds no scenes.{near} Known: {', '.join(_KNOWN)}"
    )


def _of_genome(data: ConfigDict, split: str, mode: str) -> SceneSource:
    videos = genome_videos.of_split(data, split, mode)
    name, words, remarks = f"{videos.folder} ({split})", vocabulary.ACTION_GENOME, videos.remarks
    if mode == "sgdet":
        remarks += (
            f"{videos.folder}: boxes are the annotated ones, not a detector's: net.mode=sgdet "
            "learns from boxes of a detector where scenes hold such (jaxsign detect), or where a "
            "detector looks at the frames (net.detector)",
        )
    files = genome_videos.files(videos, data)
    return annotated(name, videos.ids, words, videos.scenes, files, remarks)


def _of_easg(data: ConfigDict, split: str) -> SceneSource:
    folder = Path(data[split].path or data.train.path)
    if not easg_files.recognises(folder):
        raise UserError(
            f"data.train.path={data.train.path}: is no folder of EASG. Expected "
            f"{' or '.join(easg_files.ANNOTATIONS)} in it"
        )
    found = easg.read(folder, "train" if split == "train" else "val")
    words = easg_scenes.vocabulary(found.words)
    scenes = [easg_scenes.scene(one, words, f"{folder}: {one.name}") for one in found.videos]
    if not scenes:
        raise UserError(f"{folder}: holds no video of {split}")
    ids, place = [one.name for one in found.videos], folder / features.FOLDER
    files = features.of_videos(place, ids, scenes) if place.is_dir() else None
    remarks = [f"{folder}: left out: {what}: {n}" for what, n in sorted(found.left_out.items())]
    return annotated(f"{folder} ({split})", ids, words, scenes, files, remarks)


def _place(data: ConfigDict, split: str) -> Path:
    path = data[split].path
    if not path and (_is_split(data) or _is_shared(data, split)):
        path = data.train.path
    if not path:
        raise UserError(
            f"data.{split}.path is empty: set --config.data.{split}.path to the folder of this "
            f"split's scenes, or give every video a split in the {layout.LIST} of data.train.path, "
            "or in the store there"
        )
    return Path(path)


def _is_split(data: ConfigDict) -> bool:
    """Whether the videos of data.train.path tell to which split they belong."""
    whole = Path(data.train.path)
    kinds = layout.is_split, store.is_split, detect_table.splits
    return bool(data.train.path) and any(tells(whole) for tells in kinds)


def _is_shared(data: ConfigDict, split: str) -> bool:
    """Whether train and val are shares of one folder, as nothing tells where val is."""
    return split != "test" and not data.val.path and not _is_split(data)


def _shared(source: SceneSource, share: float, split: str) -> SceneSource:
    advice = "set data.val.path, or give every video a split"
    numbers = np.arange(len(source.ids))
    rows = genome_videos.share_of(numbers, share, split, source.name, advice).tolist()
    return dataclasses.replace(
        source,
        ids=[source.ids[row] for row in rows],
        outlines=[source.outlines[row] for row in rows],
        read=functools.partial(_chosen, source.read, rows),
        heads=source.heads and functools.partial(_chosen, source.heads, rows),
        bare=source.bare and functools.partial(_chosen, source.bare, rows),
    )


def of_folder(folder: Path, split: str = "", left_out: list[str] | None = None) -> SceneSource:
    """The scenes of a folder, or of a single file; each is read and checked.

    Args:
      folder: of `*.scene.npz`, taken in the order of their names, in the open layout, or a store;
        or one scene file.
      split: videos of this one, where the folder tells of splits; '' = all.
      left_out: gets what is wrong with scene files that cannot be read; they are then left out, if
        there are others. None = they are an error.

    Raises:
      UserError: none, or all that is wrong with them.
    """
    if (place := layout.folder_of(folder)) is not None:
        return _of_layout(layout.read(place), split)
    if store.recognises(folder):
        return _of_store(store.opened(folder), split)
    paths = _scene_files(folder)
    if split and (shares := detect_table.splits(folder)):
        paths = {name: path for name, path in paths.items() if shares.get(path.name) == split}
        if not paths:
            told = ", ".join(sorted(set(shares.values())))
            raise UserError(f"{folder}: holds no scenes of {split}; it has scenes of {told}")
    elif split and (apart := {name.partition("/")[0] for name in paths} & {*_SPLITS}):
        raise UserError(
            f"{folder}: holds folders of splits ({', '.join(sorted(apart))}). Give each by itself: "
            f"--config.data.{split}.path={folder / split}"
        )
    words: Vocabulary | None = None
    ids, good, outlines, problems = [], [], [], list[str]()
    hidden = len(paths) < scene_source.MANY
    for name, path in progress.over("reading scenes", paths.items(), len(paths), hidden=hidden):
        try:
            found = scene.load(path)
            words = words or found.vocabulary
            vocabulary.check_same(found.vocabulary, words, str(path))
            outlines.append(outline(found))
            good.append(path)
            ids.append(name)
        except UserError as error:
            problems.append(str(error))
    if words is None or (problems and left_out is None):
        raise UserError(f"{folder}: {len(problems)} bad scenes:\n{listing(problems)}")
    if left_out is not None:
        left_out += problems
    read, head = functools.partial(_loaded, good), functools.partial(_head, good)
    return completed(SceneSource(str(folder), ids, words, outlines, read, heads=head))


def _scene_files(place: Path) -> Mapping[str, Path]:
    """The scene files of a place by their names.

    Raises:
      UserError: there is none, or two of one name.
    """
    if not place.exists():
        raise UserError(f"{place}: no such folder. Expected one of *{scene.SUFFIX}")
    found = scene.files_of(place)
    if found:
        return found
    if other := kinds.of_path(place):
        raise UserError(
            f"{place}: holds annotations of kind {other}. Make scenes of them first: jaxsign "
            f"convert {place} --out SCENES"
        )
    if not place.is_dir():
        reading.check(place)
    raise UserError(f"{place}: holds no *{scene.SUFFIX}, and no {layout.LIST}")


def _of_layout(found: layout.OpenLayout, split: str) -> SceneSource:
    videos = (found.of_split(split) if split else found).videos
    name, ids = str(found.folder), [video.name for video in videos]
    opened, problems = layout.opened(videos)
    if problems:
        raise UserError(
            f"{name}: {len(problems)} videos without good features:\n{listing(problems)}"
        )
    scenes = [video.scene for video in videos]
    return annotated(name, ids, found.vocabulary, scenes, opened or None, ())


def _of_store(found: store.SceneStore, split: str) -> SceneSource:
    found = found.of_split(split) if split else found
    name, words = str(found.folder), found.vocabulary
    return completed(SceneSource(name, found.names, words, found.outlines, found.read))


# Functions of their own, which worker processes can be sent.


def _loaded(paths: Sequence[Path], index: int) -> Scene:
    return scene.load(paths[index])


def _head(paths: Sequence[Path], index: int) -> Head:
    return scene.head(paths[index])


def _chosen(read: Callable[[int], Found], rows: Sequence[int], index: int) -> Found:
    return read(rows[index])
