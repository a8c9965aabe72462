"""Made-up signs as landmark clips, by code and seed alone: for trying things out and for tests.

A sign is a smooth path of one or two hands relative to the shoulders, two hand shapes that blend
into each other, and a motion of the mouth. Every second sign differs from the one before it in one
trait only (the hand's shape and angle, or the movement's direction), like the minimal pairs of
real languages. A signer is a place and size in the image, body proportions, a tempo and habits (an
offset of every path). A clip adds its own variation, noise, hands that are lost for a while, and
single lost frames. Validation signers are never seen in training.
"""

import dataclasses
import functools

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POINTS, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.formats import At, Collection, Entry

Array = np.ndarray
_FPS = 30.0
_HARMONICS = 3
_PAUSE = 4  # frames between the signs of a sentence


@dataclasses.dataclass(frozen=True)
class Sign:
    """What all signers share of a sign. Hands: 0 = left, 1 = right.

    Attributes:
      start: float [2, 2], where each hand begins, in shoulder widths from the shoulder centre.
      waves: float [2, harmonics, 2], its path's sine amplitudes.
      curl: float [2, 2, 5], bend of the fingers (0 to 1) at the beginning and the end.
      turn: float [2, 2], the hand's angle at the beginning and the end, radians.
      two_handed: the left hand takes part.
      mouth: how far the mouth opens, 0 to 1.
    """

    start: Array
    waves: Array
    curl: Array
    turn: Array
    two_handed: bool
    mouth: float


@dataclasses.dataclass(frozen=True)
class Signer:
    """A person in front of a camera; lengths as fractions of the image."""

    centre: Array
    shoulders: float
    arm: float
    tempo: float
    habit: Array
    lean: float


def collection(options: ConfigDict, split: str) -> Collection:
    """The clips of all splits; those of `val` and `test` have signers of their own.

    Args:
      options: `config.data.synthetic`.
      split: that they are made for, in their name.

    Raises:
      UserError: settings that make no data set.
    """
    _check(options)
    rows = [
        (signer, sign, take)
        for signer in range(options.signers + options.val_signers)
        for sign in range(options.signs)
        for take in range(options.clips_per_signer)
    ]
    seeds = [hash_seed(options.seed, 3, *row) for row in rows]
    plans = [_plan(options, row, seed) for row, seed in zip(rows, seeds, strict=True)]
    names = tuple(f"SIGN_{i:02d}" for i in range(options.signs))
    groups = tuple(f"GROUP_{i}" for i in range(options.categories))
    entries = [
        Entry(
            name=f"signer{signer:02d}-sign{sign:03d}-take{take:02d}",
            glosses=tuple(names[i] for i in glosses),
            category=groups[glosses[0] % options.categories],
            split=_split(options, signer),
        )
        for (signer, sign, take), (glosses, _) in zip(rows, plans, strict=True)
    ]
    return Collection(
        name=f"synthetic signs ({split}, seed {options.seed})",
        format="synthetic",
        entries=entries,
        reader=functools.partial(_read, options.to_dict(), rows, seeds, plans),
        glosses=names,
        categories=groups,
        counter=At(sum, [frames for _, frames in plans]),
        indexed=True,
    )


def _check(options: ConfigDict) -> None:
    low, high = options.frames
    problems = {
        f"frames={options.frames} must be (fewest, most) with 2 <= fewest <= most": 2
        <= low
        <= high,
        f"val_signers={options.val_signers} must leave signers for training": (
            0 < options.val_signers < options.signers
        ),
        f"categories={options.categories} must be 1 to signs={options.signs}": (
            1 <= options.categories <= options.signs
        ),
        "clips_per_signer must be at least 1": options.clips_per_signer >= 1,
        f"glosses={options.glosses} must be (fewest, most) with 1 <= fewest <= most": 1
        <= options.glosses[0]
        <= options.glosses[1],
    }
    for text, fine in problems.items():
        if not fine:
            raise UserError(f"data.synthetic: {text}")


def _split(options: ConfigDict, signer: int) -> str:
    """Of `signers` the last `val_signers` are for validation; as many more are for the test."""
    edge = options.signers - options.val_signers
    return "train" if signer < edge else "val" if signer < options.signers else "test"


def hash_seed(*numbers: int) -> int:
    """One seed of several numbers, the same on every machine."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _plan(options: ConfigDict, row: tuple[int, int, int], seed: int) -> tuple[list[int], list[int]]:
    """Glosses of an example and the frames that each of them takes."""
    rng = np.random.default_rng([seed, 1])
    glosses = [row[1]]
    if options.continuous:
        more = rng.integers(options.glosses[0], options.glosses[1] + 1) - 1
        glosses += [int(g) for g in rng.integers(0, options.signs, more)]
    tempo = make_signer(options.seed, row[0]).tempo
    low, high = options.frames
    frames = np.clip(rng.integers(low, high + 1, len(glosses)) / tempo, low, high)
    return glosses, [int(n) for n in frames.round()]


def make_sign(seed: int, index: int) -> Sign:
    """Sign `index` of data set `seed`.

    Signs 2k and 2k + 1 are a minimal pair: they share everything but, in turn, the hand (shape and
    angle) or the direction of the movement.
    """
    sign = _base_sign(seed, index // 2)
    if index % 2 == 0:
        return sign
    if (index // 2) % 2 == 0:
        return dataclasses.replace(sign, curl=1.0 - sign.curl, turn=-sign.turn)
    return dataclasses.replace(sign, waves=-sign.waves)


def _base_sign(seed: int, index: int) -> Sign:
    rng = np.random.default_rng(hash_seed(seed, 1, index))
    side = np.array([[-0.5, 0.6], [0.5, 0.6]])
    decay = 1.0 / np.arange(1, _HARMONICS + 1)[:, None]
    return Sign(
        start=side + rng.uniform(-0.35, 0.35, (2, 2)),
        waves=rng.normal(0, 0.35, (2, _HARMONICS, 2)) * decay,
        curl=rng.uniform(0, 1, (2, 2, 5)),
        turn=rng.uniform(-1.2, 1.2, (2, 2)),
        two_handed=bool(rng.random() < 0.5),
        mouth=float(rng.uniform(0, 1)),
    )


def make_signer(seed: int, index: int) -> Signer:
    """Signer `index` of data set `seed`."""
    rng = np.random.default_rng(hash_seed(seed, 2, index))
    return Signer(
        centre=np.array([rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.5)]),
        shoulders=float(rng.uniform(0.2, 0.32)),
        arm=float(rng.uniform(0.85, 1.15)),
        tempo=float(rng.uniform(0.75, 1.3)),
        habit=rng.normal(0, 0.12, (2, 2)),
        lean=float(rng.normal(0, 0.06)),
    )


def _read(options: dict, rows: list, seeds: list, plans: list, index: int) -> Clip:
    rng = np.random.default_rng([seeds[index], 2])
    signer = make_signer(options["seed"], rows[index][0])
    glosses, frames = plans[index]
    signs = [_sign_cached(options["seed"], g) for g in glosses]
    motion = [_hands(sign, signer, n, rng) for sign, n in zip(signs, frames, strict=True)]
    hands = {key: np.concatenate([m[key] for m in motion]) for key in motion[0]}
    if len(signs) > 1:
        hands["wrists"] = _smooth(hands["wrists"], _PAUSE)
    landmarks = _landmarks(hands, signer, rng)
    landmarks += rng.normal(0, options["noise"], landmarks.shape) * np.array([1, 1, 0.5])
    _lose(landmarks, hands["active"], options["dropout"], rng)
    return Clip(
        landmarks=landmarks.astype(np.float32),
        timestamps=np.arange(len(landmarks)) / _FPS,
        frame_size=(640, 640),
        fps=_FPS,
        source=f"synthetic[{index}]",
        visibility=np.full((len(landmarks), 33), 0.99, np.float32),
    )


@functools.lru_cache(maxsize=4096)
def _sign_cached(seed: int, index: int) -> Sign:
    return make_sign(seed, index)


def _hands(sign: Sign, signer: Signer, frames: int, rng: np.random.Generator) -> dict[str, Array]:
    """Paths and shapes of both hands: wrists [T, 2, 2] in shoulder widths, curl [T, 2, 5], ..."""
    time = np.linspace(0, 1, frames) ** rng.uniform(0.85, 1.2)
    waves = sign.waves * rng.normal(1, 0.15, sign.waves.shape)
    phase = np.pi * time[:, None] * np.arange(1, _HARMONICS + 1)
    path = sign.start + np.einsum("tk,hkc->thc", np.sin(phase), waves)
    path = (path + signer.habit + rng.normal(0, 0.08, (2, 2))) * signer.arm
    curl = np.clip(sign.curl + rng.normal(0, 0.12, sign.curl.shape), 0, 1)
    turn = sign.turn + rng.normal(0, 0.15, sign.turn.shape)
    blend = time[:, None, None]
    active = np.ones((frames, 2), bool)
    if not sign.two_handed:
        path[:, 0] = np.array([-0.55, 1.9]) + rng.normal(0, 0.02, 2)
        active[:, 0] = False
    return {
        "wrists": path,
        "curl": curl[:, 0] * (1 - blend) + curl[:, 1] * blend,
        "turn": turn[:, 0] * (1 - time[:, None]) + turn[:, 1] * time[:, None],
        "mouth": sign.mouth * np.sin(np.pi * time),
        "active": active,
    }


def _smooth(path: Array, width: int) -> Array:
    """Running mean over time: signs of a sentence flow into each other."""
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    padded = np.pad(path, ((width, width), (0, 0), (0, 0)), mode="edge")
    return np.apply_along_axis(np.convolve, 0, padded, kernel, mode="valid")


def _landmarks(hands: dict[str, Array], signer: Signer, rng: np.random.Generator) -> Array:
    frames = len(hands["wrists"])
    unit = signer.shoulders
    sway = _sway(frames, rng) * 0.01
    centre = signer.centre + sway
    wrists = centre[:, None] + hands["wrists"] * unit
    result = np.zeros((frames, POINTS, 3))
    for hand, part in ((0, LEFT_HAND), (1, RIGHT_HAND)):
        shape = _finger_points(hands["curl"][:, hand], hands["turn"][:, hand], mirrored=hand == 0)
        result[:, part, :2] = wrists[:, hand, None] + shape * unit * 0.45
        result[:, part, 2] = -0.05 * np.linspace(0, 1, 21)
    head = centre + np.array([signer.lean, -0.75]) * unit
    result[:, POSE, :2] = _body(centre, head, wrists, unit)
    result[:, FACE, :2] = _face(head, unit, hands["mouth"])
    result[:, FACE, 2] = -0.02
    return result


def _sway(frames: int, rng: np.random.Generator) -> Array:
    time = np.arange(frames)[:, None] / _FPS
    return np.sin(2 * np.pi * rng.uniform(0.2, 0.6, 2) * time + rng.uniform(0, 6, 2))


def _finger_points(curl: Array, turn: Array, *, mirrored: bool) -> Array:
    """[T, 21, 2]: wrist, then four joints of each finger; unit = an open hand's length."""
    spread = np.linspace(-0.7, 0.5, 5)  # thumb first
    joints = np.array([0.35, 0.6, 0.8, 1.0])
    reach = joints * (1 - 0.55 * curl[:, :, None] * joints)
    angle = spread + turn[:, None] - np.pi / 2 + 0.3 * curl
    x, y = np.cos(angle)[..., None] * reach, np.sin(angle)[..., None] * reach
    points = np.stack([-x if mirrored else x, y], axis=-1).reshape(len(curl), 20, 2)
    return np.concatenate([np.zeros((len(curl), 1, 2)), points], axis=1)


# Nose, eyes, ears and mouth corners relative to the head's centre, in shoulder widths.
_HEAD = np.array(
    [(0, 0.05), (0.05, -0.06), (0.08, -0.06), (0.11, -0.06), (-0.05, -0.06), (-0.08, -0.06)]
    + [(-0.11, -0.06), (0.17, -0.02), (-0.17, -0.02), (0.05, 0.13), (-0.05, 0.13)]
)


def _body(centre: Array, head: Array, wrists: Array, unit: float) -> Array:
    """[T, 33, 2] pose points. The signer's left is at larger x, as in a camera's image."""
    body = np.empty((len(centre), 33, 2))
    body[:, :11] = head[:, None] + _HEAD * unit
    for hand, side, first in ((0, 0.5, 11), (1, -0.5, 12)):
        # The body's left side carries the left hand; paths are drawn mirrored to match.
        shoulder = centre + np.array([side, 0.0]) * unit
        wrist = wrists[:, hand]
        body[:, first] = shoulder
        body[:, first + 2] = (shoulder + wrist) / 2 + np.array([0.3 * side, 0.2]) * unit
        body[:, first + 4] = wrist
        for k, offset in enumerate(((0.02, -0.1), (0.0, -0.12), (-0.05, -0.06))):
            body[:, first + 6 + 2 * k] = wrist + np.array(offset) * unit
        for k, drop in enumerate((1.5, 2.6, 3.6, 3.7, 3.75)):
            body[:, first + 12 + 2 * k] = centre + np.array([0.6 * side, drop]) * unit
    return body


@functools.lru_cache(maxsize=1)
def _face_template() -> tuple[Array, Array]:
    """[468, 2] points of a face disc, and how much each follows the mouth."""
    turn = np.arange(468) * 2.399963  # the golden angle spreads points evenly over a disc
    radius = np.sqrt(np.arange(468) / 468)
    points = np.stack([0.2 * radius * np.cos(turn), 0.28 * radius * np.sin(turn)], axis=1)
    mouth = np.array([0.0, 0.14])
    near = np.exp(-(((points - mouth) / 0.07) ** 2).sum(axis=1))
    return points, near


def _face(head: Array, unit: float, mouth: Array) -> Array:
    points, near = _face_template()
    away = np.sign(points[:, 1] - 0.14) * near * 0.06
    moved = np.repeat(points[None], len(head), axis=0)
    moved[..., 1] += mouth[:, None] * away
    return head[:, None] + moved * unit


def _lose(landmarks: Array, active: Array, share: float, rng: np.random.Generator) -> None:
    """Sets to NaN what a detector would miss: resting hands, spells of a hand, single frames."""
    frames = len(landmarks)
    for hand, part in ((0, LEFT_HAND), (1, RIGHT_HAND)):
        lost = ~active[:, hand] | (rng.random(frames) < share)
        if rng.random() < 4 * share:
            length = int(rng.integers(1, max(2, frames // 4)))
            start = int(rng.integers(0, frames))
            lost[start : start + length] = True
        landmarks[lost, part] = np.nan
    landmarks[rng.random(frames) < share / 2, FACE] = np.nan
