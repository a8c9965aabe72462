"""Made-up scenes, by code and seed alone: a person and objects that move around it.

Relations follow from geometry and motion. Attention: on which side of the person an object is, and
which way the person looks. Spatial: whether the object is high, low, nearer or farther. Contact:
how far away it is, and whether it comes nearer. Features are made of an object's class, of its
distance, and of those relations that one frame shows, with noise.

What moves is blurred, but only every second exposure is long enough for that: `approaching` and
`leaving` show in the features of frames 0, 2, 4, ... In the others they, and whatever is true of an
object that rests, are told by a look at the frame before alone: distances of objects that come
nearer, go away and rest are distributed alike over a video's frames.

The pairs are all two boxes of a frame, as nets need them that find the person themselves; those of
the person are labelled. A detector's distribution of each box is there too.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
from ml_collections import ConfigDict
from numpy.typing import ArrayLike

from jaxsign.errors import UserError
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, Group, Vocabulary
from jaxsign.sections.data import SPLITS

Array = np.ndarray
GROUPS = (
    Group("attention", ("looking_at", "not_looking_at", "unsure"), "one"),
    Group("spatial", ("on_the_side_of", "beneath", "above", "in_front_of", "behind"), "several",
          reversed=True),
    Group("contacting", ("not_contacting", "touching", "holding", "approaching", "leaving"),
          "several"),
)  # fmt: skip
_MOTION = 2  # the group that depends on motion
_MOVING = 2  # its last predicates, of what moves
_WIDTH, _HEIGHT = 640, 480
_PERSON = 60, 180  # its width and height
_STEP = 12.0  # pixels that a moving object goes from one frame to the next
_NEAREST, _REACH = 20.0, 60.0  # distances: the least, and where contact ends
_SURE = 3.0  # by how much a detector's true class leads, where its noise is 1
_SECONDS = 0.5  # from frame to frame


@dataclasses.dataclass(frozen=True)
class _Codes:
    """What the features of all splits are made of: patterns of numbers of about 1.

    Attributes:
      classes: [C, D]; looks: [3, D], of the way that the person looks; distance: [D].
      relations: [R, 7, 7, K], zeros for what is true of objects that rest.
    """

    classes: Array
    looks: Array
    distance: Array
    relations: Array


@dataclasses.dataclass(frozen=True)
class _Course:
    """What happens in a video of F frames with n objects.

    Attributes:
      labels: int [n].
      side: int [n], -1 = left of the person, 1 = right.
      distance: [F, n], pixels from the person's middle; way: int [n], -1 = nearer, 0, 1 = farther.
      band: int [n], 0 = at the person's height, 1 = low, 2 = high.
      depth: int [n], 0 = as far as the person, 1 = nearer to the camera, 2 = farther.
      gaze: int [F], -1 = to the left, 0 = elsewhere, 1 = to the right.
      until: int [n], frames in which each object is there.
      centre: [F, 2], the person's.
    """

    labels: Array
    side: Array
    distance: Array
    way: Array
    band: Array
    depth: Array
    gaze: Array
    until: Array
    centre: Array


def words(objects: int) -> Vocabulary:
    """The classes of scenes with so many kinds of objects."""
    return Vocabulary(ACTION_GENOME.objects[: objects + 2], GROUPS)


def scenes(options: ConfigDict, split: str) -> list[Scene]:
    """The videos of a split: equal options make equal videos.

    Args:
      options: `config.data.synthetic_scenes`.
      split: 'train', 'val' or 'test'.

    Raises:
      UserError: settings that make no videos.
    """
    check_counts(options, "data.synthetic_scenes", {"frames": 2, "boxes": 1}, "video")
    codes, kinds = _codes(options), words(options.objects)
    return videos(
        options,
        split,
        lambda name, rng: _scene(name, kinds, _course(options, rng), codes, options.noise, rng),
    )


def videos(
    options: ConfigDict, split: str, make: Callable[[str, np.random.Generator], Scene]
) -> list[Scene]:
    """A split's videos by name, each from a generator of its own.

    Args:
      options: with `seed`, `videos` and `val_videos`.
      split: 'train', 'val' or 'test'.
      make: (name, generator) -> video.
    """
    count = options.videos if split == "train" else options.val_videos
    place = SPLITS.index(split)
    return [
        make(f"{split}_{number:04d}", np.random.default_rng([options.seed, place, number]))
        for number in range(count)
    ]


def check_counts(options: ConfigDict, section: str, least: Mapping[str, int], whole: str) -> None:
    """Refuses counts of which no video can be made.

    Args:
      options: with `boxes`, the fewest and the most in a `whole`, and `objects`, their classes.
      section: the options' name in a recipe.
      least: keys of the fewest and the most of something, and the fewest that there may be.
      whole: what the objects of different classes are of.

    Raises:
      UserError: names the key.
    """
    for key, fewest in least.items():
        low, high = options[key]
        if not fewest <= low <= high:
            raise UserError(
                f"{section}.{key}={(low, high)}: expected the fewest and the most, {fewest} or "
                "more each"
            )
    if options.boxes[1] > options.objects:
        raise UserError(
            f"{section}.boxes={tuple(options.boxes)}: the objects of a {whole} are of different "
            f"classes, and there are {options.objects} ({section}.objects)"
        )


def _codes(options: ConfigDict) -> _Codes:
    rng = np.random.default_rng([options.seed, len(SPLITS)])
    kinds = words(options.objects)
    width, channels = options.feature_dim, options.union_dim
    relations = rng.standard_normal((len(kinds.predicates), 7, 7, channels))
    motion = kinds.parts[_MOTION]
    relations[motion.start : motion.stop - _MOVING] = 0
    return _Codes(
        rng.standard_normal((len(kinds.objects), width)),
        rng.standard_normal((3, width)),
        rng.standard_normal(width),
        relations,
    )


def _course(options: ConfigDict, rng: np.random.Generator) -> _Course:
    frames = int(rng.integers(options.frames[0], options.frames[1] + 1))
    count = int(rng.integers(options.boxes[0], options.boxes[1] + 1))
    shares = functools.partial(_shares, options.tail)
    classes = shares(1 / np.arange(1, options.objects + 1))  # few are frequent
    way = rng.choice([-1, 0, 1], count, p=shares([0.25, 0.5, 0.25]))
    gaze = rng.choice([-1, 0, 1], frames, p=shares([0.45, 0.1, 0.45]))
    for frame in np.flatnonzero(rng.random(frames - 1) < 0.7) + 1:
        gaze[frame] = gaze[frame - 1]
    drift = rng.uniform(-3, 3, 2) * np.arange(frames)[:, None]
    return _Course(
        rng.choice(options.objects, count, replace=False, p=classes) + 2,
        rng.choice([-1, 1], count, p=[0.3, 0.7]),
        _distances(frames, way, rng),
        way,
        rng.choice(3, count, p=shares([0.6, 0.28, 0.12])),
        rng.choice(3, count, p=shares([0.9, 0.07, 0.03])),
        gaze,
        np.where(rng.random(count) < 0.8, frames, rng.integers(2, frames + 1, count)),
        np.array([_WIDTH, _HEIGHT]) / 2 + rng.uniform(-20, 20, 2) + drift,
    )


def _shares(tail: float, values: ArrayLike) -> Array:
    """That sum to 1: the higher the tail, the rarer is what is rare."""
    powers = np.asarray(values) ** tail
    return powers / powers.sum()


def _distances(frames: int, way: Array, rng: np.random.Generator) -> Array:
    """[F, n]: over all frames distributed alike, whatever the way."""
    count = len(way)
    start = rng.uniform(_NEAREST, _NEAREST + 70, count)
    passed = np.arange(frames)[:, None]
    rest = rng.integers(frames, size=count)  # one place of such a course
    at = np.where(way > 0, passed, np.where(way < 0, frames - 1 - passed, rest))
    return start + _STEP * at


def _scene(
    name: str,
    kinds: Vocabulary,
    course: _Course,
    codes: _Codes,
    noise: float,
    rng: np.random.Generator,
) -> Scene:
    frames, count = course.distance.shape
    there = np.arange(frames)[:, None] < course.until  # [F, n]
    rows = np.concatenate([np.ones((frames, 1), bool), there], axis=1)  # the person first
    number = np.cumsum(rows).reshape(rows.shape) - 1
    labels = np.broadcast_to([1, *course.labels], rows.shape)[rows]
    # Every two boxes of a frame: the person's pairs come first, nobody labels the others.
    first, second = np.triu_indices(count + 1, 1)
    pair_frames, which = np.nonzero(rows[:, first] & rows[:, second])
    labelled = which < count
    told = np.zeros((len(which), len(kinds.predicates)), bool)
    told[labelled] = _relations(course, kinds)[pair_frames[labelled], which[labelled]]
    shown = told.copy()
    shown[pair_frames % 2 == 1, kinds.parts[_MOTION]] = False  # the exposure is too short for blur
    union = np.tensordot(shown.astype(np.float32), codes.relations, 1)
    features = _features(course, codes)[rows]
    return Scene(
        name,
        kinds,
        tuple(f"{name}/{i:06d}.png" for i in range(frames)),
        np.full((frames, 2), (_WIDTH, _HEIGHT)),
        _boxes(course)[rows].astype(np.float32),
        np.nonzero(rows)[0],
        labels,
        np.ones(len(labels)),
        np.stack([number[pair_frames, one[which]] for one in (first, second)], axis=1),
        pair_frames,
        told,
        labelled,
        distribution=_distribution(labels - 1, len(kinds.objects) - 1, rng),
        times=_SECONDS * np.arange(frames),
        features=(features + noise * rng.standard_normal(features.shape)).astype(np.float32),
        union_features=(union + noise * rng.standard_normal(union.shape)).astype(np.float32),
    )


def _distribution(labels: Array, count: int, rng: np.random.Generator) -> Array:
    """float32 [N, count]: what a detector would think of each box; mostly it is right."""
    logits = _SURE * np.eye(count)[labels] + rng.standard_normal((len(labels), count))
    shares = np.exp(logits)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _boxes(course: _Course) -> Array:
    """[F, 1 + n, 4], the person's first."""
    x = course.centre[:, :1] + course.side * course.distance
    y = course.centre[:, 1:] + np.array([0, 130, -130])[course.band]
    half = 14 + 2 * (course.labels % 5) + np.array([0, 8, -6])[course.depth]
    objects = np.stack(np.broadcast_arrays(x - half, y - half, x + half, y + half), axis=-1)
    around = np.divide(_PERSON, 2)
    person = np.concatenate([course.centre - around, course.centre + around], axis=1)
    return np.concatenate([person[:, None], objects], axis=1)


def _features(course: _Course, codes: _Codes) -> Array:
    """[F, 1 + n, D] without noise: of an object its class and distance, of the person its gaze."""
    far = (course.distance - 100) / 50
    objects = codes.classes[course.labels] + far[..., None] * codes.distance
    person = codes.classes[1] + codes.looks[course.gaze + 1]
    return np.concatenate([person[:, None], objects], axis=1)


def _relations(course: _Course, kinds: Vocabulary) -> Array:
    """bool [F, n, R] of each object."""
    near = course.distance < _REACH
    level, moves = course.band == 0, course.way != 0
    handy = course.labels % 2 == 0
    gaze = course.gaze[:, None]
    told = {
        "looking_at": gaze == course.side,
        "not_looking_at": gaze == -course.side,
        "unsure": gaze == 0,
        "on_the_side_of": level & (course.depth == 0),
        "beneath": course.band == 1,
        "above": course.band == 2,
        "in_front_of": course.depth == 1,
        "behind": course.depth == 2,
        "not_contacting": ~near & ~moves,
        "touching": near & ~moves & ~handy,
        "holding": near & ~moves & handy,
        "approaching": course.way < 0,
        "leaving": course.way > 0,
    }
    columns = [np.broadcast_to(told[name], course.distance.shape) for name in kinds.predicates]
    return np.stack(columns, axis=-1)
