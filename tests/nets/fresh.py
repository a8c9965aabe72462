"""Start values for nets under test: compiling their own initialisation takes seconds."""

import jax
import jax.numpy as jnp
import numpy as np


def variables(net, *inputs, seed=1):
    """Random numbers in the shapes of `net`'s variables for `inputs`, of a size that layers keep.

    Running statistics are others than 0 and 1, so that a norm that is left out would show.
    """
    rng = np.random.default_rng(seed)

    def numbers(path, leaf):
        name = path[-1].key
        if name == "count":
            return np.zeros(leaf.shape, leaf.dtype)
        if name in ("mean", "var"):
            return rng.uniform(0.5, 1.5, leaf.shape).astype(leaf.dtype)
        centre, spread = (1, 0.1) if name == "scale" else (0, 0.1)
        if leaf.ndim > 1:
            spread = np.prod(leaf.shape[:-1]) ** -0.5
        return rng.normal(centre, spread, leaf.shape).astype(leaf.dtype)

    shapes = jax.eval_shape(net.init, jax.random.key(0), *inputs)
    return jax.tree.map(jnp.asarray, jax.tree_util.tree_map_with_path(numbers, shapes))
