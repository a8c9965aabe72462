"""What m3sgg's SceneLLM makes of its answers before it hands them out: clipped shares.

Source: the public system m3sgg, which writes them into its tensors behind the gradient's back.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
_SMALLEST = 1e-10


def shares(values: Array) -> Array:
    """float [..., C], clipped to 1e-10 and 1 -> their shares of a row's sum."""
    values = jnp.clip(values, _SMALLEST, 1)
    return values / values.sum(-1, keepdims=True)


def of_groups(logits: Array, predicates: tuple[int, ...]) -> Array:
    """Logits [..., R] of what it makes of groups of predicates; the first's are no logits then."""
    parts = jnp.split(logits, np.cumsum(predicates)[:-1].tolist(), axis=-1)
    found = [shares(parts[0])]
    for part in parts[1:]:
        share = jnp.minimum(shares(jax.nn.sigmoid(part)), 1 - 1e-7)
        found.append(jnp.log(share) - jnp.log1p(-share))
    return jnp.concatenate(found, axis=-1)


def replaced(values: Array, by: Callable[[Array], Array]) -> Array:
    """What `by` makes of values, of which no gradient knows."""
    return values + jax.lax.stop_gradient(by(values) - values)
