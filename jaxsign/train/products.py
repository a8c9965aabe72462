"""Matrix products in bfloat16 and all else as it is: a trace with its products exchanged."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax.extend import core

from jaxsign.nets.layers import backend

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
# XLA's CPU backend has fast products of bfloat16 for two matrices alone, and refuses others that
# sum in float32 as it runs them. Rounding small ones costs as much as it saves.
LARGE = 65536  # numbers of a factor


def in_bfloat16(
    function: Callable[_Arguments, _Result], large: int = LARGE
) -> Callable[_Arguments, _Result]:
    """The function, with float32 products whose factors are rounded to bfloat16, sums in float32.

    On a CPU those of two large matrices, as dense layers have them; elsewhere all. Products that
    ask for a precision of their own stay exact, convolutions are left alone. A function that is
    differentiated inside (a training step) has the products of its gradients changed, too.

    Args:
      function: of trees of arrays, to a tree of arrays.
      large: from how many numbers of each factor on, on a CPU.
    """

    @functools.wraps(function)
    def changed(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments, **named)
        narrow = core.ClosedJaxpr(_program(traced.jaxpr, large), traced.consts)
        found = core.jaxpr_as_fun(narrow)(*jax.tree.leaves((arguments, named)))
        result: _Result = jax.tree.unflatten(jax.tree.structure(shapes), found)
        return result

    return changed


def _program(jaxpr: core.Jaxpr, large: int) -> core.Jaxpr:
    changed: core.Jaxpr = jaxpr.replace(eqns=[_equation(one, large) for one in jaxpr.eqns])
    return changed


def _equation(one: core.JaxprEqn, large: int) -> core.JaxprEqn:
    if one.primitive is not jax.lax.dot_general_p:
        return one.replace(params={key: _inside(value, large) for key, value in one.params.items()})
    factors = [atom.aval for atom in one.invars if isinstance(atom.aval, jax.core.ShapedArray)]
    if one.params["precision"] is not None or not _worth_it(factors, one.params, large):
        return one
    product = jax.jit(functools.partial(_product, one.params["dimension_numbers"]))
    (call,) = jax.make_jaxpr(product)(*factors).eqns
    # Under the product's own place in the net, by which profiles know it.
    return call.replace(invars=one.invars, outvars=one.outvars, source_info=one.source_info)


def _worth_it(
    factors: Sequence[jax.core.ShapedArray], options: Mapping[str, object], large: int
) -> bool:
    single = {jnp.dtype("float32"), options["preferred_element_type"] or jnp.dtype("float32")}
    if len({factor.dtype for factor in factors} | single) > 1:
        return False
    return not backend.on_cpu() or all(
        factor.ndim == 2 and factor.size >= large for factor in factors
    )


def _product(
    dimensions: jax.lax.DotDimensionNumbers, left: jax.Array, right: jax.Array
) -> jax.Array:
    def rounded(a: jax.Array, b: jax.Array) -> jax.Array:
        a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
        return jax.lax.dot_general(a, b, dimensions, preferred_element_type=jnp.float32)

    if not backend.on_cpu():
        return rounded(left, right)
    # XLA would take a transposition of a factor or the result into the product, in layouts for
    # which it has no product of bfloat16.
    return jax.lax.optimization_barrier(rounded(*jax.lax.optimization_barrier((left, right))))


def _inside(value: object, large: int) -> object:
    """A parameter of an equation; it may be a program, or several."""
    if isinstance(value, core.ClosedJaxpr):
        return core.ClosedJaxpr(_program(value.jaxpr, large), value.consts)
    if isinstance(value, core.Jaxpr):
        return _program(value, large)
    if type(value) is tuple:  # no named one, which has a form of its own
        return tuple(_inside(each, large) for each in value)
    return value
