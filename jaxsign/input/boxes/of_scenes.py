"""Frames of scenes as images with boxes."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, listing
from jaxsign.input import lookup
from jaxsign.input.boxes import annotating
from jaxsign.input.boxes.source import BoxedImage, BoxSource
from jaxsign.input.scenes import pictures, rendered, sources, synthetic
from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
FRAMES = "frames"


@dataclasses.dataclass(frozen=True)
class _Frame:
    """A frame of one of many scenes."""

    scene: int
    number: int


def made_up(data: ConfigDict, split: str) -> BoxSource:
    """The made-up scenes of `data.synthetic_scenes`, as pictures.

    Raises:
      UserError: settings that make no videos.
    """
    scenes = synthetic.scenes(data.synthetic_scenes, split)
    return of(f"synthetic scenes ({split})", scenes, functools.partial(_rendered, scenes))


def of_files(data: ConfigDict, split: str) -> BoxSource:
    """The frames of scenes in files: Action Genome's, or one's own, with `frames` in their folder.

    Raises:
      UserError: what is wrong with the scenes, or frames that are absent.
    """
    found = sources.open_source(data, split)
    place = Path(data[split].path or data.train.path)
    folder = (place if place.is_dir() else place.parent) / FRAMES
    scenes, there = [*found.scenes()], lookup.Lookup(folder)
    absent = [name for one in scenes for name in one.frames if not there.path(name).is_file()]
    if absent:
        raise UserError(
            f"{found.name}: {len(absent)} frames are absent in {folder}:\n{listing(absent)}\n"
            "Extract them from the films"
        )
    made = of(found.name, scenes, functools.partial(_from_file, scenes, there))
    return dataclasses.replace(made, remarks=(*found.remarks, *made.remarks))


def kind_of(path: Path) -> str:
    """The `data.source` of a folder of scenes."""
    return sources.kind_of(path)


def of(name: str, scenes: Sequence[Scene], picture: Callable[[int, int], Array]) -> BoxSource:
    """The frames of scenes of one vocabulary.

    Args:
      name: for messages.
      scenes: with boxes.
      picture: (scene, frame) -> uint8 [H, W, 3].
    """
    at = [_Frame(i, n) for i, one in enumerate(scenes) for n in range(len(one))]
    told = Counter[str]()
    images = [_annotations(scenes[one.scene], one.number, told) for one in at]
    read = functools.partial(_read, at, picture)
    names = tuple(scenes[0].vocabulary.objects)
    return BoxSource(name, names, images, read, annotating.remarks(name, told))


def _annotations(scene: Scene, number: int, told: Counter[str]) -> BoxedImage:
    rows = scene.box_frames == number
    width, height = (int(side) for side in scene.image_sizes[number])
    boxes, kept = annotating.cut(scene.boxes[rows], (width, height), told)
    labels = scene.labels[rows][kept].astype(np.int32)
    ignored = np.zeros(len(labels), bool)
    return BoxedImage(scene.frames[number], (width, height), boxes[kept], labels, ignored)


# Functions of their own, which worker processes can be sent.


def _read(at: Sequence[_Frame], picture: Callable[[int, int], Array], index: int) -> Array:
    return picture(at[index].scene, at[index].number)


def _from_file(scenes: Sequence[Scene], there: lookup.Lookup, scene: int, number: int) -> Array:
    known = scenes[scene]
    path = there.path(known.frames[number])
    image = pictures.read(path)
    width, height = (int(side) for side in known.image_sizes[number])
    if image.shape[1::-1] != (width, height):
        raise UserError(
            f"{path}: is {image.shape[1]} x {image.shape[0]} pixels, its scene's boxes are told of "
            f"{width} x {height}: they would lie elsewhere. Extract frames in the film's own size"
        )
    return image


def _rendered(scenes: Sequence[Scene], scene: int, number: int) -> Array:
    return rendered.frame(scenes[scene], number)
