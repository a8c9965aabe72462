"""Random changes of training clips, each on its own and off by default.

Noise and frame masking work on any features and follow fslr-transformer-vs-iv3gru; `speed` too
works on any. The others move or hide keypoints and need the 156 numbers of FSLR, where a point at
(0, 0) is absent and stays so.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs import keypoints

Array = np.ndarray
Generator = np.random.Generator
WIDTH = 2 * keypoints.COUNT
OF_KEYPOINTS = ("shift", "scale", "rotate", "point_dropout", "flip")
# Largest meaningful value of each key; the smallest is 0 everywhere.
_LIMITS = {
    "noise_std": np.inf,
    "noise_prob": 1.0,
    "mask_prob": 1.0,
    "mask_ratio": 1.0,
    "shift": np.inf,
    "scale": 0.99,
    "rotate": 180.0,
    "speed": 0.99,
    "point_dropout": 1.0,
    "flip": 1.0,
}


def build(config: Mapping[str, Any], normalised: bool = False) -> "Augment | None":
    """The augmentation that a recipe asks for.

    Args:
      config: `config.input.augment`; a key that is left out is off.
      normalised: the view's origin is the signer's middle (`view.normalise='shoulders'`), not the
        image's corner; `flip` needs to know.

    Returns:
      A callable (x float32 [T, D], rng) -> float32 [T', D], or None when everything is off.

    Raises:
      UserError: an unknown key or a value out of its range.
    """
    values = {key: float(value) for key, value in config.items() if key not in _OTHERS}
    for key, value in values.items():
        if key not in _LIMITS:
            raise UserError(f"input.augment.{key}: unknown key.{did_you_mean(key, _LIMITS)}")
        if not 0 <= value <= _LIMITS[key]:
            raise UserError(
                f"input.augment.{key}={value:g} is out of range: expected 0 to {_LIMITS[key]:g}"
            )
    augment = Augment(**values, normalised=normalised)
    return augment if augment.is_on() else None


_OTHERS = ("landmarks", "joints")  # sections of other kinds of augmentation


@dataclasses.dataclass(frozen=True)
class Augment:
    """Applies what is on, with one draw a clip. A plain object, so that workers can receive it.

    Attributes:
      noise_std, noise_prob: see `add_noise`.
      mask_prob, mask_ratio: see `mask_frames`.
      shift: both axes move by U(-shift, shift), in the view's unit.
      scale: size changes by U(1 - scale, 1 + scale) about the clip's mean point.
      rotate: the clip turns by U(-rotate, rotate) degrees about its mean point.
      speed: time runs U(1 - speed, 1 + speed) times as fast.
      point_dropout: see `drop_points`.
      flip: probability of a mirror image.
      normalised: see `build`.
    """

    noise_std: float = 0.0
    noise_prob: float = 0.3
    mask_prob: float = 0.0
    mask_ratio: float = 0.1
    shift: float = 0.0
    scale: float = 0.0
    rotate: float = 0.0
    speed: float = 0.0
    point_dropout: float = 0.0
    flip: float = 0.0
    normalised: bool = False

    def is_on(self) -> bool:
        """Whether anything can change a clip."""
        others = self.mask_prob + self.speed + sum(getattr(self, key) for key in OF_KEYPOINTS)
        return bool(others) or self.noise_std * self.noise_prob > 0

    @property
    def stretch(self) -> float:
        """How many times as long as before a clip can become."""
        return 1.0 / (1.0 - self.speed)

    def __call__(self, x: Array, rng: Generator) -> Array:
        """The clip after this time's draws; `x` itself is never written to.

        Args:
          x: float32 [T, D], T >= 1, unpadded.
          rng: the clip's own generator; the same state gives the same result.

        Raises:
          UserError: an option for keypoints is on and x is no [T, 156].
        """
        x = np.asarray(x, np.float32)
        self._check(x)
        if self.speed:
            x = change_speed(x, rng.uniform(1 - self.speed, 1 + self.speed))
        if any(getattr(self, key) for key in OF_KEYPOINTS):
            x = self._move(x.reshape(len(x), keypoints.COUNT, 2), rng).reshape(len(x), WIDTH)
        # Noise comes after what must tell absent points by their zeros.
        if self.noise_std and rng.random() < self.noise_prob:
            x = add_noise(x, self.noise_std, rng)
        if self.mask_prob and rng.random() < self.mask_prob:
            x = mask_frames(x, self.mask_ratio, rng)
        return x

    def _check(self, x: Array) -> None:
        on = [key for key in OF_KEYPOINTS if getattr(self, key)]
        if x.ndim != 2:
            raise UserError(
                f"input.augment: clips have shape {list(x.shape)}, expected [T, D]; augmentation "
                "is not made for raw frames. Set its keys to 0."
            )
        if on and x.shape[1] != WIDTH:
            raise UserError(
                f"input.augment.{on[0]} moves keypoints: it needs clips [T, {WIDTH}], found "
                f"{list(x.shape)}. Set input.augment.{on[0]}=0 or use keypoints."
            )

    def _move(self, points: Array, rng: Generator) -> Array:
        if self.flip and rng.random() < self.flip:
            points = mirror(points, self.normalised)
        if self.scale:
            points = resize(points, rng.uniform(1 - self.scale, 1 + self.scale))
        if self.rotate:
            points = turn(points, rng.uniform(-self.rotate, self.rotate))
        if self.shift:
            points = move(points, rng.uniform(-self.shift, self.shift, 2))
        if self.point_dropout:
            points = drop_points(points, self.point_dropout, rng)
        return points


def add_noise(x: Array, std: float, rng: Generator) -> Array:
    """x + N(0, std^2), absent points included, as the original does."""
    return x + rng.normal(0.0, std, x.shape).astype(np.float32)


def mask_frames(x: Array, ratio: float, rng: Generator) -> Array:
    """Zeroes max(1, int(T * ratio)) frames in a row; every place is equally likely."""
    length = max(1, int(len(x) * ratio))
    start = rng.integers(0, len(x) - length + 1)
    x = x.copy()
    x[start : start + length] = 0.0
    return x


def change_speed(x: Array, factor: float) -> Array:
    """Resamples float32 [T, D] to max(1, round(T / factor)) frames, linearly.

    A keypoint that is absent in one of the two frames takes its value from the nearer one: half-way
    to (0, 0) is no place.
    """
    count = max(1, round(len(x) / factor))
    at = np.linspace(0, len(x) - 1, count)
    low = at.astype(int)
    high = np.minimum(low + 1, len(x) - 1)
    share = (at - low).astype(np.float32)[:, None]
    mixed = (1 - share) * x[low] + share * x[high]
    if x.shape[1] != WIDTH:
        return mixed
    present = np.repeat(_present(x.reshape(len(x), -1, 2)), 2, axis=1)
    return np.where(present[low] & present[high], mixed, x[np.where(at - low < 0.5, low, high)])


def mirror(points: Array, normalised: bool = False) -> Array:
    """Left becomes right in float32 [T, 78, 2]: places, hands, pose and face points."""
    points = points[:, keypoints.MIRROR]
    x, y = points[..., 0], points[..., 1]
    return _where_present(points, np.stack([-x if normalised else 1 - x, y], axis=-1))


def resize(points: Array, factor: float) -> Array:
    """Scales float32 [T, 78, 2] about the mean of its present points."""
    centre = _centre(points)
    return _where_present(points, (points - centre) * np.float32(factor) + centre)


def turn(points: Array, degrees: float) -> Array:
    """Rotates float32 [T, 78, 2] about the mean of its present points."""
    centre, angle = _centre(points), np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _where_present(points, (points - centre) @ matrix.T.astype(np.float32) + centre)


def move(points: Array, by: Array) -> Array:
    """Adds (dx, dy) to float32 [T, 78, 2]."""
    return _where_present(points, points + np.asarray(by, np.float32))


def drop_points(points: Array, probability: float, rng: Generator) -> Array:
    """Hides keypoints of float32 [T, 78, 2] for the whole clip.

    The left hand, the right hand, the face and every single keypoint each go with `probability`.
    """
    hidden = rng.random(keypoints.COUNT) < probability
    for part in (keypoints.LEFT_HAND, keypoints.RIGHT_HAND, keypoints.FACE):
        hidden[part] |= rng.random() < probability
    return np.where(hidden[:, None], np.float32(0), points)


def _present(points: Array) -> Array:
    """bool [T, 78]: an absent point is stored as (0, 0)."""
    return (points != 0).any(axis=-1)


def _where_present(points: Array, new: Array) -> Array:
    return np.where(_present(points)[..., None], new, np.float32(0))


def _centre(points: Array) -> Array:
    """float32 [2]: mean of the clip's present points; the origin where there are none."""
    present = _present(points)
    return points[present].mean(axis=0) if present.any() else np.zeros(2, np.float32)
