"""Number formats of a run: what is computed in, and the loss scale that float16 needs."""

import jax
import jax.numpy as jnp
from flax import struct

Array = jax.Array
_PRODUCTS = "bfloat16_products"


def compute_dtype(name: str) -> jnp.dtype:
    """The compute type of `config.precision`; `auto` is float32 on a CPU, else bfloat16.

    Parameters, norms, softmax and losses stay in float32 whatever this is. With
    `bfloat16_products` all is float32, but for training's matrix products (`rounds_products`).
    """
    if name == _PRODUCTS:
        return jnp.dtype("float32")
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(name)


def rounds_products(name: str) -> bool:
    """Whether a training step's matrix products round their factors to bfloat16."""
    return name == _PRODUCTS


class LossScale(struct.PyTreeNode):
    """Dynamic loss scale for float16 (the rule of torch's GradScaler).

    Halved after a step whose gradients are not finite (that step changes nothing), doubled after
    `interval` finite ones in a row.
    """

    scale: Array
    streak: Array
    interval: int = struct.field(pytree_node=False, default=2000)

    @classmethod
    def create(cls) -> "LossScale":
        """The start: 65536."""
        return cls(jnp.float32(2.0**16), jnp.int32(0))

    def update(self, finite: Array) -> "LossScale":
        """The scale after a step; `finite`: bool scalar."""
        streak = jnp.where(finite, self.streak + 1, 0)
        grown = jnp.where(streak == self.interval, self.scale * 2, self.scale)
        scale = jnp.where(finite, jnp.minimum(grown, 2.0**24), jnp.maximum(self.scale / 2, 1.0))
        return self.replace(scale=scale, streak=jnp.where(streak == self.interval, 0, streak))
