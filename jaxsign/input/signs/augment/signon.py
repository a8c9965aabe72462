"""Operations on SignON's 75 points [T, 75, 3]: 33 of the pose, 21 of each hand.

Two lists, one of each generation. `signon.*` is generation B's, each with its own probability,
those that the original defines and never uses too. `signon_a.*` is generation A's; but for the turn
about the y axis they are for points of any layout.
"""

from typing import Any

import numpy as np

from jaxsign.input.signs.augment import operation, points

Array = np.ndarray
Generator = np.random.Generator
LEFT, RIGHT = slice(33, 54), slice(54, 75)
HANDS = slice(33, 75)
# The pose's own points of wrist, fingers and thumb; the first one is the wrist.
LEFT_ARM, RIGHT_ARM = slice(15, 22, 2), slice(16, 23, 2)
_SWAPPED = np.r_[
    np.arange(11), np.arange(11, 33).reshape(-1, 2)[:, ::-1].ravel(), 54:75, 33:54
]  # the face's points of the pose stay, as in the original
_SHORTEST = 15  # frames of a clip that generation A cuts at both ends


def delay(clip: Array, frames: int, later: bool) -> Array:
    """The whole pose `frames` frames later (or earlier); frames of NaN fill the gap."""
    gap = np.full((frames, *clip.shape[1:]), np.nan, clip.dtype)
    kept = clip[: len(clip) - frames] if later else clip[frames:]
    return np.concatenate([gap, kept] if later else [kept, gap])


def mirror(clip: Array) -> Array:
    """Left becomes right about the middle of the shoulders; z is 1 everywhere, as in the original.

    The pose's points of the face (0 to 10) keep their places, as in the original.
    """
    middle = (clip[:, 11:12, 0] + clip[:, 12:13, 0]) / 2
    made = clip.copy()
    made[:, 11:, 0] = 2 * middle - clip[:, 11:, 0]
    made[..., 2] = 1
    return made[:, _SWAPPED]


def rotate(part: Array, degrees: float) -> Array:
    """Turns float [T, P, 3] about its first point in each frame; z is 1, as in the original."""
    angle = np.deg2rad(degrees)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    centre = part[:, :1]
    x, y = np.moveaxis(part[..., :2] - centre[..., :2], -1, 0)
    turned = np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1) + centre[..., :2]
    return np.concatenate([turned, np.ones_like(part[..., :1])], axis=-1)


def rotate_hands(clip: Array, left: float, right: float) -> Array:
    """Turns each hand about its wrist, and so the pose's points of that hand, by such degrees."""
    made = clip.copy()
    for part, degrees in ((LEFT, left), (LEFT_ARM, left), (RIGHT, right), (RIGHT_ARM, right)):
        made[:, part] = rotate(clip[:, part], degrees)
    return made


def jitter(clip: Array, normals: Array, std: float = 0.003) -> Array:
    """Adds `std` times `normals` [T, 42, 3] to both hands."""
    made = clip.copy()
    made[:, HANDS] += np.float32(std) * normals
    return made


def shift(clip: Array, by: Array) -> Array:
    """Adds (dx, dy, dz) to all points."""
    return clip + np.asarray(by, clip.dtype)


def shift_hands(clip: Array, left: Array, right: Array) -> Array:
    """Adds an offset (dx, dy, dz) to each hand and the pose's points of that hand."""
    made = clip.copy()
    for part, by in ((LEFT, left), (LEFT_ARM, left), (RIGHT, right), (RIGHT_ARM, right)):
        made[:, part] += np.asarray(by, clip.dtype)
    return made


def zoom(clip: Array, x: float, y: float) -> Array:
    """Scales x and y about the origin; z stays."""
    return clip * np.array([x, y, 1], clip.dtype)


def hide_hand(clip: Array, frames: Array, right: bool) -> Array:
    """The clip without one hand (NaN) in some frames.

    The original writes into a copy, so that nothing ever happens to its clips.
    """
    made = clip.copy()
    made[frames, RIGHT if right else LEFT] = np.nan
    return made


def change_speed(clip: Array, faster: bool) -> Array:
    """Every second frame; or the middle between each two frames besides: 2 T - 1 frames."""
    if faster:
        return clip[::2]
    made = np.empty((2 * len(clip) - 1, *clip.shape[1:]), clip.dtype)
    made[::2], made[1::2] = clip, (clip[:-1] + clip[1:]) / 2
    return made


def rotate_about_y(clip: Array, degrees: float) -> Array:
    """Turns all points about the vertical axis through the origin."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x, y, z = np.moveaxis(clip, -1, 0)
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1).astype(clip.dtype)


def negate(clip: Array) -> Array:
    """x becomes -x; the hands are not swapped, as in the original."""
    return clip * np.array([-1, 1, 1], clip.dtype)[: clip.shape[-1]]


def most_delayed(frames: int) -> int:
    """The original's bound, that no delay reaches, for a clip of so many frames."""
    return min(10, max(frames // 10, 2))


def crop_start(frames: int, kept: int, share: float) -> int:
    """The first of `kept` frames in a row; `share` in [0, 1) tells which of all places."""
    return int(share * max(frames - kept, 1))


def _delayed(clip: Array, rng: Generator) -> dict[str, Any]:
    frames = int(rng.integers(1, most_delayed(len(clip))))
    # One frame stays: a clip of nothing but NaN has no answer.
    return {"frames": min(frames, len(clip) - 1), "later": rng.random() >= 0.5}


def _cropped(clip: Array, rng: Generator, share: tuple[float, float]) -> dict[str, Any]:
    kept = int(rng.uniform(*share) * len(clip))
    start = crop_start(len(clip), kept, rng.random())
    return {"frames": slice(start, start + kept) if kept else slice(None)}


def _thinned(clip: Array, rng: Generator, share: float) -> dict[str, Any]:
    kept = int((1 - share) * len(clip))
    chosen = np.sort(rng.choice(len(clip), kept, replace=False))
    return {"frames": chosen if kept else slice(None)}


def _hidden(clip: Array, rng: Generator, share: float) -> dict[str, Any]:
    right = rng.random() >= 0.5
    frames = rng.choice(len(clip), int(share * len(clip)), replace=False)
    return {"frames": frames, "right": right}


def _ends(clip: Array, rng: Generator) -> dict[str, Any]:
    if len(clip) < _SHORTEST:
        return {"frames": slice(None)}
    start, end = rng.integers(1, 7), rng.integers(len(clip) - 5, len(clip))
    return {"frames": slice(int(start), int(end))}


def _offsets(std: float, rng: Generator) -> Array:
    return np.float32(std) * rng.standard_normal(3, np.float32)


OPERATIONS = {
    "signon.shift_frames": operation.Operation(operation.POINTS75, _delayed, delay),
    "signon.flip": operation.Operation(operation.POINTS75, lambda clip, rng: {}, mirror),
    "signon.rotate_hands": operation.Operation(
        operation.POINTS75,
        lambda clip, rng, most: dict(
            zip(("left", "right"), rng.uniform(-most, most, 2).tolist(), strict=True)
        ),
        rotate_hands,
    ),
    "signon.jitter": operation.Operation(
        operation.POINTS75,
        lambda clip, rng, std: {
            "normals": rng.standard_normal((len(clip), 42, 3), np.float32),
            "std": std,
        },
        jitter,
    ),
    "signon.crop": operation.Operation(operation.POINTS75, _cropped, points.take_frames),
    "signon.drop_frames": operation.Operation(operation.POINTS75, _thinned, points.take_frames),
    "signon.hide_hand": operation.Operation(operation.POINTS75, _hidden, hide_hand),
    "signon.shift": operation.Operation(
        operation.POINTS75, lambda clip, rng, std: {"by": _offsets(std, rng)}, shift
    ),
    "signon.shift_hands": operation.Operation(
        operation.POINTS75,
        lambda clip, rng, std: {"left": _offsets(std, rng), "right": _offsets(std, rng)},
        shift_hands,
    ),
    "signon.zoom": operation.Operation(
        operation.POINTS75,
        lambda clip, rng, by: dict(zip("xy", rng.uniform(1 - by, 1 + by, 2).tolist(), strict=True)),
        zoom,
    ),
    "signon_a.change_speed": operation.Operation(
        operation.POINTS,
        lambda clip, rng, faster: {"faster": rng.random() < faster},
        change_speed,
        stretch=lambda faster: 2.0 if faster < 1 else 1.0,
    ),
    "signon_a.temporal_shift": operation.Operation(operation.POINTS, _ends, points.take_frames),
    "signon_a.rotate_y": operation.Operation(
        operation.POINTS75,
        lambda clip, rng, most: {"degrees": int(rng.integers(-most, most + 1))},
        rotate_about_y,
    ),
    "signon_a.flip": operation.Operation(operation.POINTS, lambda clip, rng: {}, negate),
}
