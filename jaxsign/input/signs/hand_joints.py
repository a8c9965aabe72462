"""42 hand joints with velocity and confidence: the numbers behind the view whisper_sign.

Joints: 21 of the left hand, 21 of the right hand, in MediaPipe's order. Numbers of a joint: x, y
(fractions of the image), z (relative to the wrist), their velocities a second, confidence. A hand
that is not seen is 0 in all of them.

`missing` says what an absent hand does to its neighbourhood. 'present': velocities, resampling and
means are made of the frames that show the hand. 'upstream': of its zeros too, as in the original.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from jaxsign import local_hands
from jaxsign.errors import UserError
from jaxsign.input.signs.clean import presence, splines
from jaxsign.input.signs.clip import LEFT_HAND, RIGHT_HAND, Clip

JOINTS, NUMBERS = 42, 7
WITH_LOCAL = NUMBERS + 3  # with local hands behind them
HANDS = (slice(0, 21), slice(21, 42))
XYZ, VELOCITY, CONFIDENCE = slice(0, 3), slice(3, 6), 6
MISSING = ("present", "upstream")
SCALINGS = ("standard", "minmax")
# The middle finger from its knuckle to its tip.
FINGER = slice(9, 13)

_ROWS = np.r_[LEFT_HAND, RIGHT_HAND].reshape(2, 21)
# x of all points of a hand, then y, then z.
_COLUMNS = (3 * _ROWS[:, None] + np.arange(3)[:, None]).ravel()


def joints(clip: Clip, *, rate: float = 60.0, missing: str = "present") -> np.ndarray:
    """The clip's joints at a fixed rate: float32 [T', 42, 7], a new array, not normalised.

    Velocities are taken at the clip's own rate, before resampling. In memory the joints lie side by
    side, number by number, which makes everything that follows several times as fast.
    """
    parts, seen = _hands(clip, missing)
    if not rate:
        return _joined(list(parts), list(seen)).swapaxes(1, 2)
    times = times_of(clip, rate, missing)
    if missing == "upstream":
        flat = _joined(list(parts), list(seen)).reshape(len(clip), -1)
        planes = splines.spline(clip.timestamps, flat, times).reshape(-1, NUMBERS, JOINTS)
    else:
        made = [
            splines.resample_runs(part, shown, clip.timestamps, times)
            for part, shown in zip(parts, seen, strict=True)
        ]
        planes = _joined([part for part, _ in made], [shown for _, shown in made])
    return planes.swapaxes(1, 2)


def times_of(clip: Clip, rate: float, missing: str) -> np.ndarray:
    """Seconds of the frames that a clip has at a fixed rate: float64 [T']."""
    slack = 0.0 if missing == "upstream" else 1e-3
    return splines.fixed_rate_times(clip.timestamps, rate, slack)


def _hands(clip: Clip, missing: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities of each hand, 0 where it is not seen.

    Returns:
      (float32 [2, T, 6, 21], seen bool [2, T]).
    """
    xyz = clip.landmarks.reshape(len(clip), -1)[:, _COLUMNS].reshape(-1, 2, 3, 21)
    # A sum is NaN if any of its terms is. Sources without depth show hands all the same.
    seen = ~np.isnan(xyz[:, :, :2].reshape(-1, 2, 42).sum(axis=-1)).T
    parts = np.zeros((2, len(clip), CONFIDENCE, 21), np.float32)
    for hand, (part, shown) in enumerate(zip(parts, seen, strict=True)):
        part[shown, XYZ] = xyz[shown, hand]
        part[:, 2][np.isnan(part[:, 2])] = 0
        if missing == "upstream":
            step = 1 / clip.fps if clip.fps else presence.usual_step(clip.timestamps)
            part[:, VELOCITY] = velocity(part[:, XYZ], step)
        else:
            part[:, VELOCITY] = velocity_of_runs(part[:, XYZ], shown, clip.timestamps)
    return parts, seen


def _joined(parts: Sequence[np.ndarray], seen: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [T, 7, 42] of [T, 6, 21] and bool [T] of each hand; seen is the confidence."""
    planes = np.empty((len(parts[0]), NUMBERS, JOINTS), np.float32)
    for hand, part, shown in zip(HANDS, parts, seen, strict=True):
        planes[:, :CONFIDENCE, hand] = part
        planes[:, CONFIDENCE, hand] = shown[:, None]
    return planes


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
      xyz: float32 [T, J, 3] or [T, 3, J].
      seen: bool [T].
      timestamps: float64 [T], seconds.
    """
    steps = timestamps[1:] - timestamps[:-1]
    both = seen[1:] & seen[:-1] & (steps > 0)
    inner = both[1:] & both[:-1]
    # The slope before a frame and the one behind it: where a frame has both, each weighs as much
    # as the other one's step is long.
    before, after = both.astype(np.float64), both.astype(np.float64)
    span = np.where(inner, steps[1:] + steps[:-1], 1)
    before[:-1] *= np.where(inner, steps[1:], 1) / span
    after[1:] *= np.where(inner, steps[:-1], 1) / span
    slopes = (xyz[1:] - xyz[:-1]) * _column(both / np.where(both, steps, 1))
    made = np.zeros_like(xyz)
    made[1:] = slopes * _column(before)
    made[:-1] += slopes * _column(after)
    return made


def _column(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32)[:, None, None]


def centre_on_wrists(x: np.ndarray) -> np.ndarray:
    """Positions of each hand relative to its wrist; velocity and confidence stay.

    Args:
      x: float [T, 42, 7].

    Returns:
      A new array.
    """
    made = x.copy(order="K")
    for hand in HANDS:
        made[:, hand, XYZ] -= x[:, hand.start : hand.start + 1, XYZ]
    return made


def subtract_wrist_velocity(x: np.ndarray) -> None:
    """Makes the velocities of float [T, 42, 7] relative to each hand's wrist, in place."""
    for hand in HANDS:
        x[:, hand, VELOCITY] -= x[:, hand.start : hand.start + 1, VELOCITY].copy()


def hand_lengths(x: np.ndarray, missing: str = "present") -> np.ndarray:
    """Mean length of each hand's middle finger from the wrist on, at least 1e-6: float [2].

    Args:
      x: float [T, 42, 7].
      missing: 'present': the mean over frames with confidence above 0, 1 where there is none.
        'upstream': over all frames, so a hand that is seldom seen comes out short.
    """
    lengths = []
    for hand in HANDS:
        points = x[:, hand, XYZ]
        # [5, 3, T]: long rows are added many times as fast as threes.
        chain = np.concatenate([points[:, :1], points[:, FINGER]], axis=1).transpose(1, 2, 0).copy()
        bones = chain[1:] - chain[:-1]
        way = np.sqrt((bones * bones).sum(axis=1)).sum(axis=0)
        if missing == "present":
            way = way[x[:, hand.start, CONFIDENCE] > 0]
        lengths.append(np.maximum(way.mean(), 1e-6) if len(way) else x.dtype.type(1))
    return np.stack(lengths)


def scale_by_hand(x: np.ndarray, missing: str = "present") -> np.ndarray:
    """Positions and velocities of each hand in its `hand_lengths`: a new array."""
    scale = np.ones((NUMBERS, JOINTS), x.dtype)
    for hand, length in zip(HANDS, hand_lengths(x, missing), strict=True):
        scale[:CONFIDENCE, hand] = length
    return x / scale.T


def with_local_hands(x: np.ndarray) -> np.ndarray:
    """float32 [T, 42, 10]: behind float [T, 42, 7] x, y, z around the wrist in the hand's own size.

    See `local_hands`. An absent joint is 0 there too; velocities are those of `x`.
    """
    local = [local_hands.around_wrist(x[:, hand, XYZ]) for hand in HANDS]
    return np.concatenate([x, np.concatenate(local, axis=1)], axis=-1).astype(np.float32)


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
        return cls.fit_all([x], method)

    @classmethod
    def fit_all(cls, arrays: Iterable[np.ndarray], method: str = "standard") -> "FeatureScaler":
        """As `fit`, of many arrays float [..., F], one after the other.

        Raises:
          UserError: another method, or nothing to fit to.
        """
        if method not in SCALINGS:
            raise UserError(f"FeatureScaler: method {method!r}, expected one of {SCALINGS}")
        count, sums, squares = 0, 0.0, 0.0
        low, high, first = np.inf, -np.inf, None
        for array in arrays:
            rows = array.reshape(-1, array.shape[-1]).astype(np.float64)
            if not len(rows):
                continue
            first = rows[0] if first is None else first
            count, sums = count + len(rows), sums + (rows - first).sum(axis=0)
            squares = squares + ((rows - first) ** 2).sum(axis=0)
            low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
        if first is None:
            raise UserError("FeatureScaler: no frames to fit to")
        mean = sums / count
        if method == "standard":
            shift, scale = first + mean, np.sqrt(np.maximum(squares / count - mean**2, 0))
        else:
            shift, scale = low, (high - low) / 2
        scale = np.where(high > low, scale, 1)
        return cls(shift.astype(np.float32), scale.astype(np.float32), _offset(method))

    @classmethod
    def of(
        cls, method: str, shift: Sequence[float], scale: Sequence[float]
    ) -> "FeatureScaler | None":
        """The scaler of a recipe; None where it has none, or where it is not fitted yet.

        Raises:
          UserError: another method.
        """
        if method and method not in SCALINGS:
            raise UserError(f"config.view.feature_scaling={method!r}, expected one of {SCALINGS}")
        if not method or not len(shift):
            return None
        return cls(np.asarray(shift, np.float32), np.asarray(scale, np.float32), _offset(method))

    def of_present(self, x: np.ndarray, missing: str) -> np.ndarray:
        """float32: joints that are 0 in all numbers stay so, but for missing='upstream'."""
        scaled = self(x)
        return (
            scaled
            if missing == "upstream"
            else np.where((x != 0).any(axis=-1, keepdims=True), scaled, 0)
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """float32, of the shape of float [..., F]."""
        return ((x - self.shift) / self.scale - self.offset).astype(np.float32)


def _offset(method: str) -> float:
    return 1.0 if method == "minmax" else 0.0
