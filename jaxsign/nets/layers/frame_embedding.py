"""From the numbers of one frame to a vector, frame by frame."""

from collections.abc import Callable

import jax
from flax import linen as nn

from jaxsign.nets.layers import dense, dropout, norm, typed

Array = jax.Array


class FrameEmbedding(typed.Layer):
    """Four dense layers with norms, of 4 F, 4 D, 2 D and D numbers, between them an activation.

    Attributes:
      features: D.
      activation: after the first three.
      dropout: rate after each of these.
      shortcut: a dense layer from the input to the result is added.
      kernel_init, bias_init: of the dense layers; None = torch's.
    """

    features: int
    activation: Callable[[Array], Array]
    dropout: float
    shortcut: bool = False
    kernel_init: Callable[..., Array] | None = None
    bias_init: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """x: float [B, T, F] -> float [B, T, D]."""

        def linear(features: int, name: str) -> dense.Dense:
            return dense.Dense(
                features,
                kernel_init=self.kernel_init,
                bias_init=self.bias_init,
                name=name,
                **self.types,
            )

        h, d = x, self.features
        for i, width in enumerate((4 * x.shape[-1], 4 * d, 2 * d)):
            h = norm.LayerNorm(name=f"norm_{i}", **self.types)(linear(width, f"linear_{i}")(h))
            h = dropout.Dropout(self.dropout)(self.activation(h), train=train)
        h = norm.LayerNorm(name="norm_3", **self.types)(linear(d, "linear_3")(h))
        return h + linear(d, "shortcut")(x) if self.shortcut else h
