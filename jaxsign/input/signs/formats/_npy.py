"""Single arrays in `.npy` files: no pickles, whole files, clear errors."""

from pathlib import Path

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.whole import whole


def read(path: Path, expected: tuple[int | None, ...], kinds: str = "f") -> np.ndarray:
    """An array of a shape and kind.

    Args:
        path: a `.npy` file.
        expected: sizes of its axes; None = any but 0.
        kinds: letters of `dtype.kind` that are fine.

    Raises:
        UserError: absent, damaged, or of another shape or kind.
    """
    return _in_memory(path, _checked(path, load(path, mmap=True), expected, kinds))


def frames(path: Path, expected: tuple[int | None, ...], kinds: str = "f") -> int:
    """The length of an array, from the file's header; raises as `read`."""
    return len(_checked(path, load(path, mmap=True), expected, kinds))


def load(path: Path, mmap: bool) -> np.ndarray:
    """An array of any shape and kind, in memory or (`mmap`) on disk; raises as `read`."""
    reading.check(path)
    try:
        with np.errstate(over="ignore"):  # a shape beyond all files, which is refused
            array = np.load(path, allow_pickle=False, mmap_mode="r")
        if not isinstance(array, np.ndarray):
            array.close()
            raise ValueError("an archive of arrays")
        return array if mmap else _in_memory(path, array)
    except files.BROKEN as error:
        reason = reading.told(path, "a .npy array", error)
        raise UserError(
            f"{path}: not a readable .npy file ({reason}). {reading.mending(reason)}"
        ) from error


def _in_memory(path: Path, array: np.ndarray) -> np.ndarray:
    reading.check_size(path, array.nbytes)
    return np.array(array)


def _checked(
    path: Path, array: np.ndarray, expected: tuple[int | None, ...], kinds: str
) -> np.ndarray:
    fits = array.ndim == len(expected) and all(
        (size > 0 if wanted is None else size == wanted)
        for size, wanted in zip(array.shape, expected, strict=True)
    )
    if not fits or array.dtype.kind not in kinds:
        words = ", ".join("N" if size is None else str(size) for size in expected)
        what = "whole numbers" if kinds == "iu" else "numbers"
        raise UserError(
            f"{path}: {list(array.shape)} {array.dtype}, expected {what} [{words}], N at least 1"
        )
    return array


def write(path: Path, array: np.ndarray) -> None:
    """Writes a file under a temporary name, then renames it: whole or absent."""
    with whole(path) as draft, open(draft, "wb") as file:
        np.save(file, array, allow_pickle=False)


def holds(path: Path, shape: tuple[int | None, ...]) -> bool:
    """Whether a .npy file is an array that `frames` takes."""
    if path.suffix.lower() != ".npy":
        return False
    try:
        return frames(path, shape) > 0
    except UserError:
        return False
