"""Numbers that are compared with recorded ones come from programs as users get them."""

import jax
import pytest


@pytest.fixture(autouse=True)
def optimised():
    """All of the compiler's passes; elsewhere the tests do with the quick ones."""
    quick = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", quick)
