"""LoRA: a frozen linear layer learns by a product of two thin matrices beside it.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), initialised as the
public library PEFT does it: the second matrix is zero, so that training starts from the layer.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.errors import UserError, did_you_mean
from jaxsign.nets.layers import dense, dropout, initializers, typed

Array = jax.Array


class Lora(NamedTuple):
    """Which linear layers learn by LoRA, and how.

    Attributes:
      names: of the layers, such as `q_proj`; () = none.
      rank: inner width of the product.
      alpha: the product counts alpha / rank times.
      dropout: rate of what the product reads.
    """

    names: tuple[str, ...] = ()
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05

    def check(self, known: tuple[str, ...], key: str = "names") -> None:
        """Raises UserError: a name that is none of `known`; `key` begins the message."""
        for name in self.names:
            if name not in known:
                raise UserError(
                    f"{key}: there is no layer {name!r}.{did_you_mean(name, known)} "
                    f"Known: {', '.join(known)}"
                )


class LoraDense(typed.Layer):
    """A linear layer without bias, and beside it, with `rank` > 0, scale * b(a(dropout(x))).

    `lora_a` [in, rank] and `lora_b` [rank, features] are float32 whatever the kernel is kept in.

    Attributes:
      features: number of outputs.
      rank: inner width of the product; 0 = no LoRA.
      scale: factor of the product.
      rate: of the dropout, in training (rng stream `dropout`).
      kernel_init: initialiser of the kernel [in, features]; None = torch's.
    """

    features: int
    rank: int = 0
    scale: float = 2.0
    rate: float = 0.0
    kernel_init: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """x: float [..., in] -> float [..., features]."""
        width = x.shape[-1]
        init = initializers.torch_uniform(width)
        shape = (width, self.features)
        kernel = self.param("kernel", self.kernel_init or init, shape, self.param_dtype)
        own, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = dense.dense(own, kernel)
        if not self.rank:
            return y
        a = self.param("lora_a", init, (width, self.rank), jnp.float32)
        b = self.param("lora_b", nn.initializers.zeros, (self.rank, self.features), jnp.float32)
        read = dropout.Dropout(self.rate, name="dropout")(x, train=train)
        read, a, b = nn.dtypes.promote_dtype(read, a, b, dtype=self.dtype)
        return y + (dense.dense(dense.dense(read, a), b) * self.scale).astype(y.dtype)
