"""Finds frames in which a hand is in front of the face, from the 78 keypoints.

Source: fslr-transformer-vs-iv3gru, compute_occlusion_detection. Its rule takes one eyebrow for the
chin and knows faces in the middle of the image only; mode 'corrected' mends both.
"""

import collections
import dataclasses
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs import keypoints

Array = np.ndarray
MODES = ("upstream", "corrected")
_DETECTED = 0.4  # confidence above which a region counts as covered
_REACH = 2  # frames to each side in the filter over time
_NEEDED = 3  # covered frames among them
_USUAL_FACE = 0.35  # extent of a face, as a fraction of the image, at scale 1
# Where the original expects each face point: x from, x to, y from, y to.
_WINDOWS = np.array(
    [
        (0.3, 0.7, 0.3, 0.7),
        (0.2, 0.8, 0.2, 0.6),
        (0.2, 0.8, 0.2, 0.6),
        (0.3, 0.7, 0.2, 0.6),
        (0.3, 0.7, 0.2, 0.6),
        (0.2, 0.8, 0.5, 0.8),
        (0.2, 0.8, 0.5, 0.8),
        (0.2, 0.8, 0.1, 0.4),
        (0.3, 0.7, 0.6, 0.9),
        (0.1, 0.9, 0.3, 0.7),
        (0.1, 0.9, 0.3, 0.7),
    ]
)
_ANYWHERE = np.tile([0.0, 1.0, 0.0, 1.0], (11, 1))
# Name: the face points whose middle it is, radius at scale 1, how far below that middle.
_Regions = dict[str, tuple[tuple[int, ...], float, float]]
_UPSTREAM: _Regions = {
    "nose": ((0,), 0.10, 0.0),
    "forehead": ((7,), 0.12, 0.0),
    "cheeks": ((1, 2), 0.15, 0.0),
    "mouth": ((5, 6), 0.12, 0.0),
    "neck": ((8,), 0.15, 0.05),
}
# The points are: nose, outer eyes, inner eyes, mouth corners, eyebrows (7, 8), chin (9), bridge.
_CORRECTED = _UPSTREAM | {"forehead": ((7, 8), 0.12, 0.0), "neck": ((9,), 0.15, 0.05)}
_KNUCKLES = [5, 9, 13, 17]
_TIPS = [4, 8, 12, 16, 20]


@dataclasses.dataclass
class _Hand:
    """A hand in one frame; `past` are its latest palms, this frame's last."""

    palm: Array | None
    tips: Array
    past: list[Array]


@dataclasses.dataclass
class _Region:
    name: str
    centre: Array
    radius: float


def detect(x: Array, visible: Array, mode: str = "upstream") -> dict[str, Any]:
    """The occlusion of a clip and of its frames.

    Args:
      x: float [T, 156], image fractions.
      visible: bool [T, 78].
      mode: 'upstream' as the original; 'corrected': faces anywhere in the image, the forehead
        between both eyebrows, the neck below the chin, and also the first and last frames.

    Returns:
      binary_flag (0 or 1: any frame), occlusion_rate (share of frames), total_frames,
      occluded_frames, and detailed_results, for each frame: frame_idx, occlusion_detected,
      occluded_regions (names, sorted), confidence (0 to 1).

    Raises:
      UserError: shapes other than these, or an unknown mode.
    """
    x, visible = np.asarray(x, np.float64), np.asarray(visible, bool)
    if mode not in MODES:
        raise UserError(f"occlusion mode {mode!r}: no such mode.{did_you_mean(mode, MODES)}")
    if x.shape != (len(visible), 2 * keypoints.COUNT) or visible.shape[1:] != (keypoints.COUNT,):
        raise UserError(
            f"occlusion: x {list(x.shape)} and visible {list(visible.shape)}; expected [T, 156] "
            "and [T, 78]"
        )
    frames = _smooth(_frames(x.reshape(*visible.shape, 2), visible, mode), mode)
    covered = sum(frame["occlusion_detected"] for frame in frames)
    return {
        "binary_flag": int(covered > 0),
        "occlusion_rate": covered / len(frames) if frames else 0.0,
        "total_frames": len(frames),
        "occluded_frames": covered,
        "detailed_results": frames,
    }


def _frames(points: Array, visible: Array, mode: str) -> list[dict[str, float]]:
    """For every frame the covered regions and their confidences."""
    parts = (keypoints.LEFT_HAND, keypoints.RIGHT_HAND)
    palms: list[collections.deque[Array]] = [collections.deque(maxlen=10) for _ in parts]
    found = []
    for place, seen in zip(points, visible, strict=True):
        covered: dict[str, float] = {}
        regions = _regions(place[keypoints.FACE], seen[keypoints.FACE], mode)
        # Without a face in the frame the hands' past stands still, as in the original.
        for part, past in zip(parts, palms, strict=True):
            hand = None if regions is None else _hand(place[part], seen[part], past)
            if not regions or hand is None:
                continue
            for region in regions:
                confidence = _confidence(region, hand)
                if confidence > _DETECTED:
                    covered[region.name] = max(confidence, covered.get(region.name, 0.0))
        found.append(covered)
    return found


def _regions(face: Array, seen: Array, mode: str) -> list[_Region] | None:
    """Circles on the face; None where there is no face."""
    left, right, top, bottom = (_WINDOWS if mode == "upstream" else _ANYWHERE).T
    x, y = face.T
    kept = seen & (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
    if seen.sum() < 3 or kept.sum() < 3:
        return None
    extent = np.ptp(face[kept], axis=0).mean()
    scale = float(np.clip(extent / _USUAL_FACE, 0.5, 2.0))
    table = _UPSTREAM if mode == "upstream" else _CORRECTED
    return [
        _Region(name, face[list(of)].mean(axis=0) + [0.0, below * scale], radius * scale)
        for name, (of, radius, below) in table.items()
        if kept[0] and kept[list(of)].all()
    ]


def _hand(points: Array, seen: Array, past: collections.deque[Array]) -> _Hand | None:
    """A hand of which at least three points are visible; its palm joins `past`."""
    if seen.sum() < 3:
        return None
    knuckles = points[_KNUCKLES]
    inside = seen[_KNUCKLES] & ((knuckles >= 0) & (knuckles <= 1)).all(axis=1)
    palm = None
    if inside.sum() >= 2:
        palm = knuckles[inside].mean(axis=0)
    elif seen[0]:
        palm = points[0]
    if palm is not None:
        past.append(palm)
    return _Hand(palm, points[_TIPS][seen[_TIPS]], list(past)[-5:])


def _confidence(region: _Region, hand: _Hand) -> float:
    """How sure it is that the hand covers the region: four signs, added up."""
    radius = region.radius
    tips = np.linalg.norm(hand.tips - region.centre, axis=1)
    total = 0.5 if (tips <= radius).any() else 0.0
    near = 1.5 * radius
    if hand.palm is not None:
        palm = float(np.linalg.norm(hand.palm - region.centre))
        if palm <= near:
            total += 0.3 * (1 - palm / near)
        closest = min(palm, *tips) if len(tips) >= 2 else np.inf
        if closest <= 1.8 * radius:
            total += 0.05 * (1 - closest / (1.8 * radius))
    return min(1.0, total + _approach(region, hand.past, near))


def _approach(region: _Region, past: list[Array], near: float) -> float:
    """Up to 0.15 for a palm that came nearer in the last five sightings."""
    if len(past) < 5:
        return 0.0
    distances = np.linalg.norm(np.array(past) - region.centre, axis=1)
    first, last = distances[0], distances[-1]
    if (np.diff(distances) < 0).sum() < 2 or last > near or first == 0:
        return 0.0
    return 0.15 * max(0.0, float((first - last) / first))


def _smooth(found: list[dict[str, float]], mode: str) -> list[dict[str, Any]]:
    """A frame is occluded if enough of its neighbours are; a single frame stands for itself."""
    count = len(found)
    reach = _REACH if count > 1 else 0
    results = []
    for index in range(count):
        window = found[max(0, index - reach) : index + reach + 1]
        covered = [max(regions.values()) for regions in window if regions]
        whole = len(window) == 2 * reach + 1
        needed = min(_NEEDED, len(window))
        results.append(
            {
                "frame_idx": index,
                "occlusion_detected": len(covered) >= needed and (whole or mode == "corrected"),
                "occluded_regions": sorted(set().union(*window)),
                "confidence": sum(covered) / len(covered) if covered else 0.0,
            }
        )
    return results
