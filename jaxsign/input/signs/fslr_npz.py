"""The arrays of an FSLR file.

`X` float32 [T, 156] (keypoints) and/or `X2048` float32 [T, 2048] (InceptionV3 features), or images
under another key, with mask, timestamps_ms and meta.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs.views import fslr156

Array = np.ndarray
WIDTHS = {"X": 156, "X2048": 2048}


def read(path: Path, key: str) -> Array:
    """The checked array `key` of a clip file: float32 [T, D] or uint8 [T, H, W, 3].

    `X2048` may also stand under `X` if that has 2048 columns.

    Raises:
      UserError: unreadable, missing, of another shape or type, empty, or not finite.
    """
    return checked(path, key, files.read_npz(path, (key, "X")), chosen=True)


def checked(path: Path, key: str, arrays: Mapping[str, Array], *, chosen: bool = False) -> Array:
    """Array `key`, maybe `chosen` by `data.key`, of what a clip file holds.

    Raises:
      UserError: as `read`.
    """
    if key not in arrays and key == "X2048" and arrays.get("X", np.empty(0)).shape[1:] == (2048,):
        key, arrays = "X2048", {"X2048": arrays["X"]}
    if key not in arrays:
        raise UserError(f"{path}: lacks the array {key!r} (data.key); found {files.held(path)}")
    array = arrays[key]
    width = WIDTHS.get(key)
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[-1] == 3:
        if not len(array):
            raise UserError(f"{path}: {key} has no frames")
        return array
    expected = f"[T, {width or 'D'}] float32" + ("" if width else " or [T, H, W, 3] uint8")
    if array.dtype.kind not in "fiu" or array.ndim != 2 or (width and array.shape[1] != width):
        raise UserError(
            f"{path}: {key} is {list(array.shape)} {array.dtype}, expected {expected}"
            + (_other_keys(path, key) if chosen else "")
        )
    if not array.size:
        raise UserError(f"{path}: {key} is empty {list(array.shape)}, expected {expected}")
    array = files.as_float32(array)
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise UserError(
            f"{path}: {key} holds NaN or infinite values in {int(bad.sum())} of {len(bad)} frames "
            f"(first: frame {int(bad.argmax())}). Missing points must be 0."
        )
    return array


def _other_keys(path: Path, key: str) -> str:
    """What is said of `data.key` where the array has another width than its name means."""
    outlines = files.StoredArrays(path).outlines
    held = ", ".join(f"{name} {list(array.shape)}" for name, array in outlines.items())
    widths = " and ".join(f"{name} has {width}" for name, width in WIDTHS.items())
    return (
        f". data.key={key} names this array; the file holds {held}. Name the one to learn: "
        f"--config.data.key=NAME ({widths} numbers a frame, any other name what there is)"
    )


def write(
    path: str | Path,
    x: Array,
    *,
    visible: Array | None = None,
    timestamps_ms: Array | None = None,
    meta: Mapping[str, Any] | None = None,
    x2048: Array | None = None,
) -> None:
    """Writes a clip in this layout.

    Args:
      path: ends with `.npz`.
      x: float [T, 156] in [0, 1].
      visible: bool [T, 78]; default: where a keypoint is not (0, 0).
      timestamps_ms: int [T]; default: 30 frames a second.
      meta: entries besides the standard ones.
      x2048: float [T, 2048] features of the same frames.
    """
    x = np.asarray(x, np.float32)
    if visible is None:
        visible = (x.reshape(len(x), -1, 2) != 0).any(axis=2)
    if timestamps_ms is None:
        timestamps_ms = np.arange(len(x)) * 1000 // 30
    entries = {
        "video": Path(path).stem,
        "target_fps": 30,
        "dims_per_frame": 156,
        "keypoints_total": 78,
        "order": fslr156.ORDER,
        "pose_indices": list(fslr156.POSE_POINTS),
        "face_indices": list(fslr156.FACE_POINTS),
        "conf_thresh": 0.5,
        "interpolation_max_gap": 5,
        "model_type": "T" if x2048 is None else "B",
        "occluded_flag": 0,
        **(meta or {}),
    }
    arrays = {
        "X": x,
        "mask": np.asarray(visible, bool),
        "timestamps_ms": np.asarray(timestamps_ms, np.int64),
        "meta": np.str_(json.dumps(entries)),
    }
    if x2048 is not None:
        arrays["X2048"] = np.asarray(x2048, np.float32)
    files.write_npz(Path(path), arrays)
