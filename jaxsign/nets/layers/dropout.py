"""Dropout whose masks cost next to nothing on a CPU.

Threefry random bits take 22 ms per 3.3 M elements on two cores: more than the matmuls of a
transformer's layer. A counter hash makes the same number of masks in well under a millisecond.
Its rate and its independence across layers, steps and devices are tested.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend

Array = jax.Array


def keep_mask(key: Array, shape: tuple[int, ...], rate: float | Array) -> Array:
    """Random bool array, True (keep) with probability 1 - rate.

    Args:
      key: a typed PRNG key.
      shape: of the mask.
      rate: probability of False, 0 <= rate < 1; a float32 scalar array for one that changes.
    """
    if not backend.on_cpu():
        return jax.random.bernoulli(key, 1.0 - rate, shape)
    return _hash_mask(key, shape, rate)


def _hash_mask(key: Array, shape: tuple[int, ...], rate: float | Array) -> Array:
    seed = jax.random.key_data(key).reshape(-1).astype(jnp.uint32)
    size = 1
    for n in shape:
        size *= n
    counter = jax.lax.iota(jnp.uint32, size)
    bits = _mix(_mix(counter ^ seed[0]) + seed[-1])
    if isinstance(rate, jax.Array):
        keep = bits >= (rate * 2.0**32).astype(jnp.uint32)
    else:
        keep = bits >= jnp.uint32(round(rate * 2**32))
    # Behind the barrier the mask is an array of its own: it is made once, not once in the forward
    # and again in the backward pass, and its integer arithmetic stays out of other fusions.
    return jax.lax.optimization_barrier(keep.reshape(shape))


def _mix(h: Array) -> Array:
    """A bijection of uint32 with full avalanche (the 'lowbias32' constants of C. Wellons)."""
    h = (h ^ (h >> 16)) * jnp.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * jnp.uint32(0x846CA68B)
    return h ^ (h >> 16)


def dropout(x: Array, mask: Array, rate: float | Array) -> Array:
    """x / (1 - rate) where `mask`, else 0. x: float [...], mask: bool [...] of the same shape."""
    return jnp.where(mask, x * jnp.asarray(1.0 / (1.0 - rate), x.dtype), jnp.zeros((), x.dtype))


class Dropout(nn.Module):
    """Zeroes elements with probability `rate` in training, one draw an element as torch does.

    Draws from the rng stream `dropout`.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """x: float [...] -> the same shape and type."""
        if not train or self.rate == 0.0:
            return x
        return dropout(x, keep_mask(self.make_rng("dropout"), x.shape, self.rate), self.rate)
