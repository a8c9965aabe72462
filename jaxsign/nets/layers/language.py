"""A recogniser's head is told the language of a clip."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.errors import UserError
from jaxsign.nets.layers import typed

Array = jax.Array


class LanguageEmbedding(typed.Layer):
    """Puts a learned vector of the language behind the features; `table` [languages, width].

    Attributes:
      languages: how many; 0 = nothing is put behind.
      width: of a vector.
      std: of its start values.
    """

    languages: int
    width: int
    std: float = 1.0

    @nn.compact
    def __call__(self, h: Array, language: Array | None) -> Array:
        """h: float [B, D], language: int [B] -> float [B, D + width].

        Raises:
          UserError: the languages are not given.
        """
        if not self.languages:
            return h
        if language is None:
            raise UserError(
                f"net.languages={self.languages}, but these clips come without their language. "
                f"Give its number with --language N, 0 to {self.languages - 1}"
            )
        shape = (self.languages, self.width)
        table = self.param("table", nn.initializers.normal(self.std), shape, self.param_dtype)
        return jnp.concatenate([h, jnp.asarray(table)[language].astype(h.dtype)], axis=-1)
