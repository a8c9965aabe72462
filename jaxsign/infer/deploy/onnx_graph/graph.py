"""An ONNX graph that grows node by node; what is known beforehand stays a number."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from jaxsign.infer.deploy.formats import Unwritable

OPSET, IR = 20, 10
_FEW = 4096  # bytes of a constant that is written down where a node would repeat a part of it
Array = np.ndarray
_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.bool_): TensorProto.BOOL,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph.

    Attributes:
      shape, dtype: of it.
      name: in the graph; "" = no node has used it yet.
      known: its numbers, where they are known beforehand.
      narrow: the value that it is repeated from, along axes of length 1.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    name: str = ""
    known: Array | None = None
    narrow: "Value | None" = None


# Nodes that repeat along axes of length 1 by themselves.
_REPEATING = {
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min",
    "Mul", "Or", "Pow", "Sub", "Where", "Xor",
}  # fmt: skip


class Graph:
    """The nodes and constants so far."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._names: dict[object, str] = {}  # of constants and of what is repeated
        self._kept: list[Value] = []  # so that no identity comes twice

    def constant(self, numbers: Array | Sequence[int] | float, dtype: type | None = None) -> Value:
        """Numbers that are known beforehand."""
        array = np.asarray(numbers, dtype)
        return Value(array.shape, array.dtype, known=array)

    def entry(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Value:
        """An input of the graph."""
        return Value(shape, dtype, name)

    def add(
        self,
        kind: str,
        inputs: Sequence[Value],
        shape: Sequence[int],
        dtype: np.dtype,
        **attributes: Any,
    ) -> Value:
        """A node with one output, which has this shape and type."""
        if kind in _REPEATING:
            inputs = _narrowed(inputs, tuple(shape))
        return self.add_several(kind, inputs, [shape], dtype, **attributes)[0]

    def add_several(
        self,
        kind: str,
        inputs: Sequence[Value],
        shapes: Sequence[Sequence[int]],
        dtype: np.dtype,
        **attributes: Any,
    ) -> list[Value]:
        """A node with outputs of these shapes and one type."""
        words = [self.name_of(value) for value in inputs]
        place = len(self._nodes)
        names = [f"v{place}_{i}" if i else f"v{place}" for i in range(len(shapes))]
        self._nodes.append(helper.make_node(kind, words, names, **attributes))
        return [
            Value(tuple(shape), np.dtype(dtype), name)
            for shape, name in zip(shapes, names, strict=True)
        ]

    def repeated(self, value: Value, shape: Sequence[int]) -> Value:
        """The value, repeated along axes of length 1: a node comes to be where one needs it."""
        known = None if value.known is None else np.broadcast_to(value.known, shape)
        return Value(tuple(shape), value.dtype, known=known, narrow=value)

    def name_of(self, value: Value) -> str:
        """What nodes call a value; a constant or what is repeated gets its place in the file."""
        if value.name:
            return value.name
        key = id(value) if _is_node(value) else _content(value)
        if key not in self._names:
            self._kept.append(value)
            self._names[key] = self._placed(value)
        return self._names[key]

    def _placed(self, value: Value) -> str:
        if value.narrow is not None and _is_node(value):
            wanted = self.constant(value.shape, np.int64)
            return self.add("Expand", [value.narrow, wanted], value.shape, value.dtype).name
        type_of(value.dtype)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(value.known, order="C"), name))
        return name

    def model(
        self, entries: Sequence[Value], results: Sequence[Value], names: Sequence[str]
    ) -> onnx.ModelProto:
        """The whole, whose results are called by these names."""
        for value, name in zip(results, names, strict=True):
            node = helper.make_node("Identity", [self.name_of(value)], [name])
            self._nodes.append(node)
        graph = helper.make_graph(
            self._nodes,
            "jaxsign",
            [_info(value.name, value) for value in entries],
            [_info(name, value) for name, value in zip(names, results, strict=True)],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="jaxsign"
        )
        model.ir_version = IR
        return model


def _is_node(value: Value) -> bool:
    """Whether it is repeated by a node; else its numbers are written down."""
    return value.known is None or (value.narrow is not None and value.known.nbytes > _FEW)


def _content(value: Value) -> tuple[object, ...]:
    """Equal for equal numbers: what layers share, or loops make again, is written once."""
    array = np.array(value.known, order="C")
    return array.dtype, array.shape, hashlib.sha256(array.data).digest()


def _narrowed(inputs: Sequence[Value], shape: tuple[int, ...]) -> Sequence[Value]:
    """The inputs before they were repeated, where the node comes to the same shape of these."""
    before = [value.narrow or value for value in inputs]
    return before if np.broadcast_shapes(*(value.shape for value in before)) == shape else inputs


def _info(name: str, value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, type_of(value.dtype), value.shape)


def type_of(dtype: np.dtype) -> int:
    """ONNX's number of a type.

    Raises:
      Unwritable: it is not used here.
    """
    if dtype not in _TYPES:
        raise Unwritable(f"numbers of type {dtype}")
    return int(_TYPES[dtype])
