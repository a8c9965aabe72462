"""JAX's operations that read at computed places, as ONNX nodes."""

import numpy as np
from jax import lax

from jaxsign.infer.deploy.formats import Unwritable
from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value
from jaxsign.infer.deploy.onnx_graph.numbers import Operation, Params, Result, cast
from jaxsign.infer.deploy.onnx_graph.shapes import reshaped, sliced, transposed

_LONG = np.dtype(np.int64)


def _gather(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """GatherND where an axis is taken from its start or at one place.

    Places beyond the end are bent in; where JAX would fill, only places that are known beforehand
    to be inside are taken.
    """
    (value, places), (result,) = inputs, results
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    picked = numbers.start_index_map
    if numbers.operand_batching_dims or numbers.collapsed_slice_dims != tuple(sorted(picked)):
        raise Unwritable("a gather of parts of axes")
    kept = [axis for axis in range(len(value.shape)) if axis not in picked]
    # Of an axis at which no place is told, JAX takes the beginning.
    ends = [value.shape[a] if a in picked else sizes[a] for a in range(len(value.shape))]
    value = sliced(graph, value, [0] * len(ends), ends, [1] * len(ends))
    limits = np.asarray([value.shape[axis] - 1 for axis in picked])
    inside = _inside(graph, places, limits, params["mode"])
    source = transposed(graph, value, [*picked, *kept])
    around, within = places.shape[:-1], [value.shape[axis] for axis in kept]
    made = graph.add("GatherND", [source, inside], [*around, *within], value.dtype)
    # The axes as they are, and where JAX has each of them.
    outside = [i for i in range(len(result.shape)) if i not in numbers.offset_dims]
    now = [*outside, *numbers.offset_dims]
    return transposed(graph, made, np.argsort(now).tolist())


def _inside(graph: Graph, places: Value, limits: np.ndarray, mode: object) -> Value:
    if places.known is not None:
        bent = np.clip(places.known.astype(np.int64), 0, limits)
        if mode != lax.GatherScatterMode.FILL_OR_DROP or (bent == places.known).all():
            return graph.constant(bent)
    if mode == lax.GatherScatterMode.FILL_OR_DROP:
        raise Unwritable("a gather that fills in what lies outside")
    long = cast(graph, places, _LONG)
    low = graph.add("Max", [long, graph.constant(0, np.int64)], places.shape, _LONG)
    return graph.add("Min", [low, graph.constant(limits, np.int64)], places.shape, _LONG)


def _starts(graph: Graph, starts: list[Value], limits: list[int]) -> Value:
    """int64 [axes], bent in."""
    rows = [reshaped(graph, cast(graph, start, _LONG), [1]) for start in starts]
    together = graph.add("Concat", rows, [len(rows)], _LONG, axis=0)
    low = graph.add("Max", [together, graph.constant(0, np.int64)], [len(rows)], _LONG)
    return graph.add("Min", [low, graph.constant(limits, np.int64)], [len(rows)], _LONG)


def _dynamic_slice(
    graph: Graph, inputs: list[Value], results: list[Result], params: Params
) -> Value:
    value, *starts = inputs
    sizes = params["slice_sizes"]
    limits = [n - size for n, size in zip(value.shape, sizes, strict=True)]
    first = _starts(graph, starts, limits)
    last = graph.add("Add", [first, graph.constant(sizes, np.int64)], [len(sizes)], _LONG)
    axes = graph.constant(np.arange(len(sizes)), np.int64)
    return graph.add("Slice", [value, first, last, axes], results[0].shape, value.dtype)


PICKING: dict[str, Operation] = {
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
}
