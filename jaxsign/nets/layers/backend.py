"""Which form of a layer to trace: some forms pay on a CPU only."""

import jax


def on_cpu() -> bool:
    """True if the program being traced will run on a CPU (JAX's default backend)."""
    return jax.default_backend() == "cpu"
