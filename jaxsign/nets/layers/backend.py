"""Which form of a layer to trace: some forms pay on a CPU only."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax

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
