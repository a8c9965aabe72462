"""Recurrent layers as ONNX's own: one node for all frames."""

from collections.abc import Sequence

import numpy as np

from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value
from jaxsign.infer.deploy.onnx_graph.numbers import Operation, Params, Result, cast
from jaxsign.infer.deploy.onnx_graph.shapes import reshaped, transposed

# Where ONNX's gates lie among ours.
_LSTM = (0, 3, 1, 2)  # i, o, f, g of i, f, g, o
_GRU = (1, 0, 2)  # z, r, n of r, z, n


def _lstm(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> Value:
    """Of x [T, B, in], weights, the sum of both biases and perhaps valid [T, B, 1]."""
    x, weight_ih, weight_hh, bias, *valid = inputs
    none = graph.constant(np.zeros(bias.shape, bias.dtype))
    weights = _weights(graph, [weight_ih, weight_hh], [bias, none], _LSTM)
    counts = [_counts(graph, mask, (0, 2)) for mask in valid]
    frames, clips, hidden = results[0].shape
    states = graph.add(
        "LSTM",
        [x, *weights, *counts],
        [frames, 1, clips, hidden],
        x.dtype,
        hidden_size=hidden,
        direction="reverse" if params["reverse"] else "forward",
    )
    return reshaped(graph, states, results[0].shape)


def _gru(graph: Graph, inputs: list[Value], results: list[Result], params: Params) -> list[Value]:
    """Of x [B, T, in], weights, biases and perhaps valid [B, T]; gives states and the last one."""
    x, weight_ih, weight_hh, bias_ih, bias_hh, *valid = inputs
    weights = _weights(graph, [weight_ih, weight_hh], [bias_ih, bias_hh], _GRU)
    counts = [_counts(graph, mask, (1,)) for mask in valid]
    clips, frames, hidden = results[0].shape
    states, last = graph.add_several(
        "GRU",
        [transposed(graph, x, (1, 0, 2)), *weights, *counts],
        [(frames, 1, clips, hidden), (1, clips, hidden)],
        x.dtype,
        hidden_size=hidden,
        linear_before_reset=1,
    )
    rows = transposed(graph, reshaped(graph, states, (frames, clips, hidden)), (1, 0, 2))
    return [rows, reshaped(graph, last, results[1].shape)]


def _weights(
    graph: Graph, matrices: Sequence[Value], biases: Sequence[Value], order: Sequence[int]
) -> list[Value]:
    """ONNX's W, R and B, which holds both biases."""
    both = [_ordered(graph, bias, order) for bias in biases]
    joined = graph.add("Concat", both, [1, 2 * biases[0].shape[0]], biases[0].dtype, axis=1)
    return [*(_ordered(graph, matrix, order) for matrix in matrices), joined]


def _ordered(graph: Graph, value: Value, order: Sequence[int]) -> Value:
    """[gates x H, ...] with the gates in this order, [1, gates x H, ...]."""
    rows = np.arange(value.shape[0]).reshape(len(order), -1)[list(order)].ravel()
    if value.known is not None:
        return graph.constant(value.known[None, rows])
    places = graph.constant(rows, np.int64)
    return reshaped(
        graph,
        graph.add("Gather", [value, places], value.shape, value.dtype, axis=0),
        [1, *value.shape],
    )


def _counts(graph: Graph, valid: Value, axes: Sequence[int]) -> Value:
    """Valid frames of every clip int32 [B]; they come first."""
    numbers = cast(graph, valid, np.dtype(np.int32))
    clips = [n for axis, n in enumerate(valid.shape) if axis not in axes]
    words = [numbers, graph.constant(axes, np.int64)]
    return graph.add("ReduceSum", words, clips, numbers.dtype, keepdims=0)


# By the names of `backend.whole`.
RECURRENT: dict[str, Operation] = {"jaxsign.gru": _gru, "jaxsign.lstm": _lstm}
