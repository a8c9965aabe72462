"""What all modules with parameters share: the types that they compute in and keep."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike


class Layer(nn.Module, kw_only=True):
    """A module with parameters.

    Attributes:
      dtype: compute type; None = that of the parameters and the input.
      param_dtype: storage type of the parameters.
    """

    dtype: DTypeLike | None = None
    param_dtype: DTypeLike = jnp.float32

    @property
    def types(self) -> dict[str, Any]:
        """Both, as the modules inside take them."""
        return {"dtype": self.dtype, "param_dtype": self.param_dtype}
