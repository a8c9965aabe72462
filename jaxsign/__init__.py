"""jaxsign: sign-language recognisers in JAX, trained, checked and served."""

__version__ = "0.1.0"
