"""Which form of a layer to trace: some forms pay on a CPU only."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp

Params = ParamSpec("Params")
Made = TypeVar("Made")
_PLAIN = contextvars.ContextVar("_PLAIN", default=False)


def on_cpu() -> bool:
    """True if XLA will run the program being traced on a CPU (JAX's default backend)."""
    return not _PLAIN.get() and jax.default_backend() == "cpu"


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """What is traced in the block has the forms that pay everywhere: others than XLA run it."""
    before = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(before)


def made_once(x: jax.Array) -> jax.Array:
    """x itself, which XLA on a CPU then keeps for all who use it.

    It makes cheap numbers again for each of their users, what they were made of too: the sums of
    all blocks of a ResNet in each block behind them, a dropout mask where its product is turned.
    What ends in a division it keeps. Barriers come too late for that.

    Args:
      x: float [...].
    """
    if not on_cpu():
        return x
    integer = jnp.dtype(f"int{8 * x.dtype.itemsize}")
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(x), integer)
    one = jnp.where(bits | 1 == 0, 2, 1).astype(x.dtype)  # always, which XLA does not find out
    return x / one


def whole(name: str) -> Callable[[Callable[Params, Made]], Callable[Params, Made]]:
    """A function for which other runtimes have one operation of their own.

    What `plain` traces of it is one operation too (`jax.lax.composite`), which knows the function.
    JAX may put arrays that the function makes itself before those it is given: the attribute
    `given` tells how many these are.

    Args:
      name: of that operation, behind a dot.

    Returns:
      A decorator of functions of arrays or None, whose settings are given by keyword.
    """

    def decorated(function: Callable[Params, Made]) -> Callable[Params, Made]:
        @functools.wraps(function)
        def call(*arrays: Params.args, **settings: Params.kwargs) -> Made:
            if not _PLAIN.get():
                return function(*arrays, **settings)
            count = len(jax.tree.leaves(arrays))
            composed = jax.lax.composite(lambda *a, given, **s: function(*a, **s), name)
            made: Made = composed(*arrays, given=count, **settings)
            return made

        return call

    return decorated
