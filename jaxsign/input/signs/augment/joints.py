"""Random changes of training clips that are joints [T, J, F], 0 in every number where absent.

Masking, jitter and noise are WhisperSign's; another speed is ours. They work on a clip before it
is padded. Every function takes its draws as arguments; `AugmentJoints` draws them.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean

Array = np.ndarray
Generator = np.random.Generator
# How often each number of a joint is a position derived by time; by the count of numbers.
DERIVATIVES = {
    2: (0, 0),
    3: (0, 0, 0),
    4: (0, 0, 1, 1),
    6: (0, 0, 1, 1, 2, 2),  # x, y, velocities, accelerations
    7: (0, 0, 0, 1, 1, 1, 0),  # x, y, z, velocities, confidence
}
_SHORTEST = 4  # frames that another speed leaves at least


def mask_joints(x: Array, hidden: Array) -> Array:
    """A copy of float [T, J, F] without the joints of bool [J], in all frames."""
    x = x.copy()
    x[:, hidden] = 0
    return x


def mask_frames(x: Array, first: int, count: int) -> Array:
    """A copy of float [T, J, F] without `count` frames from `first` on."""
    x = x.copy()
    x[first : first + count] = 0
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
      x: float32 [T, J, F], F one of `DERIVATIVES`.
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
    return made * np.float32(faster) ** np.array(DERIVATIVES[x.shape[-1]], np.float32)


@dataclasses.dataclass(frozen=True)
class AugmentJoints:
    """Applies what is on, with one draw a clip. A plain object, so that workers can receive it.

    Attributes:
      joint_mask: probability of each joint to be absent from the whole clip.
      time_mask: probability that a run of 1 to `time_mask_frames` frames shows nothing.
      jitter: the clip moves by up to so many frames to either side.
      noise_std: deviation of the noise on every number of a joint that is there.
      time_scale: the clip becomes U(from, to) times as long.
      longest: frames beyond which no clip becomes longer than it was, because they would be cut off
        while their labels stay; 0 = any.
    """

    joint_mask: float = 0.0
    time_mask: float = 0.0
    time_mask_frames: int = 10
    jitter: int = 0
    noise_std: float = 0.0
    time_scale: tuple[float, float] = (1.0, 1.0)
    longest: int = 0

    def is_on(self) -> bool:
        """Whether anything can change a clip."""
        values = (self.joint_mask, self.time_mask, self.jitter, self.noise_std)
        return any(values) or tuple(self.time_scale) != (1.0, 1.0)

    @property
    def stretch(self) -> float:
        """How many times as long as before a clip can become."""
        return max(1.0, self.time_scale[1])

    def _slowest(self, frames: int) -> float:
        return max(1.0, self.longest / frames) if self.longest else np.inf

    def __call__(self, x: Array, rng: Generator) -> Array:
        """The clip after this time's draws; `x` itself is never written to.

        Args:
          x: float32 [T, J, F], T >= 1, unpadded.
          rng: the clip's own generator; the same state gives the same result.

        Raises:
          UserError: the clip is not of joints whose velocities are known.
        """
        if x.ndim != 3 or x.shape[-1] not in DERIVATIVES:
            raise UserError(
                f"input.augment.joints is for joints [T, J, F] with F among {sorted(DERIVATIVES)}; "
                f"this view gives {list(x.shape)}. Use the other keys of input.augment."
            )
        if tuple(self.time_scale) != (1.0, 1.0):
            x = scale_time(x, min(rng.uniform(*self.time_scale), self._slowest(len(x))))
        if self.joint_mask:
            x = mask_joints(x, np.asarray(rng.random(x.shape[1])) < self.joint_mask)
        if self.time_mask and rng.random() < self.time_mask:
            count = int(rng.integers(1, self.time_mask_frames + 1))
            x = mask_frames(x, int(rng.integers(0, max(1, len(x) - count))), count)
        if self.jitter:
            x = shift_frames(x, int(rng.integers(-self.jitter, self.jitter + 1)))
        if self.noise_std:
            noise = rng.standard_normal(x.shape, np.float32)
            x = add_noise(x, np.float32(self.noise_std) * noise)
        return x


def build(options: Mapping[str, Any], longest: int = 0) -> AugmentJoints | None:
    """The augmentation of `config.input.augment.joints`, or None when everything is off.

    Args:
      options: that section.
      longest: see `AugmentJoints`.

    Raises:
      UserError: an unknown key or a value out of its range.
    """
    known = set(AugmentJoints.__dataclass_fields__) - {"longest"}
    values = dict(options)
    problems = [f"{key}: unknown key.{did_you_mean(key, known)}" for key in set(values) - known]
    problems += [f"{key}={v!r}: expected {hint}" for key, v, hint in _wrong(values)]
    if problems:
        raise UserError("input.augment.joints." + "; ".join(sorted(problems)))
    augment = AugmentJoints(**values, longest=longest)
    return augment if augment.is_on() else None


def _wrong(values: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    found = []
    for key in ("joint_mask", "time_mask"):
        if not 0 <= values.get(key, 0.0) <= 1:
            found.append((key, values[key], "a probability from 0 to 1"))
    for key, low in (("time_mask_frames", 1), ("jitter", 0)):
        value = values.get(key, low)
        if not isinstance(value, int) or value < low:
            found.append((key, value, f"a whole number of frames from {low} on"))
    if not 0 <= values.get("noise_std", 0.0) < np.inf:
        found.append(("noise_std", values["noise_std"], "0 or more"))
    pair = tuple(values.get("time_scale", (1.0, 1.0)))
    if len(pair) != 2 or not 0.1 <= pair[0] <= pair[1] <= 10:
        found.append(("time_scale", pair, "(from, to) between 0.1 and 10"))
    return found
