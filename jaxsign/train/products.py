"""Matrix products in bfloat16 and all else as it is: a trace with its products exchanged."""

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax.extend import core

from jaxsign.nets.layers import backend

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
# XLA's CPU backend has fast products of bfloat16 for two matrices alone, and refuses others that
# sum in float32 as it runs them. Rounding small ones costs as much as it saves.
_LARGE = 65536  # numbers of a factor


def in_bfloat16(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function, with float32 products whose factors are rounded to bfloat16, sums in float32.

    On a CPU those of two large matrices, as dense layers have them; elsewhere all. Products that
    ask for a precision of their own stay exact, convolutions are left alone. A function that is
    differentiated inside (a training step) has the products of its gradients changed, too.

    Args:
      function: of trees of arrays, to a tree of arrays.
    """

    @functools.wraps(function)
    def changed(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments, **named)
        narrow = core.ClosedJaxpr(_program(traced.jaxpr), traced.consts)
        found = core.jaxpr_as_fun(narrow)(*jax.tree.leaves((arguments, named)))
        result: _Result = jax.tree.unflatten(jax.tree.structure(shapes), found)
        return result

    return changed


def _program(jaxpr: core.Jaxpr) -> core.Jaxpr:
    changed: core.Jaxpr = jaxpr.replace(eqns=[_equation(one) for one in jaxpr.eqns])
    return changed


def _equation(one: core.JaxprEqn) -> core.JaxprEqn:
    factors = [atom.aval for atom in one.invars if isinstance(atom.aval, jax.core.ShapedArray)]
    if one.primitive is not jax.lax.dot_general_p:
        return one.replace(params={key: _inside(value) for key, value in one.params.items()})
    if one.params["precision"] is not None or not _worth_it(factors):
        return one
    product = jax.jit(functools.partial(_product, one.params["dimension_numbers"]))
    (call,) = jax.make_jaxpr(product)(*factors).eqns
    return call.replace(invars=one.invars, outvars=one.outvars)


def _worth_it(factors: Sequence[jax.core.ShapedArray]) -> bool:
    if any(factor.dtype != jnp.float32 for factor in factors):
        return False
    return not backend.on_cpu() or all(
        factor.ndim == 2 and factor.size >= _LARGE for factor in factors
    )


def _product(
    dimensions: jax.lax.DotDimensionNumbers, left: jax.Array, right: jax.Array
) -> jax.Array:
    def rounded(a: jax.Array, b: jax.Array) -> jax.Array:
        a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
        return jax.lax.dot_general(a, b, dimensions, preferred_element_type=jnp.float32)

    if not backend.on_cpu():
        return rounded(left, right)
    # What turns a factor or the result XLA would make a part of the product, in forms that it does
    # not have.
    return jax.lax.optimization_barrier(rounded(*jax.lax.optimization_barrier((left, right))))


def _inside(value: object) -> object:
    """A parameter of an equation; it may be a program, or several."""
    if isinstance(value, core.ClosedJaxpr):
        return core.ClosedJaxpr(_program(value.jaxpr), value.consts)
    if isinstance(value, core.Jaxpr):
        return _program(value)
    if type(value) is tuple:  # no named one, which has a form of its own
        return tuple(map(_inside, value))
    return value
