"""Operations on joints [T, J, F], 0 in every number where absent, before a clip is padded.

Masking, jitter and noise are WhisperSign's; another speed is ours.
"""

from typing import Any

import numpy as np

from jaxsign.input.signs.augment import features, operation

Array = np.ndarray
Generator = np.random.Generator
_SHORTEST = 4  # frames that another speed leaves at least


def mask_joints(x: Array, hidden: Array) -> Array:
    """A copy of float [T, J, F] without the joints of bool [J], in all frames."""
    x = x.copy()
    x[:, hidden] = 0
    return x


def shift_frames(x: Array, shift: int) -> Array:
    """The clip `shift` frames later (earlier if negative); its first (last) frame fills the gap."""
    return x[np.clip(np.arange(len(x)) - shift, 0, len(x) - 1)]


def add_noise(x: Array, noise: Array, absent: str = "zero") -> Array:
    """float32 [T, J, F] with noise of that shape.

    Args:
      x: joints.
      noise: what is added.
      absent: 'zero': joints that are absent from a frame stay so. 'upstream': they get noise too,
        as in the original.
    """
    if absent == "zero":
        noise = np.where(present(x), noise, 0)
    return (x + noise).astype(np.float32)


def present(x: Array) -> Array:
    """bool [T, J, 1]: joints with any number that is not 0."""
    return (x != 0).any(axis=-1, keepdims=True)


def scale_time(x: Array, factor: float) -> Array:
    """The clip in round(T * factor) frames, both ends kept; velocities become those of its speed.

    Between two frames that show a joint its numbers are interpolated linearly; where only one does,
    the nearer frame counts.

    Args:
      x: float32 [T, J, F], F one of `operation.DERIVATIVES`.
      factor: above 1 = slower and longer.

    Returns:
      float32 [T', J, F], T' at least min(T, 4).
    """
    frames = len(x)
    count = max(round(frames * factor), min(frames, _SHORTEST))
    if frames < 2 or count == frames:
        return x
    places = np.linspace(0, frames - 1, count)
    before = np.minimum(places.astype(np.int64), frames - 2)
    share = (places - before).astype(np.float32)[:, None, None]
    a, b = x[before], x[before + 1]
    made = np.where(present(a) & present(b), a + share * (b - a), np.where(share < 0.5, a, b))
    faster = (frames - 1) / (count - 1)
    return made * np.float32(faster) ** np.array(operation.DERIVATIVES[x.shape[-1]], np.float32)


def _factor(x: Array, rng: Generator, times: tuple[float, float], longest: int) -> dict[str, Any]:
    """How many times as long the clip becomes.

    None grows beyond `longest` frames (0 = any), which would be cut off while its labels stay.
    """
    most = max(1.0, longest / len(x)) if longest else np.inf
    return {"factor": min(rng.uniform(*times), most)}


def _spell(x: Array, rng: Generator, most: int) -> dict[str, Any]:
    count = int(rng.integers(1, most + 1))
    first = int(rng.integers(0, max(1, len(x) - count)))
    return {"frames": slice(first, first + count)}


def _noise(x: Array, rng: Generator, std: float) -> dict[str, Any]:
    return {"noise": np.float32(std) * rng.standard_normal(x.shape, np.float32)}


OPERATIONS = {
    "joints.time_scale": operation.Operation(
        operation.JOINTS,
        _factor,
        scale_time,
        stretch=lambda times, longest: max(1.0, times[1]),
    ),
    "joints.joint_mask": operation.Operation(
        operation.JOINTS,
        lambda x, rng, share: {"hidden": np.asarray(rng.random(x.shape[1])) < share},
        mask_joints,
    ),
    "joints.time_mask": operation.Operation(operation.JOINTS, _spell, features.mask_frames),
    "joints.jitter": operation.Operation(
        operation.JOINTS,
        lambda x, rng, most: {"shift": int(rng.integers(-most, most + 1))},
        shift_frames,
    ),
    "joints.noise_std": operation.Operation(operation.JOINTS, _noise, add_noise),
}
