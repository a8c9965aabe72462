"""Arrays of scenes, held against what they must be."""

import numpy as np
import numpy.typing as npt

_TINY = 8  # pixels of a side
_SOME = 1 << 22  # numbers that are looked at together


def typed(name: str, value: npt.ArrayLike, dtype: npt.DTypeLike, kinds: str) -> np.ndarray:
    """The values in a type, from arrays of certain kinds; raises ValueError for others."""
    array = np.asarray(value)
    if array.size and array.dtype.kind not in kinds:
        raise ValueError(f"{name} are {array.dtype}, expected {np.dtype(dtype)}")
    if array.dtype.kind in "iu" and array.size and np.abs(array).max() > np.iinfo(np.int32).max:
        raise ValueError(f"{name} hold numbers beyond what 32 bits tell")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
        return array.astype(dtype, copy=False)


def check_shape(name: str, found: tuple[int, ...], wanted: tuple[int | None, ...]) -> None:
    """Raises ValueError for an array of another shape; None in `wanted` = any length."""
    pairs = zip(found, wanted, strict=False)
    if len(found) != len(wanted) or not all(b is None or a == b for a, b in pairs):
        told = ", ".join("any" if n is None else str(n) for n in wanted)
        raise ValueError(f"{name} {list(found)}, expected [{told}]")


def is_finite(values: np.ndarray) -> bool:
    """Whether there is neither NaN nor infinity.

    Looks at some numbers after the other: a film's may be more than memory holds.
    """
    flat = values.reshape(-1)
    return all(_all_finite(flat[i : i + _SOME]) for i in range(0, len(flat), _SOME))


def _all_finite(values: np.ndarray) -> bool:
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    # By the bits of the exponent: numpy's way takes three times as long for numbers of 16 bits.
    exponent = np.uint16(0x7C00)
    return not (values.view(np.uint16) & exponent == exponent).any()


def are_fractions(boxes: npt.ArrayLike, sizes: npt.ArrayLike = ()) -> bool:
    """Whether boxes [N, 4] that should be in pixels are told in shares of their pictures' sides.

    Args:
      boxes: of many pictures.
      sizes: sides of these; in the smallest of pictures, pixels are no other numbers.
    """
    if np.size(sizes) and np.min(sizes) < _TINY:
        return False
    found = np.asarray(boxes, np.float64).reshape(-1, 4)
    inside = (found > -0.1) & (found < 1.1)
    return bool(len(found) and inside.all() and (found % 1 != 0).any())


def are_beyond(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """bool [N]: which boxes reach beyond images, (width, height) [N, 2], by more than a tenth."""
    return np.greater(boxes[:, 2:], 1.1 * sizes).any(axis=1)


FRACTIONS = (
    "all its boxes lie between 0 and 1, as shares of the pictures' sides. Expected pixels: "
    "multiply x by the width and y by the height"
)


def no_share(values: np.ndarray) -> np.ndarray:
    """Where they lie outside 0 to 1, but for rounding."""
    return (values < 0) | (values > 1 + 1e-5)


def refuse(wrong: npt.ArrayLike, values: np.ndarray, name: str, wanted: str) -> None:
    """Raises ValueError of the first row that is wrong."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        found = np.asarray(values[rows[0]]).tolist()
        raise ValueError(f"{name}: row {rows[0]} is {found}{more}, expected {wanted}")
