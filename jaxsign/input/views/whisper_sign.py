"""42 hand joints with velocity and confidence: the input of WhisperSign.

Joints: 21 of the left hand, 21 of the right hand, in MediaPipe's order. Numbers of a joint: x, y
(fractions of the image), z (relative to the wrist), their velocities a second, confidence. A hand
that is not seen is 0 in all of them.

`missing` says what an absent hand does to its neighbourhood. 'present': velocities, resampling and
means are made of the frames that show the hand. 'upstream': of its zeros too, as in the original.
"""

import dataclasses

import numpy as np

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.clean import presence, splines
from jaxsign.input.clip import LEFT_HAND, RIGHT_HAND, Clip

JOINTS, NUMBERS = 42, 7
HANDS = (slice(0, 21), slice(21, 42))
XYZ, VELOCITY, CONFIDENCE = slice(0, 3), slice(3, 6), 6
MISSING = ("present", "upstream")
# The middle finger from the wrist to its tip.
CHAIN = (0, 9, 10, 11, 12)


def view(
    clip: Clip | np.ndarray,
    *,
    rate: float = 60.0,
    missing: str = "present",
    normalise: bool = True,
    relative_velocity: bool = False,
    smooth: int = 0,
) -> np.ndarray:
    """The recogniser's input.

    Args:
      clip: T frames; or stored float [T, 42, 7], at its rate already, which is only normalised and
        smoothed.
      rate: frames a second of the result; 0 = as recorded.
      missing: 'present' or 'upstream', see above.
      normalise: hands around their wrists, in lengths of their middle fingers.
      relative_velocity: velocities relative to the wrist's, which fits positions around it; the
        original's are those in the image.
      smooth: frames of a moving average, 0 = none.

    Returns:
      float32 [T', 42, 7], finite.

    Raises:
      UserError: an option that there is not, or an array of another shape.
    """
    if missing not in MISSING:
        raise UserError(
            f"config.view.missing={missing!r}, expected one of {MISSING}."
            f"{did_you_mean(str(missing), MISSING)}"
        )
    x = joints(clip, rate=rate, missing=missing) if isinstance(clip, Clip) else _stored(clip)
    if normalise:
        x = scale_by_hand(centre_on_wrists(x), missing=missing)
    if relative_velocity:
        for hand in HANDS:
            x[:, hand, VELOCITY] -= x[:, hand.start : hand.start + 1, VELOCITY].copy()
    return moving_average(x, smooth, missing=missing) if smooth else x


def joints(clip: Clip, *, rate: float = 60.0, missing: str = "present") -> np.ndarray:
    """The clip's joints at a fixed rate: float32 [T', 42, 7], a new array, not normalised.

    Velocities are taken at the clip's own rate, before resampling.
    """
    xyz = np.concatenate([clip.landmarks[:, LEFT_HAND], clip.landmarks[:, RIGHT_HAND]], axis=1)
    seen = np.stack([~np.isnan(xyz[:, hand]).any(axis=(1, 2)) for hand in HANDS], axis=1)
    per_joint = np.repeat(seen, 21, axis=1)
    x = np.empty((len(clip), JOINTS, NUMBERS), np.float32)
    x[..., XYZ] = np.where(per_joint[..., None], xyz, 0)
    x[..., CONFIDENCE] = per_joint
    if missing == "upstream":
        step = 1 / clip.fps if clip.fps else presence.usual_step(clip.timestamps)
        x[..., VELOCITY] = velocity(x[..., XYZ], step)
        if rate:
            x = splines.resample_to_fixed_rate(x, clip.timestamps, rate)[0].astype(np.float32)
        return x
    for number, hand in enumerate(HANDS):
        x[:, hand, VELOCITY] = velocity_of_runs(x[:, hand, XYZ], seen[:, number], clip.timestamps)
    return _resampled(x, seen, clip.timestamps, rate) if rate else x


def _resampled(x: np.ndarray, seen: np.ndarray, timestamps: np.ndarray, rate: float) -> np.ndarray:
    times = splines.fixed_rate_times(timestamps, rate)
    made = np.empty((len(times), *x.shape[1:]), np.float32)
    for number, hand in enumerate(HANDS):
        made[:, hand, :6], covered = splines.resample_runs(
            x[:, hand, :6], seen[:, number], timestamps, times
        )
        made[:, hand, CONFIDENCE] = covered[:, None]
    return made


def velocity(xyz: np.ndarray, step: float) -> np.ndarray:
    """Central differences, one-sided at both ends; 0 for a single frame.

    Args:
      xyz: float [T, ...].
      step: seconds between two frames.
    """
    return np.gradient(xyz, step, axis=0) if len(xyz) > 1 and step > 0 else np.zeros_like(xyz)


def velocity_of_runs(xyz: np.ndarray, seen: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """`velocity` within each run of frames that show a hand, by timestamps; elsewhere 0.

    Args:
      xyz: float32 [T, J, 3].
      seen: bool [T].
      timestamps: float64 [T], seconds.
    """
    steps = np.diff(timestamps)
    both = seen[1:] & seen[:-1] & (steps > 0)
    slopes = np.diff(xyz, axis=0)
    slopes *= (both / np.where(both, steps, 1)).astype(np.float32)[:, None, None]
    # Each side weighs as much as the other one's step is long, as in central differences.
    before, after = np.zeros(len(seen)), np.zeros(len(seen))
    before[1:], after[:-1] = both, both
    long_before, long_after = np.r_[1.0, steps], np.r_[steps, 1.0]
    total = before * long_after + after * long_before
    total = np.where(total > 0, total, 1)
    made = np.zeros_like(xyz)
    made[1:] = slopes * (before * long_after / total)[1:, None, None].astype(np.float32)
    made[:-1] += slopes * (after * long_before / total)[:-1, None, None].astype(np.float32)
    return made


def centre_on_wrists(x: np.ndarray) -> np.ndarray:
    """Positions of each hand relative to its wrist; velocity and confidence stay.

    Args:
      x: float [T, 42, 7].

    Returns:
      A new array.
    """
    made = x.copy()
    for hand in HANDS:
        made[:, hand, XYZ] -= x[:, hand.start : hand.start + 1, XYZ]
    return made


def hand_lengths(x: np.ndarray, missing: str = "present") -> np.ndarray:
    """Mean length of each hand's middle finger from the wrist on, at least 1e-6: float [2].

    Args:
      x: float [T, 42, 7].
      missing: 'present': the mean over frames with confidence above 0, 1 where there is none.
        'upstream': over all frames, so a hand that is seldom seen comes out short.
    """
    lengths = []
    for hand in HANDS:
        chain = x[:, [hand.start + i for i in CHAIN], XYZ]
        way = np.sqrt((np.diff(chain, axis=1) ** 2).sum(axis=-1)).sum(axis=-1)
        if missing == "present":
            way = way[x[:, hand.start, CONFIDENCE] > 0]
        lengths.append(np.maximum(way.mean(), 1e-6) if len(way) else x.dtype.type(1))
    return np.stack(lengths)


def scale_by_hand(x: np.ndarray, missing: str = "present") -> np.ndarray:
    """Positions and velocities of each hand in its `hand_lengths`: a new array."""
    made = x.copy()
    for hand, length in zip(HANDS, hand_lengths(x, missing), strict=True):
        made[:, hand, :6] /= length
    return made


def moving_average(x: np.ndarray, window: int, missing: str = "upstream") -> np.ndarray:
    """Mean over the frames up to window // 2 before and after, fewer at the ends.

    Args:
      x: float [T, J, 7].
      window: frames; an even number acts as the next one.
      missing: 'present': over those among them that show the joint; frames that do not stay 0.

    Returns:
      A new array.
    """
    if window < 1:
        raise UserError(f"a moving average over {window} frames; expected at least 1")
    seen = (x[..., CONFIDENCE:] > 0) if missing == "present" else np.ones((*x.shape[:2], 1), bool)
    frames = np.arange(len(x))
    first, last = np.maximum(frames - window // 2, 0), np.minimum(frames + window // 2 + 1, len(x))

    def summed(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(x) + 1, *values.shape[1:]))
        np.cumsum(values, axis=0, out=sums[1:])
        return sums[last] - sums[first]

    counts = np.maximum(summed(seen), 1)
    return np.where(seen, summed(np.where(seen, x, 0)) / counts, 0).astype(x.dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureScaler:
    """Each of the 7 numbers shifted and scaled as it was over the training set.

    Attributes:
      shift, scale: float32 [F]; x becomes (x - shift) / scale - offset.
      offset: 1 in minmax, whose range is [-1, 1].
    """

    shift: np.ndarray
    scale: np.ndarray
    offset: float = 0.0

    @classmethod
    def fit(cls, x: np.ndarray, method: str = "standard") -> "FeatureScaler":
        """Of all frames and joints of float [..., F].

        Args:
          x: the training set.
          method: 'standard' (mean 0, deviation 1) or 'minmax' ([-1, 1]). A number that never
            changes is only shifted.
        """
        rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
        if method == "standard":
            shift, scale, offset = rows.mean(axis=0), rows.std(axis=0), 0.0
        elif method == "minmax":
            shift, offset = rows.min(axis=0), 1.0
            scale = (rows.max(axis=0) - shift) / 2
        else:
            raise UserError(f"FeatureScaler: method {method!r}, expected 'standard' or 'minmax'")
        scale = np.where(scale > 0, scale, 1 / (1 + offset))
        return cls(shift.astype(np.float32), scale.astype(np.float32), offset)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """float32, of the shape of float [..., F]."""
        return ((x - self.shift) / self.scale - self.offset).astype(np.float32)


def _stored(x: np.ndarray) -> np.ndarray:
    if np.shape(x)[1:] != (JOINTS, NUMBERS):
        raise UserError(
            f"view whisper_sign takes clips or arrays [T, {JOINTS}, {NUMBERS}], found "
            f"{list(np.shape(x))}"
        )
    return np.array(x, np.float32)
