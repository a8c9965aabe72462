"""What is odd about a clip: each check looks at one thing and says it in one line."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxsign.input.signs import rates
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POSE, RIGHT_HAND, Clip

_NOSE, _SHOULDERS, _WRISTS = 0, slice(11, 13), slice(15, 17)
_HANDS = {"left hand": LEFT_HAND, "right hand": RIGHT_HAND}
_PARTS = {**_HANDS, "pose": POSE, "face": FACE}


def warnings(clip: Clip) -> list[str]:
    """One line for everything odd about a clip, the gravest first; [] if all is well."""
    clip = flat(clip)
    return [text for check in _CHECKS if (text := check(clip))]


def flat(clip: Clip) -> Clip:
    """The clip with depth 0 where it has none: formats of x and y alone show their points too."""
    points = clip.landmarks
    if not np.isnan(points[..., 2]).all():
        return clip
    points = points.copy()
    points[~np.isnan(points[..., :2]).any(-1), 2] = 0
    return dataclasses.replace(clip, landmarks=points)


def _nothing(clip: Clip) -> str:
    return "" if presence.present(clip).any() else "no frame shows a single point"


def _half_points(clip: Clip) -> str:
    absent = np.isnan(clip.landmarks)
    frames = (absent.any(-1) & ~absent.all(-1)).any(1).sum()
    return frames and f"{_frames(frames, clip)} hold points with only some coordinates"


def _hands(clip: Clip) -> str:
    seen = presence.present(clip)
    if not seen.any():
        return ""
    hands = [seen[:, rows].any(1) for rows in _HANDS.values()]
    without = int((~(hands[0] | hands[1])).sum())
    if without == len(clip):
        return "no hand in any frame"
    return f"no hand in {_frames(without, clip)}" if 2 * without > len(clip) else ""


def _zeros(clip: Clip) -> str:
    zero = (clip.landmarks[..., :2] == 0).all(-1)
    names = [name for name, rows in _PARTS.items() if zero[:, rows].all(1).any()]
    if not names:
        return ""
    return f"{', '.join(names)}: all points at (0, 0) in some frames; a missing part must be NaN"


def _units(clip: Clip) -> str:
    # Pose points are guessed far outside the image; hands and faces are not.
    rows = np.r_[FACE, LEFT_HAND, RIGHT_HAND]
    xy = clip.landmarks[:, rows, :2]
    if np.isnan(xy).all():
        xy = clip.landmarks[:, POSE, :2][:, :17]
    xy = xy[~np.isnan(xy).any(-1)]
    if not len(xy):
        return ""
    low, high = xy.min(), xy.max()
    if np.median(np.abs(xy).max(-1)) > 3:
        return (
            f"x, y from {low:.0f} to {high:.0f} look like pixels; expected fractions of the image"
        )
    outside = ((xy < 0) | (xy > 1)).any(-1).mean()
    if outside <= 0.25:
        return ""
    return f"{outside:.0%} of the points lie outside the image (x, y from {low:.2f} to {high:.2f})"


def _upside_down(clip: Clip) -> str:
    pose = clip.landmarks[:, POSE, 1]
    above = pose[:, _SHOULDERS].mean(1) - pose[:, _NOSE]
    above = above[~np.isnan(above)]
    wrong = len(above) and np.median(above) < 0
    return "the nose lies below the shoulders: y may point up" if wrong else ""


def _sides(clip: Clip) -> str:
    """Hands that lie on the other arm's wrist: sides mixed up, or a mirrored part."""
    wrists = clip.landmarks[:, POSE, :2][:, _WRISTS]
    swapped = seen = 0
    for own, rows in enumerate(_HANDS.values()):
        hand = clip.landmarks[:, rows, :2][:, :1]
        distance = np.linalg.norm(hand - wrists, axis=-1)
        # Hands that touch say nothing.
        apart = np.linalg.norm(wrists[:, 0] - wrists[:, 1], axis=-1) > 2 * distance.min(1)
        seen += int((apart & ~np.isnan(distance).any(1)).sum())
        swapped += int((apart & (distance[:, 1 - own] < distance[:, own])).sum())
    if 2 * swapped <= seen:
        return ""
    return f"in {swapped} of {seen} sightings a hand lies on the other arm's wrist: sides swapped?"


def _times(clip: Clip) -> str:
    steps = np.diff(clip.timestamps)
    same = int((steps == 0).sum())
    return f"{same} of {len(steps)} timestamps repeat the one before" if same else ""


def _holes(clip: Clip) -> str:
    steps, usual = np.diff(clip.timestamps), presence.usual_step(clip.timestamps)
    holes = steps > presence.HOLE * usual
    if not usual or not holes.any():
        return ""
    return f"{holes.sum()} holes in the timestamps, the longest of {steps.max():.2f} s"


def _rate(clip: Clip) -> str:
    usual = presence.usual_step(clip.timestamps)
    if not usual or not clip.fps or abs(1 / usual / clip.fps - 1) < 0.1:
        return ""
    return f"fps says {clip.fps:.4g}, the timestamps say {1 / usual:.4g}"


def _impossible_rate(clip: Clip) -> str:
    rate = rates.of_clip(clip)
    if not rates.strange(rate):
        return ""
    return (
        f"an impossible rate of {rate:.4g} frames a second; expected {rates.USUAL} "
        f"({rates.OPTION} gives the true one)"
    )


def _still(clip: Clip) -> str:
    if len(clip) == 1:
        return "a single frame: no movement"
    points = clip.landmarks
    same = (points[1:] == points[:-1]) | (np.isnan(points[1:]) & np.isnan(points[:-1]))
    repeated = int((same.all((1, 2)) & ~np.isnan(points[1:]).all((1, 2))).sum())
    return f"{_frames(repeated, clip)} repeat the one before" if 4 * repeated > len(clip) else ""


def _frames(count: int, clip: Clip) -> str:
    return f"{count} of {len(clip)} frames"


_CHECKS: tuple[Callable[[Clip], str], ...] = (
    _nothing,
    _half_points,
    _hands,
    _zeros,
    _units,
    _upside_down,
    _sides,
    _times,
    _holes,
    _rate,
    _impossible_rate,
    _still,
)
