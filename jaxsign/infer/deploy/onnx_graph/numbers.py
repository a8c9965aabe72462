"""JAX's operations as ONNX nodes: name -> what adds the nodes."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value, type_of


@dataclasses.dataclass(frozen=True)
class Result:
    """Shape and type of what an operation gives."""

    shape: tuple[int, ...]
    dtype: np.dtype


Params: TypeAlias = Mapping[str, Any]  # an operation's own settings
# What adds an operation to a graph: its inputs, and what shall come of them -> its results.
Operation: TypeAlias = Callable[[Graph, list[Value], list[Result], Params], Value | list[Value]]
_Single: TypeAlias = Callable[[Graph, list[Value], list[Result], Params], Value]
_BOOL = np.dtype(np.bool_)
_INT = np.dtype(np.int32)


def _node(kind: str) -> _Single:
    """An operation that is one node of the same inputs."""

    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        return graph.add(kind, inputs, results[0].shape, results[0].dtype)

    return add


def _chain(*kinds: str) -> _Single:
    """An operation of one input that is several nodes, one after the other."""

    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        (value,) = inputs
        for kind in kinds:
            value = graph.add(kind, [value], results[0].shape, results[0].dtype)
        return value

    return add


def _same(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return inputs[0]


def cast(graph: Graph, value: Value, dtype: np.dtype) -> Value:
    """The value in another type."""
    if value.dtype == dtype:
        return value
    return graph.add("Cast", [value], value.shape, dtype, to=type_of(dtype))


def _convert(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return cast(graph, inputs[0], results[0].dtype)


def _not_equal(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    same = graph.add("Equal", inputs, results[0].shape, _BOOL)
    return graph.add("Not", [same], results[0].shape, _BOOL)


def _square(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return graph.add("Mul", inputs * 2, results[0].shape, results[0].dtype)


def _power(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    if params["y"] == 2:
        return _square(graph, inputs, results, params)
    exponent = graph.constant(params["y"], results[0].dtype.type)
    return graph.add("Pow", [inputs[0], exponent], results[0].shape, results[0].dtype)


def _with_number(kind: str, number: float, *, first: bool = False) -> _Single:
    """An operation of one input and a number."""

    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        constant = graph.constant(number, results[0].dtype.type)
        both = [constant, inputs[0]] if first else [inputs[0], constant]
        return graph.add(kind, both, results[0].shape, results[0].dtype)

    return add


def _after(first: _Single, second: _Single) -> _Single:
    """One operation behind another."""

    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        between = first(graph, inputs, results, params)
        return second(graph, [between], results, params)

    return add


def _finite(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    nan = graph.add("IsNaN", inputs, results[0].shape, _BOOL)
    infinite = graph.add("IsInf", inputs, results[0].shape, _BOOL)
    either = graph.add("Or", [nan, infinite], results[0].shape, _BOOL)
    return graph.add("Not", [either], results[0].shape, _BOOL)


def _remainder(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return graph.add("Mod", inputs, results[0].shape, results[0].dtype, fmod=1)


def _round(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    if int(params["rounding_method"]) == 1:  # to even, as ONNX does
        return graph.add("Round", inputs, results[0].shape, results[0].dtype)
    sign = graph.add("Sign", inputs, results[0].shape, results[0].dtype)
    size = graph.add("Abs", inputs, results[0].shape, results[0].dtype)
    half = graph.constant(0.5, results[0].dtype.type)
    more = graph.add("Add", [size, half], results[0].shape, results[0].dtype)
    whole = graph.add("Floor", [more], results[0].shape, results[0].dtype)
    return graph.add("Mul", [sign, whole], results[0].shape, results[0].dtype)


def _angle(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """The angle of (x, y) by the arctangent of y / x, which knows one half of the circle alone."""
    (y, x), (shape, dtype) = inputs, (results[0].shape, results[0].dtype)

    def add(kind: str, *values: Value, dtype: np.dtype = dtype) -> Value:
        return graph.add(kind, values, shape, dtype)

    zero, turn = graph.constant(0, dtype.type), graph.constant(math.pi, dtype.type)
    below = add("Less", y, zero, dtype=_BOOL)
    half = add("Where", below, graph.constant(-math.pi, dtype.type), turn)
    near = add("Atan", add("Div", y, x))
    left = add("Where", add("Less", x, zero, dtype=_BOOL), add("Add", near, half), near)
    quarter = add("Mul", add("Sign", y), graph.constant(math.pi / 2, dtype.type))
    return add("Where", add("Equal", x, zero, dtype=_BOOL), quarter, left)


def _select(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """Of two where `which` is a bool: JAX has the one for False first."""
    which, no, yes = inputs
    if which.dtype != _BOOL:
        which = cast(graph, which, _BOOL)
    shape, dtype = results[0].shape, results[0].dtype
    if dtype != _BOOL:
        return graph.add("Where", [which, yes, no], shape, dtype)
    numbers = [cast(graph, value, _INT) for value in (yes, no)]
    return cast(graph, graph.add("Where", [which, *numbers], shape, _INT), _BOOL)


def _clamp(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    low, value, high = inputs
    above = graph.add("Max", [value, low], results[0].shape, results[0].dtype)
    return graph.add("Min", [above, high], results[0].shape, results[0].dtype)


def _bits(logical: str, bitwise: str) -> Operation:
    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        kind = logical if results[0].dtype == _BOOL else bitwise
        return graph.add(kind, inputs, results[0].shape, results[0].dtype)

    return add


def _reduced(kind: str) -> Operation:
    """Over axes; of bools as whole numbers."""

    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        (value,), (shape, dtype) = inputs, (results[0].shape, results[0].dtype)
        numbers = cast(graph, value, _INT) if dtype == _BOOL else value
        axes = graph.constant(params["axes"], np.int64)
        made = graph.add(kind, [numbers, axes], shape, numbers.dtype, keepdims=0)
        return cast(graph, made, dtype)

    return add


def _best(kind: str) -> Operation:
    def add(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
        (axis,) = params["axes"]
        shape = results[0].shape
        made = graph.add(kind, inputs, shape, np.dtype(np.int64), axis=axis, keepdims=0)
        return cast(graph, made, results[0].dtype)

    return add


def _running_sum(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    axis = graph.constant(params["axis"], np.int64)
    backwards = int(params["reverse"])
    return graph.add(
        "CumSum", [inputs[0], axis], results[0].shape, results[0].dtype, reverse=backwards
    )


NUMBERS: dict[str, Operation] = {
    "abs": _node("Abs"),
    "add": _node("Add"),
    "add_any": _node("Add"),
    "and": _bits("And", "BitwiseAnd"),
    "argmax": _best("ArgMax"),
    "argmin": _best("ArgMin"),
    "atan2": _angle,
    "ceil": _node("Ceil"),
    "clamp": _clamp,
    "convert_element_type": _convert,
    "copy": _same,
    "copy_p": _same,
    "cos": _node("Cos"),
    "cumsum": _running_sum,
    "div": _node("Div"),
    "eq": _node("Equal"),
    "erf": _node("Erf"),
    "erfc": _after(_node("Erf"), _with_number("Sub", 1, first=True)),
    "exp": _node("Exp"),
    "exp2": _with_number("Pow", 2, first=True),
    "expm1": _after(_node("Exp"), _with_number("Sub", 1)),
    "floor": _node("Floor"),
    "ge": _node("GreaterOrEqual"),
    "gt": _node("Greater"),
    "integer_pow": _power,
    "is_finite": _finite,
    "le": _node("LessOrEqual"),
    "log": _node("Log"),
    "log1p": _after(_with_number("Add", 1), _node("Log")),
    "logistic": _node("Sigmoid"),
    "lt": _node("Less"),
    "max": _node("Max"),
    "min": _node("Min"),
    "mul": _node("Mul"),
    "ne": _not_equal,
    "neg": _node("Neg"),
    "not": _bits("Not", "BitwiseNot"),
    "optimization_barrier": lambda graph, inputs, results, params: inputs,
    "or": _bits("Or", "BitwiseOr"),
    "pow": _node("Pow"),
    "reduce_and": _reduced("ReduceMin"),
    "reduce_max": _reduced("ReduceMax"),
    "reduce_min": _reduced("ReduceMin"),
    "reduce_or": _reduced("ReduceMax"),
    "reduce_prod": _reduced("ReduceProd"),
    "reduce_sum": _reduced("ReduceSum"),
    "rem": _remainder,
    "round": _round,
    "rsqrt": _chain("Sqrt", "Reciprocal"),
    "select_n": _select,
    "sign": _node("Sign"),
    "sin": _node("Sin"),
    "sqrt": _node("Sqrt"),
    "square": _square,
    "stop_gradient": _same,
    "sub": _node("Sub"),
    "tan": _node("Tan"),
    "tanh": _node("Tanh"),
    "xor": _bits("Xor", "BitwiseXor"),
}
