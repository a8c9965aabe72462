"""Features as codes: every one becomes the nearest row of a learned codebook.

Source: the quantiser of SceneLLM as the public system m3sgg has it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxsign.nets.layers import dense, typed

Array = jax.Array
COLLECTION = "codebook"
LIMIT = 10.0  # features beyond count as this
LOSSES = ("reconstruction", "codebook", "commitment")


class Quantised(NamedTuple):
    """What a quantiser makes of features float [..., W].

    Attributes:
      codes: int32 [...], rows of the codebook.
      inner: float32 [..., D], what the nearest row was looked for.
      nearest: float32 [..., D], that row.
      values: float32 [..., D], the row; its gradient is that of `inner`.
      wanted, remade: float32 [..., W], the features within their limit, and as made of `values`.
    """

    codes: Array
    inner: Array
    nearest: Array
    values: Array
    wanted: Array
    remade: Array


class Quantiser(typed.Layer):
    """Two dense layers, the nearest row of the table `codebook` [size, dim], two layers back.

    How often each row was the nearest is kept beside, as `usage` float32 [size] of the collection
    `codebook`; it is counted between epochs, not here.

    Attributes:
      size: rows.
      dim: numbers of a row.
    """

    size: int
    dim: int

    @nn.compact
    def __call__(self, features: Array) -> Quantised:
        """features: float [..., W]."""
        width = features.shape[-1]
        wanted = jnp.clip(features, -LIMIT, LIMIT)
        init, shape = _near_zero(self.size), (self.size, self.dim)
        table = jnp.asarray(self.param("codebook", init, shape, self.param_dtype), jnp.float32)
        if self.is_initializing():
            self.variable(COLLECTION, "usage", jnp.zeros, (self.size,), jnp.float32)
        inner = dense.Dense(self.dim, name="input", **self.types)(wanted)
        inner = dense.Dense(self.dim, name="encoder", **self.types)(inner).astype(jnp.float32)
        codes = _nearest(inner, table)
        nearest = table[codes]
        values = inner + jax.lax.stop_gradient(nearest - inner)
        remade = dense.Dense(self.dim, name="decoder", **self.types)(values)
        remade = dense.Dense(width, name="output", **self.types)(remade).astype(jnp.float32)
        return Quantised(codes, inner, nearest, values, wanted.astype(jnp.float32), remade)


def losses(found: Quantised, valid: Array, *, parity: bool = False) -> dict[str, Array]:
    """Every video's mean squared errors, by the names `LOSSES`.

    Args:
      found: of features [B, ..., W].
      valid: bool [B, ...], which count.
      parity: as m3sgg has them: both of the codes are of `values`, so that the codebook never
        learns, and `commitment` leads what is looked for away from it.

    Returns:
      float32 [B] each; 0 where none counts. `codebook` moves rows, `commitment` what is looked for.
    """
    still = jax.lax.stop_gradient
    pairs = {
        "reconstruction": (found.remade, found.wanted),
        "codebook": (found.nearest, still(found.inner)),
        "commitment": (found.inner, still(found.nearest)),
    }
    if parity:
        pairs["codebook"] = found.inner, still(found.values)
        pairs["commitment"] = found.values, still(found.inner)
    return {name: _mean(jnp.square(a - b), valid) for name, (a, b) in pairs.items()}


def _near_zero(size: int) -> nn.initializers.Initializer:
    def init(key: Array, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -1 / size, 1 / size)

    return init


def _nearest(inner: Array, table: Array) -> Array:
    """[..., D] and [size, D] -> int32 [...]: the first of the nearest rows."""
    inner, table = jax.lax.stop_gradient((inner, table))
    flat = inner.reshape(-1, inner.shape[-1])
    distance = jnp.square(table).sum(-1) - 2 * dense.dense_rows(flat, table)
    return distance.argmin(-1).astype(jnp.int32).reshape(inner.shape[:-1])


def _mean(values: Array, valid: Array) -> Array:
    """float32 [B, ..., D] and bool [B, ...] -> [B]."""
    kept = jnp.where(valid[..., None], values, 0).reshape(len(valid), -1)
    # Behind the barrier an array is summed, in blocks; fused with what makes it, one number after
    # the other, which is less exact.
    total = jax.lax.optimization_barrier(kept).sum(-1)
    count = valid.reshape(len(valid), -1).sum(-1) * values.shape[-1]
    return total / jnp.maximum(count, 1)
