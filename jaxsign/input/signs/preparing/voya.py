"""Hand keypoints of all the widths that VOYA's Vietnamese signs come in, as 42 joints.

A sample is a mapping: the array under `keypoints`, else `sequence`, else `arr_0`, or in the npz
file that `file` names; the label under `label`, `gloss` or `class`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip

Array = np.ndarray
KEYPOINTS = ("keypoints", "sequence", "arr_0")
LABEL = ("label", "gloss", "class")
_JOINTS, _NUMBERS = 42, 7
_ROWS = np.r_[clips.LEFT_HAND, clips.RIGHT_HAND].reshape(2, 21)


def keypoints(sample: Mapping[str, Any], folder: Path) -> Array:
    """The array of a sample, of any shape.

    Args:
      sample: see above.
      folder: where `file` lies.

    Raises:
      UserError: it has none.
    """
    for key in KEYPOINTS:
        if sample.get(key) is not None:
            return _numbers(sample[key], key)
    if sample.get("file"):
        return keypoints(files.read_npz(folder / str(sample["file"]), KEYPOINTS), folder)
    found = ", ".join(map(str, sample)) or "nothing"
    raise UserError(f"has no array {', '.join(KEYPOINTS)} and no file; found {found}")


def _numbers(value: Any, key: str) -> Array:
    try:
        found = np.asarray(value)
        if found.dtype.kind not in "iufO":
            raise ValueError(f"its type is {found.dtype}")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
            return found.astype(np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{key} is no array of numbers ({error})") from error


def label(sample: Mapping[str, Any]) -> str:
    """The gloss of a sample as text, "" where it has none; raises UserError for several."""
    value = next((sample[key] for key in LABEL if sample.get(key) is not None), "")
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise UserError(f"its label is an array {list(value.shape)}, expected one")
        value = value.item()
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise UserError(f"its label {value!r} is not UTF-8") from error
    if isinstance(value, float) and math.isnan(value):
        return ""
    return str(value).strip()


def clip(x: Array, fps: float, source: str = "") -> Clip:
    """Keypoints as a clip with hands alone; a hand whose numbers are all 0 is not there.

    Args:
      x: float [T, 126] or [T, 42, >= 2] both hands, left first; [T, 63] or [T, 21, >= 2] the left
        one; [T, 42 * k] k numbers a joint. x, y, z come first; the rest is left.
      fps: frames a second.
      source: for messages.

    Raises:
      UserError: another shape, no frames, or not finite.
    """
    if not np.size(x) or not np.isfinite(x).all():
        raise UserError("holds no frames" if not np.size(x) else "holds NaN or infinite values")
    xyz = _positions(x)
    landmarks = np.full((len(x), clips.POINTS, 3), np.nan, np.float32)
    for hand, rows in enumerate(_ROWS):
        points = xyz[:, 21 * hand : 21 * hand + 21]
        shown = (points != 0).any(axis=(1, 2))
        landmarks[np.ix_(shown, rows)] = points[shown]
    return Clip(landmarks, np.arange(len(x)) / fps, fps=fps, source=source)


def _positions(x: Array) -> Array:
    """float [T, 42, 3]."""
    if x.shape[1:] == (63,):
        x = x.reshape(-1, 21, 3)
    elif x.ndim == 2 and x.shape[1] % _JOINTS == 0:
        x = x.reshape(len(x), _JOINTS, -1)
    if x.ndim != 3 or x.shape[1] not in (21, _JOINTS) or x.shape[2] < 2:
        raise UserError(
            f"keypoints {list(np.shape(x))}: expected [T, 126], [T, 63], [T, 42 * k], [T, 42, k] "
            "or [T, 21, k] with x, y, z first"
        )
    made = np.zeros((len(x), _JOINTS, 3), np.float32)
    numbers = min(x.shape[2], 3)
    made[:, : x.shape[1], :numbers] = x[..., :numbers]
    return made


def upstream_joints(x: Array) -> Array:
    """float32 [T, 42, 7] as the original makes them: velocities 0 unless given.

    Confidences are 1 for arrays [T, J, up to 3], else as given or 0.

    Raises:
      ValueError: numbers that do not divide among 42 joints.
    """
    made = np.zeros((len(x), _JOINTS, _NUMBERS), np.float32)
    if x.ndim == 2:
        left_alone = x.shape[1] == 63
        x = x.reshape(len(x), 21 if left_alone else _JOINTS, -1)
    elif x.shape[2] <= 3:
        made[:, : x.shape[1], 6] = 1
    joints, numbers = min(x.shape[1], _JOINTS), min(x.shape[2], _NUMBERS)
    made[:, :joints, :numbers] = x[:, :joints, :numbers]
    return made


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The glosses in the order of their ids: as they appear; whole numbers n have the id n + 1."""
    seen = dict.fromkeys(text for text in labels if text)
    if seen and all(text.isascii() and text.isdigit() and len(text) < 6 for text in seen):
        return tuple(str(number) for number in range(max(map(int, seen)) + 1))
    return tuple(seen)
