"""Operations on numbers [T, D] of any meaning: noise and frame masks of fslr-transformer-vs-iv3gru,
and another speed."""

from typing import Any

import numpy as np

from jaxsign.input.signs.augment import keypoints, operation

Array = np.ndarray


def add_noise(x: Array, noise: Array) -> Array:
    """x + noise, absent points included, as the original does."""
    return x + noise


def mask_frames(x: Array, frames: slice | Array, value: float = 0.0) -> Array:
    """A copy of [T, ...] with whole frames replaced by `value`."""
    x = x.copy()
    x[frames] = value
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
    if not operation.KEYPOINTS.fits(x.shape):
        return mixed
    present = np.repeat(keypoints.present(x.reshape(len(x), -1, 2)), 2, axis=1)
    return np.where(present[low] & present[high], mixed, x[np.where(at - low < 0.5, low, high)])


def _block(x: Array, rng: np.random.Generator, ratio: float) -> dict[str, Any]:
    """max(1, int(T * ratio)) frames in a row; every place is equally likely."""
    length = max(1, int(len(x) * ratio))
    start = int(rng.integers(0, len(x) - length + 1))
    return {"frames": slice(start, start + length)}


OPERATIONS = {
    "speed": operation.Operation(
        operation.FEATURES,
        lambda x, rng, by: {"factor": rng.uniform(1 - by, 1 + by)},
        change_speed,
        stretch=lambda by: 1 / (1 - by),
    ),
    "noise_std": operation.Operation(
        operation.FEATURES,
        lambda x, rng, std: {"noise": rng.normal(0.0, std, x.shape).astype(np.float32)},
        add_noise,
    ),
    "mask_prob": operation.Operation(operation.FEATURES, _block, mask_frames),
}
