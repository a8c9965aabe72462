"""Which form of a layer to trace: some forms pay on a CPU only."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import jax

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
