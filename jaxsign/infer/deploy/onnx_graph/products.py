"""JAX's products, convolutions and maxima of windows as ONNX nodes."""

import math

import numpy as np

from jaxsign.infer.deploy.formats import Unwritable
from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value
from jaxsign.infer.deploy.onnx_graph.numbers import Operation, Params, Result
from jaxsign.infer.deploy.onnx_graph.shapes import reshaped, transposed


def _product(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """MatMul of [shared, M, K] and [shared, K, N]; [..., K] and [K, N] go as they are."""
    (left, right), (result,) = inputs, results
    (over_left, over_right), (with_left, with_right) = params["dimension_numbers"]
    own_left = [i for i in range(len(left.shape)) if i not in (*over_left, *with_left)]
    own_right = [i for i in range(len(right.shape)) if i not in (*over_right, *with_right)]
    shared = [left.shape[i] for i in with_left]
    depth = math.prod(left.shape[i] for i in over_left)
    rows = [left.shape[i] for i in own_left]
    columns = [right.shape[i] for i in own_right]
    first = transposed(graph, left, [*with_left, *own_left, *over_left])
    second = transposed(graph, right, [*with_right, *over_right, *own_right])
    if with_left:
        first = reshaped(graph, first, [math.prod(shared), math.prod(rows), depth])
        second = reshaped(graph, second, [math.prod(shared), depth, math.prod(columns)])
        shape = [math.prod(shared), math.prod(rows), math.prod(columns)]
    else:
        # One matrix of weights: what stands before the last axis of the other stays as it is.
        first = reshaped(graph, first, [*(rows or [1]), depth])
        second = reshaped(graph, second, [depth, math.prod(columns)])
        shape = [*(rows or [1]), math.prod(columns)]
    made = graph.add("MatMul", [first, second], shape, result.dtype)
    return reshaped(graph, made, result.shape)


def _convolution(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """Conv of [B, C, ...] with [out, in, ...], back in the order of axes that JAX was told."""
    (value, kernel), (result,) = inputs, results
    if any(step != 1 for step in params["lhs_dilation"]) or params["batch_group_count"] != 1:
        raise Unwritable("a transposed convolution")
    numbers = params["dimension_numbers"]
    pads = params["padding"]
    order = numbers.out_spec
    shape = [result.shape[axis] for axis in order]
    made = graph.add(
        "Conv",
        [transposed(graph, value, numbers.lhs_spec), transposed(graph, kernel, numbers.rhs_spec)],
        shape,
        result.dtype,
        strides=list(params["window_strides"]),
        pads=[low for low, _ in pads] + [high for _, high in pads],
        dilations=list(params["rhs_dilation"]),
        group=params["feature_group_count"],
    )
    return transposed(graph, made, np.argsort(order).tolist())


def _largest_of_windows(
    graph: Graph, inputs: list[Value], results: list[Result], params: Params
) -> Value:
    """MaxPool over the axes that windows reach along; the others go before it."""
    (value,), (result,) = inputs, results
    if set(params["base_dilation"]) != {1}:
        raise Unwritable("a maximum of windows over spread numbers")
    rows = list(
        zip(
            params["window_dimensions"], params["window_strides"], params["padding"],
            params["window_dilation"], strict=True,
        )
    )  # fmt: skip
    inside = [i for i, row in enumerate(rows) if row != (1, 1, (0, 0), 1)]
    order = [*(i for i in range(len(rows)) if i not in inside), *inside]
    before = [value.shape[i] for i in order[: -len(inside)]]
    source = reshaped(
        graph,
        transposed(graph, value, order),
        [math.prod(before), 1, *(value.shape[i] for i in inside)],
    )
    after = [result.shape[i] for i in inside]
    sizes, strides, pads, dilations = zip(*(rows[i] for i in inside), strict=True)
    made = graph.add(
        "MaxPool",
        [source],
        [math.prod(before), 1, *after],
        result.dtype,
        kernel_shape=list(sizes),
        strides=list(strides),
        pads=[low for low, _ in pads] + [high for _, high in pads],
        dilations=list(dilations),
    )
    return transposed(graph, reshaped(graph, made, [*before, *after]), np.argsort(order).tolist())


PRODUCTS: dict[str, Operation] = {
    "conv_general_dilated": _convolution,
    "dot_general": _product,
    "reduce_window_max": _largest_of_windows,
}
