"""Torch's tensors in its files: views of stored numbers, checked against what is stored."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from jaxsign.nets.torch_files import late

# Bytes that a tensor may take that is an expanded view of fewer.
_MOST_REPEATED = 1 << 24
_TYPES: dict[str, Any] = {
    **{name: name for name in ("float64", "float32", "float16", "complex64", "complex128", "bool")},
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}
# torch name of a type or of a kind of storage -> numpy's type
_DTYPES: dict[str, np.dtype] = {
    **{f"torch.{name}": np.dtype(found) for name, found in _TYPES.items()},
    **{
        f"torch.{kind}Storage": np.dtype(_TYPES[name])
        for kind, name in (
            ("Double", "float64"),
            ("Float", "float32"),
            ("Half", "float16"),
            ("BFloat16", "bfloat16"),
            ("Long", "int64"),
            ("Int", "int32"),
            ("Short", "int16"),
            ("Char", "int8"),
            ("Byte", "uint8"),
            ("Bool", "bool"),
            ("ComplexDouble", "complex128"),
            ("ComplexFloat", "complex64"),
        )
    },
    "torch.storage.UntypedStorage": np.dtype("uint8"),
}


def dtype(name: Any) -> np.dtype:
    """The type of numbers that torch calls so.

    Raises:
      ValueError: none of torch's, or one that numpy does not have.
    """
    text = name.name.replace("torch.cuda.", "torch.") if isinstance(name, late.Name) else ""
    if text not in _DTYPES:
        raise ValueError(f"{text or name!r} is no type of numbers")
    return _DTYPES[text]


@dataclasses.dataclass(frozen=True, slots=True)
class Storage(late.Late):
    """Stored numbers.

    Attributes:
      dtype: their type.
      count: how many there are, as the list of tensors says.
      read: gives their bytes, which all tensors of a storage share.
      order: of the bytes of a number, "<" or ">".
    """

    dtype: np.dtype
    count: int
    read: Callable[[], bytearray]
    order: str

    def __setstate__(self, state: Any) -> None:
        raise ValueError("it changes a storage")

    def numbers(self, kind: np.dtype) -> np.ndarray:
        """All of them as numbers of one type, flat."""
        size = self.count * self.dtype.itemsize
        try:
            data = self.read()
        except KeyError as error:
            raise ValueError("its numbers are not in the file") from error
        if len(data) != size:
            raise ValueError(f"{len(data):,} bytes are stored, {size:,} are listed")
        found = np.frombuffer(data, kind, count=size // kind.itemsize)
        native = self.order == "<" or kind.itemsize == 1
        # bfloat16 has no byte order of its own
        return found if native else found.view(f"V{kind.itemsize}").byteswap().view(kind)

    def made(self) -> np.ndarray:
        """All of them."""
        return _known_to_numpy(self.numbers(self.dtype))


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor(late.Late):
    """A view of stored numbers: first number, sizes and strides in numbers."""

    storage: Storage
    dtype: np.dtype
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    metadata: dict[str, bool]

    def __setstate__(self, state: Any) -> None:
        raise ValueError("it changes a tensor")

    def made(self) -> np.ndarray:
        """An array; it may share its numbers with others of its file."""
        numbers = self.storage.numbers(self.dtype)
        self._check(len(numbers))
        steps = [stride * numbers.itemsize for stride in self.strides]
        start = self.offset * numbers.itemsize if math.prod(self.sizes) else 0
        found = np.ndarray(self.sizes, numbers.dtype, numbers.view(np.uint8).data, start, steps)
        found = _known_to_numpy(found)
        if self.metadata.get("conj"):
            found = found.conj()
        return -found if self.metadata.get("neg") else found

    def _check(self, stored: int) -> None:
        """Raises ValueError where the view leaves what is stored, or repeats it too often."""
        whole = (self.offset, *self.sizes, *self.strides)
        if not all(type(n) is int and n >= 0 for n in whole) or (
            len(self.sizes) != len(self.strides)
        ):
            raise ValueError(f"a tensor of sizes {self.sizes}, strides {self.strides}")
        count = math.prod(self.sizes)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.sizes, self.strides, strict=True))
        if count and last >= stored:
            raise ValueError(
                f"a tensor {list(self.sizes)} reaches to number {last + 1:,} of {stored:,} stored"
            )
        held = stored * self.dtype.itemsize
        if count * self.dtype.itemsize > max(held, _MOST_REPEATED):
            raise ValueError(
                f"a tensor {list(self.sizes)} repeats the {held} bytes that are stored; save a "
                "copy of it: tensor.contiguous()"
            )


def _known_to_numpy(found: np.ndarray) -> np.ndarray:
    """Types that are not numpy's own become float32, which holds each of their numbers."""
    return found.astype(np.float32) if found.dtype.isbuiltin == 2 else found


def _tensor(
    storage: Any,
    offset: Any,
    sizes: Any,
    strides: Any,
    kind: np.dtype | None = None,
    metadata: Any = None,
) -> Tensor | late.Foreign:
    if isinstance(storage, late.Foreign):
        return storage
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without stored numbers")
    kind = storage.dtype if kind is None else kind
    return Tensor(storage, kind, offset, tuple(sizes), tuple(strides), dict(metadata or {}))


def _second(storage: Any, offset: Any, sizes: Any, strides: Any, *rest: Any) -> Any:
    metadata = rest[2] if len(rest) > 2 else None
    return _tensor(storage, offset, sizes, strides, metadata=metadata)


def _third(storage: Any, offset: Any, sizes: Any, strides: Any, *rest: Any) -> Any:
    metadata = rest[3] if len(rest) > 3 else None
    return _tensor(storage, offset, sizes, strides, dtype(rest[2]), metadata)


def _of_a_class(function: late.Name, kind: Any, args: tuple[Any, ...], state: Any = None) -> Any:
    """A tensor of a class of its own, or with attributes, which are left out."""
    if isinstance(kind, type) and issubclass(kind, late.Foreign):
        return kind()
    return function(*args)


def _parameter(data: Any, *_: Any) -> Any:
    return data


_NAMES = (
    *_DTYPES,
    *(f"torch.cuda.{key[6:]}" for key in _DTYPES if key.endswith("Storage")),
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
)
_MAKERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _second,
    "torch._utils._rebuild_tensor_v3": _third,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_a_class,
}
ADMITTED: dict[str, late.Name] = {
    **{name: late.Name(name) for name in _NAMES},
    **{name: late.Name(name, make) for name, make in _MAKERS.items()},
}
