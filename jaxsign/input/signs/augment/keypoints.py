"""Operations on the 78 keypoints of FSLR, where a point at (0, 0) is absent and stays so.

`local`: the view's hands are local, see `views.fslr156`: their fingers have no place that could
move and no size that could change; they turn with the body.
"""

from typing import Any

import numpy as np

from jaxsign.input.signs import keypoints as body
from jaxsign.input.signs.augment import operation

Array = np.ndarray


def mirror(points: Array, normalised: bool = False, local: bool = False) -> Array:
    """Left becomes right in float32 [T, 78, 2]: places, hands, pose and face points."""
    points = points[:, body.MIRROR]
    x, y = points[..., 0], points[..., 1]
    mirrored = np.stack([-x if normalised else 1 - x, y], axis=-1)
    if local:
        mirrored[:, body.FINGERS, 0] = -x[:, body.FINGERS]
    return _where(points, mirrored)


def resize(points: Array, factor: float, local: bool = False) -> Array:
    """Scales float32 [T, 78, 2] about the mean of its present points; local hands stay."""
    centre = _centre(points, local)
    return _body(points, (points - centre) * np.float32(factor) + centre, local)


def turn(points: Array, degrees: float, local: bool = False) -> Array:
    """Rotates float32 [T, 78, 2] about the mean of its present points, local hands about 0."""
    centre, angle = _centre(points, local), np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _where(points, (points - centre) @ matrix.T.astype(np.float32) + centre)


def move(points: Array, by: Array, local: bool = False) -> Array:
    """Adds (dx, dy) to float32 [T, 78, 2]; local hands stay."""
    return _body(points, points + np.asarray(by, np.float32), local)


def drop_points(points: Array, hidden: Array) -> Array:
    """Float32 [T, 78, 2] without the keypoints of bool [78], in all frames."""
    return np.where(hidden[:, None], np.float32(0), points)


def _hidden(points: Array, rng: np.random.Generator, share: float) -> dict[str, Any]:
    """The left hand, the right hand, the face and every single keypoint each go with `share`."""
    hidden = rng.random(body.COUNT) < share
    for part in (body.LEFT_HAND, body.RIGHT_HAND, body.FACE):
        hidden[part] |= rng.random() < share
    return {"hidden": hidden}


def present(points: Array) -> Array:
    """bool [T, 78]: an absent point is stored as (0, 0)."""
    return (points != 0).any(axis=-1)


def _where(points: Array, new: Array) -> Array:
    return np.where(present(points)[..., None], new, np.float32(0))


def _body(points: Array, new: Array, local: bool) -> Array:
    """`new` where points are present, but for the fingers of local hands."""
    made = _where(points, new)
    if local:
        made[:, body.FINGERS] = points[:, body.FINGERS]
    return made


def _centre(points: Array, local: bool) -> Array:
    """float32 [78, 2]: what points turn about, the mean of the clip's present ones; 0 without any.

    Fingers of local hands are told around their wrists: they turn about 0 and count for no mean.
    """
    here = present(points)
    if local:
        here[:, body.FINGERS] = False
    mean = points[here].mean(axis=0) if here.any() else np.zeros(2, np.float32)
    centre = np.tile(mean, (body.COUNT, 1))
    if local:
        centre[body.FINGERS] = 0
    return centre


OPERATIONS = {
    "flip": operation.Operation(
        operation.KEYPOINTS,
        lambda points, rng, normalised, local: {"normalised": normalised, "local": local},
        mirror,
    ),
    "scale": operation.Operation(
        operation.KEYPOINTS,
        lambda points, rng, by, local: {"factor": rng.uniform(1 - by, 1 + by), "local": local},
        resize,
    ),
    "rotate": operation.Operation(
        operation.KEYPOINTS,
        lambda points, rng, by, local: {"degrees": rng.uniform(-by, by), "local": local},
        turn,
    ),
    "shift": operation.Operation(
        operation.KEYPOINTS,
        lambda points, rng, by, local: {"by": rng.uniform(-by, by, 2), "local": local},
        move,
    ),
    "point_dropout": operation.Operation(operation.KEYPOINTS, _hidden, drop_points),
}
