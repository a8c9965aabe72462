"""JAX's operations that move numbers about, as ONNX nodes; constants are moved here and now."""

import math
from collections.abc import Sequence

import numpy as np

from jaxsign.infer.deploy.formats import Unwritable
from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value
from jaxsign.infer.deploy.onnx_graph.numbers import Operation, Params, Result, cast

_BOOL, _INT, _LONG = np.dtype(np.bool_), np.dtype(np.int32), np.int64


def reshaped(graph: Graph, value: Value, shape: Sequence[int]) -> Value:
    """The same numbers in another shape."""
    if tuple(shape) == value.shape:
        return value
    if value.known is not None:
        return graph.constant(value.known.reshape(shape))
    wanted = graph.constant(shape, _LONG)
    return graph.add("Reshape", [value, wanted], shape, value.dtype, allowzero=1)


def transposed(graph: Graph, value: Value, order: Sequence[int]) -> Value:
    """Axes in another order."""
    if list(order) == sorted(order):
        return value
    if value.known is not None:
        return graph.constant(np.ascontiguousarray(value.known.transpose(order)))
    shape = [value.shape[axis] for axis in order]
    return graph.add("Transpose", [value], shape, value.dtype, perm=list(order))


def sliced(
    graph: Graph, value: Value, starts: Sequence[int], ends: Sequence[int], steps: Sequence[int]
) -> Value:
    """Every so manieth of each axis, from the start to before the end."""
    axes = [
        axis
        for axis, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True))
        if (start, end, step) != (0, value.shape[axis], 1)
    ]
    shape = [len(range(*row)) for row in zip(starts, ends, steps, strict=True)]
    if not axes:
        return value
    words = [
        graph.constant([row[axis] for axis in axes], _LONG)
        for row in (starts, ends, range(len(starts)), steps)
    ]
    return graph.add("Slice", [value, *words], shape, value.dtype)


def _reshape(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return reshaped(graph, inputs[0], results[0].shape)


def _transpose(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return transposed(graph, inputs[0], params["permutation"])


def _broadcast(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    (value,), shape = inputs, results[0].shape
    places = params["broadcast_dimensions"]
    around = [1] * len(shape)
    for axis, place in enumerate(places):
        around[place] = value.shape[axis]
    placed = reshaped(graph, value, around)
    return placed if tuple(around) == shape else graph.repeated(placed, shape)


def _concatenate(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    return graph.add("Concat", inputs, results[0].shape, results[0].dtype, axis=params["dimension"])


def _stack(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    axis = params["axis"]
    shape = list(results[0].shape)
    shape[axis] = 1
    rows = [reshaped(graph, value, shape) for value in inputs]
    return graph.add("Concat", rows, results[0].shape, results[0].dtype, axis=axis)


def _unstack(
    graph: Graph, inputs: list[Value], results: list[Result], params: Params
) -> list[Value]:
    (value,), axis = inputs, params["axis"]
    parts = []
    for place in range(value.shape[axis]):
        starts, ends = [0] * len(value.shape), list(value.shape)
        starts[axis], ends[axis] = place, place + 1
        one = sliced(graph, value, starts, ends, [1] * len(starts))
        parts.append(reshaped(graph, one, results[0].shape))
    return parts


def _tile(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    times = graph.constant(params["reps"], _LONG)
    return graph.add("Tile", [inputs[0], times], results[0].shape, results[0].dtype)


def _slice(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    starts, ends = params["start_indices"], params["limit_indices"]
    return sliced(graph, inputs[0], starts, ends, params["strides"] or [1] * len(starts))


def _split(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> list[Value]:
    (value,), axis, parts = inputs, params["axis"], []
    start = 0
    for size in params["sizes"]:
        starts, ends = [0] * len(value.shape), list(value.shape)
        starts[axis], ends[axis] = start, start + size
        parts.append(sliced(graph, value, starts, ends, [1] * len(starts)))
        start += size
    return parts


def _reverse(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    (value,), axes = inputs, params["dimensions"]
    words = [[-1] * len(axes), [-(value.shape[axis] + 1) for axis in axes], axes, [-1] * len(axes)]
    rows = [graph.constant(word, _LONG) for word in words]
    return graph.add("Slice", [value, *rows], value.shape, value.dtype)


def _pad(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """Negative padding cuts; padding between the numbers is not known."""
    value, filler = inputs
    rows = params["padding_config"]
    if any(between for _, _, between in rows):
        raise Unwritable("padding between numbers (lhs_dilation of a convolution)")
    starts = [max(-low, 0) for low, _, _ in rows]
    ends = [n - max(-high, 0) for n, (_, high, _) in zip(value.shape, rows, strict=True)]
    value = sliced(graph, value, starts, ends, [1] * len(starts))
    sizes = [max(low, 0) for low, _, _ in rows] + [max(high, 0) for _, high, _ in rows]
    if not any(sizes):
        return value
    dtype = _INT if value.dtype == _BOOL else value.dtype
    words = [cast(graph, value, dtype), graph.constant(sizes, _LONG), cast(graph, filler, dtype)]
    return cast(graph, graph.add("Pad", words, results[0].shape, dtype), value.dtype)


def _iota(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    (result,), axis = results, params["dimension"]
    row = np.arange(result.shape[axis], dtype=result.dtype)
    shape = [-1 if i == axis else 1 for i in range(len(result.shape))]
    flat = graph.constant(row.reshape(shape))
    if math.prod(result.shape) == len(row):
        return reshaped(graph, flat, result.shape)
    return graph.repeated(flat, result.shape)


SHAPES: dict[str, Operation] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "expand_dims": _reshape,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _reverse,
    "slice": _slice,
    "split": _split,
    "squeeze": _reshape,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
    "unstack": _unstack,
}
