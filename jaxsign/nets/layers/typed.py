"""What all modules with parameters share: the types that they compute in and keep."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import errors
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

    @nn.nowrap
    def param(
        self,
        name: str,
        init_fn: Callable[..., Any],
        *init_args: Any,
        unbox: bool = True,
        **init_kwargs: Any,
    ) -> Any:
        """As in linen; `init_args` begin with the shape.

        To check the shape of a parameter that there is, linen traces the function that would make
        it, which is a sixth of what it takes to trace a net. Here the shape is looked at.

        Raises:
          ScopeParamShapeError: there is one, of another shape.
        """
        if self.is_initializing() or not self.has_variable("params", name):
            return super().param(name, init_fn, *init_args, unbox=unbox, **init_kwargs)
        value: Any = self.get_variable("params", name)
        shape = tuple(init_args[0])
        if np.shape(value) != shape:
            where = "/" + "/".join(self.path)
            raise errors.ScopeParamShapeError(name, where, np.shape(value), shape)
        return value
