"""Random changes of training clips that are points [T, P, 2 or 3] with NaN for absent ones.

Every function takes its draws as arguments; `AugmentLandmarks` draws them. The first four follow
google_asl_recognition; rotation, shear, cut-out, frame masks of NaN and the mirror follow the
winning entry of the Google isolated sign language competition (2023).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean

Array = np.ndarray
Generator = np.random.Generator
MASK_VALUES = ("zero", "nan")


def resample_indices(frames: int, factor: float) -> Array:
    """int [max(1, ...)]: frames kept when `frames` become int(frames * factor), the lower ones.

    A clip that would become empty stays as it is.
    """
    count = int(frames * factor)
    if count <= 0:
        return np.arange(frames)
    return np.linspace(0, frames - 1, count, dtype=np.float32).astype(np.int64)


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


def mask_frames(points: Array, frames: Array, value: float = 0.0) -> Array:
    """The points with whole frames replaced by `value`; a copy, always."""
    points = points.copy()
    points[frames] = value
    return points


def distort(points: Array, normals: Array, step: float = 0.1) -> Array:
    """Adds a random walk over time, the same to all coordinates: cumsum(step * normals)."""
    walk = np.cumsum(np.float32(step) * normals.astype(np.float32), dtype=np.float32)
    return points + walk[:, None, None]


def cut_out(points: Array, centre: tuple[float, float], size: float) -> Array:
    """The points with those in a square of the image absent, in all frames."""
    away = np.abs(points[..., :2] - np.asarray(centre, np.float32)) > size / 2
    # NaN compares False: an absent point stays absent either way.
    return np.where(away.any(-1, keepdims=True), points, np.float32(np.nan))


@dataclasses.dataclass(frozen=True)
class AugmentLandmarks:
    """Applies what is on, with one draw a clip. A plain object, so that workers can receive it.

    Attributes:
      resample: probability of another speed; the clip becomes U(*resample_scale) times as long.
      affine: probability of a move: scale 1 + U(-scale, scale), shift U(-shift, shift) on both
        axes, turn U(-rotate, rotate) degrees, shear U(-shear, shear).
      mask: probability that int(T * U(*mask_ratio)) distinct frames become `mask_value`.
      distort: probability of a random walk with steps of `distort_step`.
      cutout: probability of a square hole of U(*cutout_size) of the image.
      flip: probability of the mirror image, which the view makes.
    """

    resample: float = 0.0
    resample_scale: tuple[float, float] = (0.8, 1.2)
    affine: float = 0.0
    scale: float = 0.02
    shift: float = 0.01
    rotate: float = 0.0
    shear: float = 0.0
    mask: float = 0.0
    mask_ratio: tuple[float, float] = (0.05, 0.05)
    mask_value: str = "zero"
    distort: float = 0.0
    distort_step: float = 0.1
    cutout: float = 0.0
    cutout_size: tuple[float, float] = (0.2, 0.4)
    flip: float = 0.0

    def is_on(self) -> bool:
        """Whether anything can change a clip."""
        return any((self.resample, self.affine, self.mask, self.distort, self.cutout, self.flip))

    @property
    def stretch(self) -> float:
        """How many times as long as before a clip can become."""
        return max(1.0, self.resample_scale[1]) if self.resample else 1.0

    def __call__(self, points: Array, rng: Generator) -> Array:
        """The clip after this time's draws; `points` itself is never written to.

        Args:
          points: float32 [T, P, 2 or 3], T >= 1, unpadded.
          rng: the clip's own generator; the same state gives the same result.
        """
        if _happens(self.resample, rng):
            points = points[resample_indices(len(points), rng.uniform(*self.resample_scale))]
        if _happens(self.affine, rng):
            points = self._moved(points, rng)
        if _happens(self.mask, rng):
            points = self._masked(points, rng)
        if _happens(self.distort, rng):
            points = distort(points, rng.standard_normal(len(points)), self.distort_step)
        if _happens(self.cutout, rng):
            centre = tuple(rng.uniform(0.0, 1.0, 2))
            points = cut_out(points, centre, rng.uniform(*self.cutout_size))
        return points

    def _moved(self, points: Array, rng: Generator) -> Array:
        scale = 1 + rng.uniform(-self.scale, self.scale)
        shift = rng.uniform(-self.shift, self.shift, 2)
        degrees = rng.uniform(-self.rotate, self.rotate)
        shear = rng.uniform(-self.shear, self.shear)
        return affine(points, scale, (shift[0], shift[1]), degrees=degrees, shear=shear)

    def _masked(self, points: Array, rng: Generator) -> Array:
        count = int(len(points) * rng.uniform(*self.mask_ratio))
        frames = rng.choice(len(points), count, replace=False)
        return mask_frames(points, frames, np.nan if self.mask_value == "nan" else 0.0)


def _happens(probability: float, rng: Generator) -> bool:
    return probability > 0 and rng.random() < probability


def build(config: Mapping[str, Any]) -> AugmentLandmarks | None:
    """The augmentation of `config.input.augment.landmarks`, or None when everything is off.

    Raises:
      UserError: an unknown key or a value out of its range.
    """
    known = AugmentLandmarks.__dataclass_fields__
    values = dict(config)
    problems = [f"{key}: unknown key.{did_you_mean(key, known)}" for key in set(values) - {*known}]
    problems += [f"{key}={v!r}: expected {hint}" for key, v, hint in _wrong(values)]
    if problems:
        raise UserError("input.augment.landmarks." + "; ".join(sorted(problems)))
    augment = AugmentLandmarks(**values)
    return augment if augment.is_on() else None


def _wrong(values: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    found = []
    for key in ("resample", "affine", "mask", "distort", "cutout", "flip"):
        if not 0 <= values.get(key, 0.0) <= 1:
            found.append((key, values[key], "a probability from 0 to 1"))
    for key, low, high in (
        ("resample_scale", 0.01, 100.0),
        ("mask_ratio", 0.0, 1.0),
        ("cutout_size", 0.0, 1.0),
    ):
        pair = tuple(values.get(key, (low, high)))
        if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
            found.append((key, pair, f"(from, to) between {low:g} and {high:g}"))
    for key, high in (("scale", 0.99), ("shift", 10.0), ("rotate", 180.0), ("shear", 10.0)):
        if not 0 <= values.get(key, 0.0) <= high:
            found.append((key, values[key], f"0 to {high:g}"))
    if values.get("mask_value", "zero") not in MASK_VALUES:
        found.append(("mask_value", values["mask_value"], " or ".join(MASK_VALUES)))
    return found
