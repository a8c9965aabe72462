"""Files of bare arrays: image features, image frames, keypoints without their layout's names."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.formats import _npy

Array = np.ndarray
SUFFIXES = (".npz", ".npy")
FEATURES = 2048
# What arrays of known formats are called, and what they then are.
_NAMES = {
    "mask": "which keypoints were found",
    "timestamps_ms": "times in milliseconds",
    "timestamps": "times in seconds",
    "meta": "notes of the extraction (JSON)",
    "fps": "frames a second",
    "frame_size": "width and height in pixels",
    "source": "where the clip comes from",
    "visibility": "MediaPipe's visibility of the pose",
}


@dataclasses.dataclass(frozen=True)
class Found:
    """One array of a file.

    Attributes:
      name: its key, "" in a .npy file.
      shape, dtype: as stored.
      kind: `features`, `frames`, `keypoints`, `landmarks`, `other`.
      text: what it is, in words.
      numbers: of float arrays: `zeros` (share), `bad_frames` (NaN or infinity), and, where any
        number is finite, `min`, `mean`, `max`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    text: str
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "shape": list(self.shape)}


def read(path: Path) -> Mapping[str, Array]:
    """The arrays of a .npz (read when asked for) or .npy file, the latter under "".

    Raises:
      UserError: absent, damaged, or pickled objects.
    """
    if path.suffix.lower() == ".npz":
        return files.StoredArrays(path)
    return {"": _npy.load(path, mmap=True)}


def describe(path: Path) -> list[Found]:
    """What each array of a file is.

    Raises:
      UserError: an unreadable file.
    """
    return [_found(name, array) for name, array in read(path).items()]


def _found(name: str, array: Array) -> Found:
    kind, text = kind_of(name, array.shape, array.dtype)
    numbers = {}
    if array.dtype.kind == "f" and array.ndim > 1 and array.size:
        numbers = _numbers(np.asarray(array))
    return Found(name, array.shape, str(array.dtype), kind, text, numbers)


def kind_of(name: str, shape: tuple[int, ...], dtype: np.dtype) -> tuple[str, str]:
    """(kind, words) of an array by its shape: [T, 2048], [T, H, W, 3], [T, 156], [T, 543, 3] ..."""
    count = f"{shape[0]} frames" if shape else ""
    number = dtype.kind in "fiu"
    if number and len(shape) == 2 and shape[1] == FEATURES:
        return "features", f"image features of InceptionV3 (X2048), {count}"
    if dtype == np.uint8 and len(shape) == 4 and shape[-1] == 3:
        return "frames", f"images {shape[2]} x {shape[1]}, {count}"
    if number and len(shape) == 2 and shape[1] == 156:
        return "keypoints", f"78 keypoints, x and y (FSLR), {count}"
    if number and len(shape) == 3 and shape[1:] == (clips.POINTS, 3):
        return "landmarks", f"543 landmarks, x, y, z, {count}"
    if name in _NAMES:
        return "other", _NAMES[name]
    if number and len(shape) == 3 and shape[2] in (2, 3, 4):
        return "landmarks", f"{shape[1]} points of {shape[2]} numbers, {count}"
    return "other", "not a known input"


def _numbers(array: Array) -> dict[str, float]:
    finite = np.isfinite(array)
    good = array[finite]
    numbers = {
        "zeros": float((array == 0).mean()),
        "bad_frames": int((~finite.reshape(len(array), -1).all(1)).sum()),
    }
    if not good.size:
        return numbers
    least, greatest = float(good.min()), float(good.max())
    return {"min": least, "mean": float(good.mean(dtype=np.float64)), "max": greatest, **numbers}


def warnings(found: list[Found]) -> list[str]:
    """What is odd about features and frames."""
    texts = []
    for array in found:
        label, numbers = array.name or "the array", array.numbers
        if not array.shape or 0 in array.shape:
            if array.kind != "other":
                texts.append(f"{label} is empty")
        elif array.kind == "features" and numbers:
            if numbers["bad_frames"]:
                texts.append(f"{label}: {numbers['bad_frames']:.0f} frames hold NaN or infinity")
            if numbers.get("min", 0) < 0:
                texts.append(
                    f"{label}: values down to {numbers['min']:.3g}, but InceptionV3's pooled "
                    "features are never negative: other features, or normalised ones"
                )
            if numbers["zeros"] > 0.99:
                texts.append(f"{label}: {numbers['zeros']:.0%} zeros")
    return texts
