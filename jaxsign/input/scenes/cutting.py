"""Frames taken out of scenes, and scenes put one behind the other."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
_OF_FRAMES = ("image_sizes", "times")
_OF_BOXES = ("boxes", "box_frames", "labels", "scores", "distribution", "features")
_OF_PAIRS = ("pairs", "pair_frames", "relations", "labelled", "union_features")
_FRESH = ("box_frames", "pair_frames", "pairs")


def frames(scene: Scene) -> Iterator[Scene]:
    """Every frame as a scene of its own, with its boxes and pairs; truth and actions are left."""
    for number in range(len(scene)):
        yield _frame(scene, number)


def _frame(scene: Scene, number: int) -> Scene:
    at = slice(number, number + 1)
    boxes = slice(*np.searchsorted(scene.box_frames, (number, number + 1)))
    pairs = slice(*np.searchsorted(scene.pair_frames, (number, number + 1)))
    held = {
        **_taken(scene, _OF_FRAMES, at),
        **_taken(scene, _OF_BOXES, boxes),
        **_taken(scene, _OF_PAIRS, pairs),
    }
    held["box_frames"] = np.zeros(len(scene.boxes[boxes]), np.int32)
    held["pair_frames"] = np.zeros(len(scene.pairs[pairs]), np.int32)
    held["pairs"] = scene.pairs[pairs] - boxes.start
    rest = {"frames": scene.frames[at], "frame_graphs": None, "verb_features": None, "truth": None}
    return dataclasses.replace(scene, **held, **rest)


def _taken(scene: Scene, names: Sequence[str], rows: slice) -> dict[str, Array | None]:
    held: dict[str, Array | None] = {name: scene.__dict__[name] for name in names}
    return {name: None if value is None else value[rows] for name, value in held.items()}


def joined(scenes: Sequence[Scene]) -> Scene:
    """Scenes of like arrays, whose frames have names of their own, as one; see `frames`.

    Raises:
      UserError: their frames' names or times do not follow each other.
    """
    first = scenes[0]
    if len(scenes) == 1:
        return first
    frames_before = np.cumsum([0, *map(len, scenes)])
    boxes_before = np.cumsum([0, *(len(one.boxes) for one in scenes)])
    held: dict[str, Array | None] = {}
    for name in (*_OF_FRAMES, *_OF_BOXES, *_OF_PAIRS):
        parts = [one.__dict__[name] for one in scenes]
        if name in _FRESH:
            starts = boxes_before if name == "pairs" else frames_before
            parts = [part + start for part, start in zip(parts, starts[:-1], strict=True)]
        held[name] = None if parts[0] is None else np.concatenate(parts)
    names = tuple(name for one in scenes for name in one.frames)
    rest = {"frames": names, "frame_graphs": None, "verb_features": None, "truth": None}
    return dataclasses.replace(first, **held, **rest)
