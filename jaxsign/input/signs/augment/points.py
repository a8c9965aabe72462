"""Operations on points [T, P, 2 or 3] with NaN for absent ones.

Another speed, affine changes, frame masks and distortion follow google_asl_recognition; rotation,
shear, cut-out and frame masks of NaN follow the winning entry of the Google isolated sign language
competition (2023).
"""

from typing import Any

import numpy as np

from jaxsign.input.signs.augment import features, operation

Array = np.ndarray
Generator = np.random.Generator
_MASKS = {"zero": 0.0, "nan": np.nan}


def resample_indices(frames: int, factor: float) -> Array:
    """int [max(1, ...)]: frames kept when `frames` become int(frames * factor), the lower ones.

    A clip that would become empty stays as it is.
    """
    count = int(frames * factor)
    if count <= 0:
        return np.arange(frames)
    return np.linspace(0, frames - 1, count, dtype=np.float32).astype(np.int64)


def take_frames(points: Array, frames: Array | slice) -> Array:
    """The clip of those frames."""
    return points[frames]


def affine(
    points: Array,
    scale: float,
    shift: tuple[float, float],
    *,
    degrees: float = 0.0,
    shear: float = 0.0,
) -> Array:
    """Scales about the origin, moves, then turns and shears about the image's middle.

    Args:
      points: float [T, P, 2 or 3]; z is treated as x is, as the original does; NaN stays NaN.
      scale: factor.
      shift: (dx, dy), fractions of the image.
      degrees: turn in the image plane.
      shear: x moves by `shear` times the height above or below the middle.
    """
    moved = points * np.float32(scale)
    moved[..., 0::2] += np.float32(shift[0])
    moved[..., 1] += np.float32(shift[1])
    if degrees or shear:
        angle = np.deg2rad(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[1.0, shear], [0.0, 1.0]])
        moved[..., :2] = (moved[..., :2] - 0.5) @ matrix.T.astype(np.float32) + np.float32(0.5)
    return moved


def distort(points: Array, normals: Array, step: float = 0.1) -> Array:
    """Adds a random walk over time, the same to all coordinates: cumsum(step * normals)."""
    walk = np.cumsum(np.float32(step) * normals.astype(np.float32), dtype=np.float32)
    return points + walk[:, None, None]


def cut_out(points: Array, centre: tuple[float, float], size: float) -> Array:
    """The points with those in a square of the image absent, in all frames."""
    away = np.abs(points[..., :2] - np.asarray(centre, np.float32)) > size / 2
    # NaN compares False: an absent point stays absent either way.
    return np.where(away.any(-1, keepdims=True), points, np.float32(np.nan))


def _kept(points: Array, rng: Generator, times: tuple[float, float]) -> dict[str, Any]:
    return {"frames": resample_indices(len(points), rng.uniform(*times))}


def _moved(
    points: Array, rng: Generator, scale: float, shift: float, rotate: float, shear: float
) -> dict[str, Any]:
    return {
        "scale": 1 + rng.uniform(-scale, scale),
        "shift": tuple(rng.uniform(-shift, shift, 2)),
        "degrees": rng.uniform(-rotate, rotate),
        "shear": rng.uniform(-shear, shear),
    }


def _masked(
    points: Array, rng: Generator, ratio: tuple[float, float], value: str
) -> dict[str, Any]:
    """int(T * U(*ratio)) distinct frames."""
    count = int(len(points) * rng.uniform(*ratio))
    frames = rng.choice(len(points), count, replace=False)
    return {"frames": frames, "value": _MASKS[value]}


def _walk(points: Array, rng: Generator, step: float) -> dict[str, Any]:
    return {"normals": rng.standard_normal(len(points)), "step": step}


def _hole(points: Array, rng: Generator, size: tuple[float, float]) -> dict[str, Any]:
    return {"centre": tuple(rng.uniform(0.0, 1.0, 2)), "size": rng.uniform(*size)}


OPERATIONS = {
    "landmarks.resample": operation.Operation(
        operation.POINTS, _kept, take_frames, stretch=lambda times: max(1.0, times[1])
    ),
    "landmarks.affine": operation.Operation(operation.POINTS, _moved, affine),
    "landmarks.mask": operation.Operation(operation.POINTS, _masked, features.mask_frames),
    "landmarks.distort": operation.Operation(operation.POINTS, _walk, distort),
    "landmarks.cutout": operation.Operation(operation.POINTS, _hole, cut_out),
}
