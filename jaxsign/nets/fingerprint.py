"""Which weights a net has, in a few letters."""

import hashlib

import jax
import numpy as np

from jaxsign import nets


def fingerprint(variables: nets.Variables) -> str:
    """SHA-256 of all numbers with their names: the same however the file was packed."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        if getattr(path[-1], "key", "") != "count":  # says nothing about the features
            digest.update(jax.tree_util.keystr(path).encode())
            digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()
