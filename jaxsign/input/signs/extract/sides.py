"""Which detected hand is the left one: the pose's wrists decide, handedness where they cannot."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

SIDES = ("left", "right")
_WRISTS = (15, 16)  # rows of the pose: left, right
_SHOULDERS = (11, 12)
_SAME = 0.5  # hand sizes; two detections nearer to each other than this are one hand
_CLEAR = 0.25  # shoulder widths; a smaller difference of distances leaves it to handedness


@dataclasses.dataclass(frozen=True)
class Hand:
    """A detected hand.

    Attributes:
      points: float [21, 3], x and y as fractions of the image.
      side: 'left' or 'right' as the hand landmarker says.
      score: its confidence in that, 0 to 1.
    """

    points: np.ndarray
    side: str
    score: float


def assign(
    hands: Sequence[Hand], pose: np.ndarray | None, aspect: float = 1.0
) -> dict[str, np.ndarray]:
    """The points of each side's hand.

    Args:
      hands: as detected, in any order.
      pose: float [33, 3] of the same image, or None where no person was found.
      aspect: width / height of the image, so that distances are true.

    Returns:
      At most one [21, 3] for each of 'left' and 'right'.
    """
    hands = _without_doubles(sorted(hands, key=lambda hand: -hand.score), aspect)[:2]
    if not hands:
        return {}
    costs = np.array([_costs(hand, pose, aspect) for hand in hands])  # [hands, sides]
    ways = list(itertools.permutations(range(2), len(hands)))
    best = min(ways, key=lambda way: sum(costs[i, side] for i, side in enumerate(way)))
    return {SIDES[side]: hand.points for hand, side in zip(hands, best, strict=True)}


def _costs(hand: Hand, pose: np.ndarray | None, aspect: float) -> tuple[float, float]:
    """How badly the hand fits the left and the right side, in shoulder widths."""
    vote = _CLEAR * hand.score
    said = (0.0, vote) if hand.side == "left" else (vote, 0.0)
    if pose is None:
        return said
    flat = np.array([aspect, 1.0])
    wrists = pose[list(_WRISTS), :2] * flat
    shoulders = pose[list(_SHOULDERS), :2] * flat
    unit = max(float(np.linalg.norm(shoulders[0] - shoulders[1])), 1e-3)
    far = np.linalg.norm(wrists - hand.points[0, :2] * flat, axis=1) / unit
    return float(far[0]) + said[0], float(far[1]) + said[1]


def _without_doubles(hands: Sequence[Hand], aspect: float) -> list[Hand]:
    """One of each group of detections of the same hand, the first of them."""
    kept: list[Hand] = []
    for hand in hands:
        if not any(_distance(hand, other, aspect) < _SAME for other in kept):
            kept.append(hand)
    return kept


def _distance(one: Hand, other: Hand, aspect: float) -> float:
    """Mean distance of the same points, in sizes of the larger hand."""
    flat = np.array([aspect, 1.0])
    a, b = one.points[:, :2] * flat, other.points[:, :2] * flat
    size = max(float(np.ptp(a, axis=0).max()), float(np.ptp(b, axis=0).max()), 1e-6)
    return float(np.linalg.norm(a - b, axis=1).mean()) / size
