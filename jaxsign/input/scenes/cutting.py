"""Frames taken out of scenes, and scenes put one behind the other; truth and actions are left."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxsign.input.scenes import scene as scenes
from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
_OF_FRAMES = ("image_sizes", "times")
_OF_BOXES = ("boxes", "box_frames", "labels", "scores", "distribution", "features")
_OF_PAIRS = ("pairs", "pair_frames", "relations", "labelled", "union_features")
_NUMBERS = {"box_frames": "frames", "pair_frames": "frames", "pairs": "boxes"}  # of what


def frames(scene: Scene) -> Iterator[Scene]:
    """Every frame as a scene of its own, with its boxes and pairs."""
    own = scene.known
    for number in range(len(scene)):
        at = (number, number + 1)
        boxes, pairs = (np.searchsorted(of, at) for of in (scene.box_frames, scene.pair_frames))
        held = _taken(own, _OF_FRAMES, *at)
        held |= _taken(own, _OF_BOXES, *boxes.tolist()) | _taken(own, _OF_PAIRS, *pairs.tolist())
        starts = {"frames": number, "boxes": boxes[0]}
        held |= {name: held[name] - starts[of] for name, of in _NUMBERS.items()}
        yield scenes.built(
            scene.source, scene.vocabulary, scene.frames[number : number + 1], held, scene.detector
        )


def _taken(
    own: Mapping[str, Array], names: Sequence[str], start: int, stop: int
) -> dict[str, Array]:
    return {name: own[name][start:stop] for name in names if name in own}


def joined(several: Sequence[Scene]) -> Scene:
    """Scenes of like arrays, whose frames have names of their own, as one; see `frames`.

    Raises:
      UserError: two frames have one name, or times that decrease.
    """
    first = several[0]
    if len(several) == 1:
        return first
    starts = {
        "frames": np.cumsum([0, *map(len, several)]),
        "boxes": np.cumsum([0, *(len(one.boxes) for one in several)]),
    }
    owned, held = [one.known for one in several], {}
    for name in (*_OF_FRAMES, *_OF_BOXES, *_OF_PAIRS):
        if name not in owned[0]:
            continue
        parts = [own[name] for own in owned]
        if name in _NUMBERS:
            before = starts[_NUMBERS[name]].tolist()
            parts = [part + start for part, start in zip(parts, before, strict=False)]
        held[name] = np.concatenate(parts)
    names = tuple(name for one in several for name in one.frames)
    return scenes.built(first.source, first.vocabulary, names, held, first.detector)


def frames_of(known: Scene, kept: Array) -> Scene:
    """Some frames of a scene, int [F'] in order, without features, actions and truth."""
    number = np.full(len(known), -1)
    number[kept] = np.arange(len(kept))
    boxes, told = number[known.box_frames] >= 0, number[known.pair_frames] >= 0
    places = np.cumsum(boxes) - 1
    return dataclasses.replace(
        known,
        frames=tuple(known.frames[frame] for frame in kept),
        image_sizes=known.image_sizes[kept],
        boxes=known.boxes[boxes],
        box_frames=number[known.box_frames[boxes]],
        labels=known.labels[boxes],
        scores=known.scores[boxes],
        pairs=places[known.pairs[told]],
        pair_frames=number[known.pair_frames[told]],
        relations=known.relations[told],
        labelled=known.labelled[told],
        times=None if known.times is None else known.times[kept],
        distribution=None if known.distribution is None else known.distribution[boxes],
        features=None,
        union_features=None,
        frame_graphs=None,
        verb_features=None,
        truth=None,
    )


def actions_of(known: Scene, kept: Array) -> dict[str, Array]:
    """`frame_graphs` and `verb_features` of some frames of a scene; nothing where it has none."""
    if known.frame_graphs is None:
        return {}
    graphs, numbers = np.unique(known.frame_graphs[kept], return_inverse=True)
    made = {"frame_graphs": numbers.astype(np.int32)}
    if known.verb_features is not None:
        made["verb_features"] = known.verb_features[graphs]
    return made
