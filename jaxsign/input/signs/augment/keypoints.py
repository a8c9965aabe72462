"""Operations on the 78 keypoints of FSLR, where a point at (0, 0) is absent and stays so."""

from typing import Any

import numpy as np

from jaxsign.input.signs import keypoints as body
from jaxsign.input.signs.augment import operation

Array = np.ndarray


def mirror(points: Array, normalised: bool = False) -> Array:
    """Left becomes right in float32 [T, 78, 2]: places, hands, pose and face points."""
    points = points[:, body.MIRROR]
    x, y = points[..., 0], points[..., 1]
    return _where(points, np.stack([-x if normalised else 1 - x, y], axis=-1))


def resize(points: Array, factor: float) -> Array:
    """Scales float32 [T, 78, 2] about the mean of its present points."""
    centre = _centre(points)
    return _where(points, (points - centre) * np.float32(factor) + centre)


def turn(points: Array, degrees: float) -> Array:
    """Rotates float32 [T, 78, 2] about the mean of its present points."""
    centre, angle = _centre(points), np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _where(points, (points - centre) @ matrix.T.astype(np.float32) + centre)


def move(points: Array, by: Array) -> Array:
    """Adds (dx, dy) to float32 [T, 78, 2]."""
    return _where(points, points + np.asarray(by, np.float32))


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


def _centre(points: Array) -> Array:
    """float32 [2]: mean of the clip's present points; the origin where there are none."""
    here = present(points)
    return points[here].mean(axis=0) if here.any() else np.zeros(2, np.float32)


OPERATIONS = {
    "flip": operation.Operation(
        operation.KEYPOINTS, lambda points, rng, normalised: {"normalised": normalised}, mirror
    ),
    "scale": operation.Operation(
        operation.KEYPOINTS,
        lambda points, rng, by: {"factor": rng.uniform(1 - by, 1 + by)},
        resize,
    ),
    "rotate": operation.Operation(
        operation.KEYPOINTS, lambda points, rng, by: {"degrees": rng.uniform(-by, by)}, turn
    ),
    "shift": operation.Operation(
        operation.KEYPOINTS, lambda points, rng, by: {"by": rng.uniform(-by, by, 2)}, move
    ),
    "point_dropout": operation.Operation(operation.KEYPOINTS, _hidden, drop_points),
}
