"""Numpy's arrays and numbers in torch files, made from their bytes: no code of numpy's runs.

Training scripts save best metrics and class weights as numpy has them. Numpy's own functions also
take types that make pointers of bytes. What stands here takes their place and knows numbers, truth
values and text alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsign.nets.torch_files import late

_KINDS = "biufcSU"


class _Type:
    """In place of `numpy.dtype`."""

    __slots__ = ("_name", "_swapped")

    def __init__(self, name: Any, *_: Any):
        self._name, self._swapped = str(name), False

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._swapped = state[1] == ">"  # names and sizes stand in the name already

    def dtype(self) -> np.dtype:
        """The type; raises ValueError where it is none of `_KINDS`."""
        found = np.dtype(self._name)
        if found.kind not in _KINDS:
            raise ValueError(f"numpy's type {found} is no number")
        return found.newbyteorder(">") if self._swapped else found


class _Array(late.Late):
    """In place of `numpy.ndarray`."""

    __slots__ = ("_state",)

    def __init__(self, *_: Any):
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def made(self) -> np.ndarray:
        """The array."""
        if not self._state:
            return np.zeros(0)
        _, shape, kind, by_columns, data = self._state
        if isinstance(data, list):
            raise ValueError("numpy's type object is no number")
        flat = np.frombuffer(data, kind.dtype())
        return flat.reshape(shape, order="F" if by_columns else "C").copy()


class _Number(late.Late):
    """In place of numpy's `scalar`."""

    __slots__ = ("_data", "_kind")

    def __init__(self, kind: _Type, data: bytes = b""):
        self._kind, self._data = kind, data

    def __setstate__(self, state: Any) -> None:
        raise ValueError("it changes a number")

    def made(self) -> Any:
        """A plain number."""
        return np.frombuffer(self._data, self._kind.dtype(), count=1)[0].item()


def _bytes(text: str, encoding: str = "") -> bytes:
    """In place of `_codecs.encode`, by which old pickles hold bytes."""
    return text.encode("latin-1")


# Numpy 1 and 2 have other names for the same.
_MAKERS: dict[str, Callable[..., Any]] = {
    "numpy.dtype": _Type,
    "numpy.ndarray": _Array,
    "_codecs.encode": _bytes,
    **{f"numpy.{core}.multiarray._reconstruct": _Array for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _Number for core in ("core", "_core")},
}
ADMITTED: dict[str, late.Name] = {name: late.Name(name, make) for name, make in _MAKERS.items()}
