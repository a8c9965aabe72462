"""Residual blocks of causal depthwise separable convolutions over time.

Source: the public system google_asl_recognition (`TemporalConvBlock`, `Conv1DBlock`), initialised
as there: normal of variance 2 / (channels out * taps), biases zero.
"""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from jaxsign.nets.layers import (
    batch_norm,
    dense,
    depthwise,
    dropout,
    initializers,
    regularisers,
    typed,
)

Array = jax.Array


class Convolution(typed.Layer):
    """Half of a separable 1-D convolution: `kernel` [taps, channels of a group, features], `bias`.

    Attributes:
      features: channels out; without `pointwise` as many as x has.
      taps, dilation: of the causal depthwise convolution.
      pointwise: a product over the channels of every frame instead; `taps` is then 1.

    Raises:
      ValueError: `pointwise` with several taps.
    """

    features: int
    taps: int = 1
    dilation: int = 1
    pointwise: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [B, T, C] -> float [B, T, features]."""
        if self.pointwise and self.taps != 1:
            raise ValueError(f"pointwise with taps={self.taps}, expected 1")
        width = x.shape[-1] if self.pointwise else 1
        shape = (self.taps, width, self.features)
        kernel = self.param("kernel", initializers.fan_out_normal, shape, self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype)
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        if self.pointwise:
            return dense.dense(x, kernel[0], bias)
        return depthwise.causal_depthwise(x, kernel[:, 0], self.dilation) + bias


class TemporalConvBlock(typed.Layer):
    """x + Dropout(Norm(separable(x) * sigmoid(separable(x)))), both causal and dilated.

    Attributes:
      taps, dilation: of the depthwise convolutions.
      dropout: rate on the branch; drop_path: rate of dropping it whole.
      norm: options of the BatchNorm.
    """

    taps: int = 17
    dilation: int = 1
    dropout: float = 0.2
    drop_path: float = 0.0
    norm: Mapping[str, Any] | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [B, T, D], valid: bool [B, T] or None -> float [B, T, D].

        Invalid frames do not count in the norm's statistics; valid ones must come first.
        """

        def separable(name: str) -> Array:
            width = x.shape[-1]
            h = Convolution(
                width, self.taps, self.dilation, name=f"{name}_depthwise", **self.types
            )(x)
            return Convolution(width, pointwise=True, name=f"{name}_pointwise", **self.types)(h)

        h = separable("main") * nn.sigmoid(separable("gate"))
        h = batch_norm.BatchNorm(name="norm", **(self.norm or {}))(h, valid, train=train)
        h = dropout.Dropout(self.dropout)(h, train=train)
        return x + regularisers.DropPath(self.drop_path)(h, train=train)


class Conv1DBlock(typed.Layer):
    """x + Dropout(SiLU(Norm(separable(x)))), causal; attributes as in `TemporalConvBlock`."""

    taps: int = 17
    dropout: float = 0.2
    drop_path: float = 0.0
    norm: Mapping[str, Any] | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """As `TemporalConvBlock`."""
        width = x.shape[-1]
        h = Convolution(width, self.taps, name="depthwise", **self.types)(x)
        h = Convolution(width, pointwise=True, name="pointwise", **self.types)(h)
        h = batch_norm.BatchNorm(name="norm", **(self.norm or {}))(h, valid, train=train)
        h = dropout.Dropout(self.dropout)(nn.silu(h), train=train)
        return x + regularisers.DropPath(self.drop_path)(h, train=train)
