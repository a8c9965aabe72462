"""Made-up graphs of actions, by code and seed alone: what a wearer does, and with which objects.

A video is a few graphs of one verb each, shown in up to three frames. How an object takes part
follows from verb, class and place: each verb has classes that it is done to (`dobj`) and with
(`with`); where it moves things, those that lie on the left are its `from` and on the right its
`to`; what lies low is `on`. What has none of these is `near`. Few verbs and classes are frequent.

Features of a box are made of its class and place, those of a verb of the verb, with noise; a
detector's distribution of each box is there too.
"""

import dataclasses

import numpy as np
from ml_collections import ConfigDict

from jaxsign.input.scenes import easg_scenes, synthetic
from jaxsign.input.scenes.easg import ActionVideo
from jaxsign.input.scenes.easg_files import MOMENTS, ActionWords
from jaxsign.input.scenes.scene import Scene
from jaxsign.sections.data import SPLITS

Array = np.ndarray
EDGES = ("dobj", "with", "from", "to", "on", "near")
_WIDTH, _HEIGHT = 640, 480
_SIDE = 0.35  # from the middle, where the left and the right begin
_LOW = 0.4  # below the middle, in halves of the height
_SURE = 3.0  # by how much a detector's true class leads, where its noise is 1
_SHIFT = 6.0  # pixels that a box moves from one frame to the next


@dataclasses.dataclass(frozen=True)
class _World:
    """What holds in all splits.

    Attributes:
      words: names.
      roles: bool [V, C, 2], classes that a verb is done to, and with.
      classes: [C + 1, D], what boxes look like, the wearer's last; places: [2, D], x and y.
      verbs: [V, W], what verbs look like.
    """

    words: ActionWords
    roles: Array
    classes: Array
    places: Array
    verbs: Array


def scenes(options: ConfigDict, split: str) -> list[Scene]:
    """The videos of a split: equal options make equal videos.

    Args:
      options: `config.data.synthetic_actions`.
      split: 'train', 'val' or 'test'.

    Raises:
      UserError: settings that make no videos.
    """
    synthetic.check_counts(options, "data.synthetic_actions", {"graphs": 1, "boxes": 1}, "graph")
    world = _world(options)
    return synthetic.videos(options, split, lambda name, rng: _scene(name, world, options, rng))


def _world(options: ConfigDict) -> _World:
    rng = np.random.default_rng([options.seed, len(SPLITS)])
    objects = tuple(f"thing {i}" for i in range(options.objects))
    verbs = tuple(f"do {i}" for i in range(options.verbs))
    done_to = rng.random((options.verbs, options.objects)) < 0.35
    done_with = ~done_to & (rng.random(done_to.shape) < 0.4)
    width = options.feature_dim
    return _World(
        ActionWords(objects, verbs, EDGES),
        np.stack([done_to, done_with], axis=-1),
        rng.standard_normal((options.objects + 1, width)),
        rng.standard_normal((2, width)),
        rng.standard_normal((options.verbs, options.verb_dim)),
    )


def _scene(name: str, world: _World, options: ConfigDict, rng: np.random.Generator) -> Scene:
    graphs = int(rng.integers(options.graphs[0], options.graphs[1] + 1))
    verbs = rng.choice(options.verbs, graphs, p=_rare(options.verbs))
    frames: list[str] = []
    shown: list[tuple[int, Array, Array, Array]] = []  # graph, classes, places, edges of a frame
    for graph, verb in enumerate(verbs.tolist()):
        count = int(rng.integers(options.boxes[0], options.boxes[1] + 1))
        classes = rng.choice(options.objects, count, replace=False, p=_rare(options.objects))
        places = rng.uniform(-0.9, 0.9, (count, 2))
        edges = _edges(world.roles[verb, classes], places, moves=verb % 2 == 0)
        for moment in MOMENTS[: rng.integers(1, len(MOMENTS) + 1)]:
            frames.append(f"{name}_{graph}/{name}_{moment}.jpg")
            shown.append((graph, classes, places, edges))
    frame_graphs, classes, places, edges = zip(*shown, strict=True)
    video = ActionVideo(
        name,
        tuple(frames),
        (_WIDTH, _HEIGHT),
        np.array(frame_graphs, np.int32),
        _boxes(np.concatenate(places), rng),
        np.repeat(np.arange(len(frames)), list(map(len, classes))).astype(np.int32),
        np.concatenate(classes).astype(np.int32),
        np.concatenate(edges),
        tuple(f"{name}_{graph}" for graph in range(graphs)),
        verbs.astype(np.int32),
        _noisy(world.verbs[verbs], options.noise, rng),
    )
    made = easg_scenes.scene(video, easg_scenes.vocabulary(world.words), name)
    return _seen(made, np.concatenate(places), world, options.noise, rng)


def _seen(
    made: Scene, places: Array, world: _World, noise: float, rng: np.random.Generator
) -> Scene:
    """With features and a distribution; `places`: [n, 2], of the objects alone."""
    rows = made.pairs[:, 1]
    looks = np.tile(world.classes[-1], (len(made.boxes), 1))
    looks[rows] = world.classes[made.labels[rows] - 2] + places @ world.places
    count = len(made.vocabulary.objects) - 1
    logits = _SURE * np.eye(count)[made.labels - 1] + rng.standard_normal((len(looks), count))
    shares = np.exp(logits)
    return dataclasses.replace(
        made,
        features=_noisy(looks, noise, rng),
        distribution=(shares / shares.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def _rare(count: int) -> Array:
    """[count]: shares of classes, of which few are frequent."""
    shares = 1 / np.arange(1, count + 1)
    return shares / shares.sum()


def _noisy(values: Array, noise: float, rng: np.random.Generator) -> Array:
    return (values + noise * rng.standard_normal(values.shape)).astype(np.float32)


def _edges(roles: Array, places: Array, *, moves: bool) -> Array:
    """bool [n, 6] of objects with these roles [n, 2] at these places [n, 2], -1 to 1."""
    x, y = places.T
    told = {
        "dobj": roles[:, 0],
        "with": roles[:, 1],
        "from": moves & (x < -_SIDE),
        "to": moves & (x > _SIDE),
        "on": y > _LOW,
    }
    told["near"] = ~np.any(list(told.values()), axis=0)
    return np.stack([told[name] for name in EDGES], axis=-1)


def _boxes(places: Array, rng: np.random.Generator) -> Array:
    """float32 [n, 4] of objects at these places, which move a little from frame to frame."""
    centre = (places + 1) / 2 * (_WIDTH, _HEIGHT) + rng.normal(0, _SHIFT, places.shape)
    half = rng.uniform(12, 40, (len(places), 1))
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
