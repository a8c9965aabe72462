"""What is told of a row for each of several groups of classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxsign.nets.layers import dense

Array = jax.Array


def logits(h: Array, groups: Sequence[int], types: Mapping[str, Any]) -> Array:
    """A dense layer a group, `head_0`, `head_1`, ... of the module that calls this.

    Args:
      h: float [..., D].
      groups: classes of each.
      types: of the layers, as in `typed.Layer`.

    Returns:
      float32 [..., classes of all groups].
    """
    told = [dense.Dense(count, name=f"head_{i}", **types)(h) for i, count in enumerate(groups)]
    return jnp.concatenate(told, axis=-1).astype(jnp.float32)
