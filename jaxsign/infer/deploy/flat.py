"""A traced function without loops and calls: what formats take that know neither."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
from jax.extend import core

from jaxsign.nets.layers import backend

Array = jax.Array
Named = Mapping[str, Array]
# Where an operation keeps the function that it calls.
_CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")
# Keep there a function of two numbers, by which they put many together.
_NOT_CALLS = ("reduce", "reduce_window")


def flat(
    function: Callable[[Named], dict[str, Array]],
    inputs: Mapping[str, Any],
    whole: Collection[str] = (),
) -> Any:
    """The same function, in which every loop of known length stands as often as it runs.

    Layers have the forms that do not count on XLA.

    Args:
      function: arrays by name -> arrays by name.
      inputs: their shapes and types (`jax.ShapeDtypeStruct`).
      whole: layers that stay one operation (`backend.whole`).
    """
    with backend.plain():
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(inputs)

    def run(arrays: Named) -> dict[str, Array]:
        leaves = jax.tree.leaves(arrays)
        found: dict[str, Array] = jax.tree.unflatten(
            jax.tree.structure(shapes), _evaluated(traced.jaxpr, traced.consts, leaves, whole)
        )
        return found

    return run


def _evaluated(
    jaxpr: core.Jaxpr, consts: Sequence[Any], arguments: Sequence[Any], whole: Collection[str]
) -> list[Any]:
    known: dict[core.Var, Any] = {}
    known |= zip(jaxpr.constvars, consts, strict=True)
    known |= zip(jaxpr.invars, arguments, strict=True)

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        made = _applied(equation, [value(atom) for atom in equation.invars], whole)
        known |= zip(equation.outvars, made, strict=True)
    return [value(atom) for atom in jaxpr.outvars]


def _applied(equation: core.JaxprEqn, values: list[Any], whole: Collection[str]) -> Sequence[Any]:
    primitive, params = equation.primitive, equation.params
    if primitive.name == "scan":
        return _unrolled(values, whole, **params)
    called = next((params[name] for name in _CALLED if name in params), None)
    kept = primitive.name in _NOT_CALLS or (
        primitive.name == "composite" and params["name"] in whole
    )
    if called is not None and not kept:
        if isinstance(called, core.ClosedJaxpr):
            return _evaluated(called.jaxpr, called.consts, values, whole)
        return _evaluated(called, (), values, whole)
    made = primitive.bind(*values, **primitive.get_bind_params(params))
    return made if primitive.multiple_results else [made]


def _unrolled(
    values: Sequence[Any],
    whole: Collection[str],
    *,
    jaxpr: core.ClosedJaxpr,
    length: int,
    reverse: bool,
    num_consts: int,
    num_carry: int,
    **unused: Any,
) -> list[Any]:
    """A loop over the first axis of what follows the constants and the carried values."""
    fixed, carried = list(values[:num_consts]), list(values[num_consts:][:num_carry])
    over = values[num_consts + num_carry :]
    rows: list[list[Any]] = []
    for i in reversed(range(length)) if reverse else range(length):
        rows_in = [jax.lax.index_in_dim(x, i, keepdims=False) for x in over]
        made = _evaluated(jaxpr.jaxpr, jaxpr.consts, [*fixed, *carried, *rows_in], whole)
        carried = made[:num_carry]
        rows.append(made[num_carry:])
    if reverse:
        rows.reverse()
    return [*carried, *(jax.numpy.stack(column) for column in zip(*rows, strict=True))]
