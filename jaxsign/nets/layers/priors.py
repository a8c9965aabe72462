"""What is known of an object's relations by its class, before anything is seen.

Source: the public system STKET.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dense, typed

Array = jax.Array


class Priors(typed.Layer):
    """Shares of relations of every class, and of those that follow each contact, made wide.

    Parameters: `initial` [C, R]; `specific` [C, K, R] where there are contacts; `states_0`, ...

    Attributes:
      classes: C; relations: R; contacts: K, 0 = none.
      widths: of the layers that shares go through, without anything between them.
    """

    classes: int
    relations: int
    contacts: int
    widths: Sequence[int]

    def setup(self) -> None:
        def shares(name: str, *shape: int) -> Array:
            zeros = nn.initializers.zeros
            return jnp.asarray(self.param(name, zeros, shape, self.param_dtype))

        self.initial = shares("initial", self.classes, self.relations)
        if self.contacts:
            self.specific = shares("specific", self.classes, self.contacts, self.relations)
        self.states = [dense.Dense(width, **self.types) for width in self.widths]

    def __call__(self, labels: Array) -> Array:
        """labels: int [...] -> float [..., widths[-1]], by class alone."""
        return self._wide(self.initial)[labels]

    def after(self, labels: Array, contacts: Array) -> Array:
        """What follows contacts: their mean; without any what is known by class alone.

        Args:
          labels: int [...].
          contacts: bool [..., K].

        Returns:
          float [..., widths[-1]].
        """
        weights = contacts.astype(self.specific.dtype)
        count = weights.sum(-1, keepdims=True)
        mean = jnp.einsum("...k,...kr->...r", weights, self.specific[labels]) / jnp.maximum(
            count, 1
        )
        return self._wide(jnp.where(count > 0, mean, self.initial[labels]))

    def _wide(self, shares: Array) -> Array:
        for layer in self.states:
            shares = layer(shares)
        return shares
