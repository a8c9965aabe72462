"""A trace without calls and loops -> an ONNX model, operation by operation."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import onnx
from jax.extend import core

from jaxsign.infer.deploy.formats import Unwritable
from jaxsign.infer.deploy.onnx_graph import numbers, operations
from jaxsign.infer.deploy.onnx_graph.graph import Graph, Value

# Weights in fewer bits stay so in the file.
_SMALL = (np.dtype(np.float16), np.dtype(np.int8))
# What these make of few numbers is not written down.
_REPEATED = ("broadcast_in_dim", "iota")
_MANY = 1 << 16  # numbers that are not written down where a node makes them of fewer


def translated(
    traced: core.ClosedJaxpr, inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The model of a trace.

    Args:
      traced: without calls and loops (`flat.flat`).
      inputs, outputs: what the model calls its inputs and outputs, in the trace's order.

    Raises:
      Unwritable: it has an operation that is not known here.
    """
    graph, jaxpr = Graph(), traced.jaxpr
    known: dict[core.Var, Value] = {}
    for variable, constant in zip(jaxpr.constvars, traced.consts, strict=True):
        known[variable] = graph.constant(np.asarray(constant))
    shapes = [_result(variable) for variable in jaxpr.invars]
    entries = [
        graph.entry(name, one.shape, one.dtype) for name, one in zip(inputs, shapes, strict=True)
    ]
    known |= zip(jaxpr.invars, entries, strict=True)

    def value(atom: Any) -> Value:
        if isinstance(atom, core.Literal):
            return graph.constant(np.asarray(atom.val, _result(atom).dtype))
        return known[atom]

    for equation in _needed(jaxpr):
        made = _added(graph, equation, [value(atom) for atom in equation.invars])
        known |= zip(equation.outvars, made, strict=True)
    return graph.model(entries, [value(atom) for atom in jaxpr.outvars], outputs)


def _needed(jaxpr: core.Jaxpr) -> list[core.JaxprEqn]:
    """The operations that outputs depend on."""
    wanted, found = set(map(id, jaxpr.outvars)), []
    for equation in reversed(jaxpr.eqns):
        if wanted.intersection(map(id, equation.outvars)):
            wanted.update(map(id, equation.invars))
            found.append(equation)
    return found[::-1]


def _added(graph: Graph, equation: core.JaxprEqn, inputs: list[Value]) -> list[Value]:
    if folded := _folded(graph, equation, inputs):
        return folded
    name, params = equation.primitive.name, equation.params
    if name == "composite":  # a layer that is one operation in ONNX too
        name = params["name"]
        params = {setting: leaf for setting, (leaf,), _ in params["attributes"]}
        inputs = inputs[-params["given"] :]
    if name not in operations.TABLE:
        raise Unwritable(f"the operation {name} of JAX")
    results = [_result(variable) for variable in equation.outvars]
    made = operations.TABLE[name](graph, inputs, results, params)
    return made if isinstance(made, list) else [made]


def _folded(graph: Graph, equation: core.JaxprEqn, inputs: list[Value]) -> list[Value]:
    """What an operation gives of numbers that are all known; [] where they are not, or too many."""
    if equation.primitive.name in _REPEATED:
        return []
    arrays = [value.known for value in inputs]
    large = max(math.prod(_result(variable).shape) for variable in equation.outvars)
    if large > max([_MANY, *(value.known.size for value in inputs if value.known is not None)]):
        return []
    if any(array is None or array.dtype in _SMALL for array in arrays):
        return []
    params = equation.primitive.get_bind_params(equation.params)
    with jax.default_device(jax.devices("cpu")[0]):
        made = equation.primitive.bind(*map(jax.numpy.asarray, arrays), **params)
    several = made if equation.primitive.multiple_results else [made]
    return [graph.constant(np.asarray(array)) for array in several]


def _result(variable: core.Var | core.Literal) -> numbers.Result:
    aval: Any = variable.aval
    return numbers.Result(tuple(aval.shape), np.dtype(aval.dtype))
