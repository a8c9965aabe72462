"""Which points a clip shows and when: runs of presence, and how much of each part is missing."""

import dataclasses

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import Clip

# A step of the timestamps beyond this many usual ones is a hole in the recording: three frames
# that a camera drops are none.
HOLE = 4.0
# New frames for an old one from which on timestamps are milliseconds, or of different clocks.
MOST_FOR_ONE = 1000


@dataclasses.dataclass(frozen=True)
class Missing:
    """How much of a part is missing in a clip.

    Attributes:
      frames: frames of the clip.
      missing: frames without the part.
      gaps: runs of frames without the part.
      longest: frames of the longest run without it.
      longest_seconds: from the sighting before that run to the one after it, or to the clip's end.
    """

    frames: int
    missing: int
    gaps: int
    longest: int
    longest_seconds: float

    @property
    def share(self) -> float:
        """Missing frames as a share of all, 0 to 1."""
        return self.missing / self.frames


def present(clip: Clip) -> np.ndarray:
    """bool [T, 543]: points whose place in the image is known; some sources have no depth."""
    return ~(np.isnan(clip.landmarks[..., 0]) | np.isnan(clip.landmarks[..., 1]))


def missing(clip: Clip) -> dict[str, Missing]:
    """What is missing of `face`, `left_hand`, `pose`, `right_hand`, and of `any_hand`."""
    parts = clip.presence
    parts["any_hand"] = parts["left_hand"] | parts["right_hand"]
    return {name: _count(seen, clip.timestamps) for name, seen in parts.items()}


def _count(seen: np.ndarray, timestamps: np.ndarray) -> Missing:
    starts, ends = runs(~seen)
    sizes = ends - starts
    last = len(seen) - 1
    seconds = timestamps[np.minimum(ends, last)] - timestamps[np.maximum(starts - 1, 0)]
    return Missing(
        frames=len(seen),
        missing=int(sizes.sum()),
        gaps=len(sizes),
        longest=int(sizes.max(initial=0)),
        longest_seconds=float(seconds.max(initial=0)),
    )


def runs(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First frames and frames behind the last of every run of True in bool [T]."""
    framed = np.zeros(len(seen) + 2, np.int8)
    framed[1:-1] = seen
    changes = np.flatnonzero(framed[1:] != framed[:-1])
    return changes[::2], changes[1::2]


def recorded_runs(seen: np.ndarray, timestamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`runs` of bool [T], broken where the timestamps have a hole."""
    starts, ends = runs(seen)
    steps = timestamps[1:] - timestamps[:-1]
    cuts = np.flatnonzero(steps > HOLE * usual_step(timestamps)) + 1
    if not len(cuts):
        return starts, ends
    cuts = cuts[seen[cuts] & seen[cuts - 1]]
    return np.sort(np.concatenate([starts, cuts])), np.sort(np.concatenate([ends, cuts]))


def neighbours(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the last sighting up to and the first from each frame on; -1 and T: none.

    Args:
      seen: bool [T, ...].

    Returns:
      Two int [T, ...].
    """
    count = len(seen)
    frames = np.arange(count).reshape(-1, *[1] * (seen.ndim - 1))
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, count)[::-1], axis=0)[::-1]
    return before, after


def frames_at(timestamps: np.ndarray, rate: float, slack: float = 0.0) -> int:
    """How many frames a recording has at another rate, both ends included.

    Args:
      timestamps: float64 [T], seconds, not decreasing.
      rate: frames a second.
      slack: how much of a frame may lack of the last one.

    Raises:
      UserError: `rate` is no positive number, or the timestamps cannot be seconds.
    """
    if not (np.isfinite(rate) and rate > 0):
        raise UserError(f"rate={rate} frames a second, expected a number above 0")
    span = float(timestamps[-1] - timestamps[0])
    if span * rate > MOST_FOR_ONE * len(timestamps):
        raise UserError(
            f"{len(timestamps)} frames span {span:g} s: at {rate:g} frames/s they would become "
            f"{span * rate:.3g}. Expected timestamps in seconds, without such holes."
        )
    return int(span * rate + slack) + 1


def usual_step(timestamps: np.ndarray) -> float:
    """The (upper) median step of the timestamps in seconds; 0 for a single frame."""
    steps = timestamps[1:] - timestamps[:-1]
    middle = len(steps) // 2
    return float(np.partition(steps, middle)[middle]) if len(steps) else 0.0
