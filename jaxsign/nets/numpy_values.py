"""Numpy's arrays and numbers in torch files, made from their bytes: no code of numpy's runs.

Training scripts save best metrics and class weights as numpy has them. Torch can be told to trust
numpy's own functions, but these also take types that make pointers of bytes. What stands here takes
their place and knows numbers, truth values and text alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_KINDS = "biufcSU"


class _Type:
    """In place of `numpy.dtype`."""

    def __init__(self, name: Any, *_: Any):
        found = np.dtype(str(name))
        if found.kind not in _KINDS:
            raise ValueError(f"numpy's type {found} is no number")
        self.dtype = found

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):  # the order of bytes; names and sizes stand in the name already
            self.dtype = self.dtype.newbyteorder(state[1])


class NumpyArray:
    """In place of `numpy.ndarray`; `value` is the array once its state is set."""

    def __init__(self, *_: Any):
        self.value = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, data = state
        flat = np.frombuffer(data, kind.dtype)
        self.value = flat.reshape(shape, order="F" if by_columns else "C").copy()


def _array(*_: Any) -> NumpyArray:
    """In place of numpy's `_reconstruct`."""
    return NumpyArray()


def _number(kind: _Type, data: bytes) -> Any:
    """In place of numpy's `scalar`: a plain number."""
    return np.frombuffer(data, kind.dtype, count=1)[0].item()


def _bytes(text: str, encoding: str = "") -> bytes:
    """In place of `_codecs.encode`, by which old pickles hold bytes."""
    return text.encode("latin-1")


# For `torch.serialization.safe_globals`; numpy 1 and 2 have other names for the same.
STAND_INS: list[tuple[Callable[..., Any], str]] = [
    (_Type, "numpy.dtype"),
    (NumpyArray, "numpy.ndarray"),
    (_bytes, "_codecs.encode"),
    *((_array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
