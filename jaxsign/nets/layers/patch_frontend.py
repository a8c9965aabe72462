"""Patches of frames, convolved over time: the frontend of WhisperSign.

Source: the public system Whisper_modification (`SignLanguageFrontend`).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import (
    activation,
    batch_norm,
    dense,
    depthwise,
    dropout,
    initializers,
    typed,
)

Array = jax.Array
TAPS = 31


def patches(x: Array, size: int) -> Array:
    """x: [B, T, ...] -> [B, ceil(T / size), size * ...]: runs of frames, zeros after the last."""
    extra = -x.shape[1] % size
    x = jnp.pad(x, [(0, 0), (0, extra)] + [(0, 0)] * (x.ndim - 2))
    return x.reshape(len(x), x.shape[1] // size, -1)


class TimeConvolution(typed.Layer):
    """x + pointwise(GELU(depthwise(x))): what tells the frames' places, besides the attention.

    Parameters: `depthwise` [31, 1, D], `pointwise` [1, D, D], `bias` [D].
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [B, T, D] -> float [B, T, D]."""
        width = x.shape[-1]
        taps = self.param(
            "depthwise", initializers.torch_uniform(TAPS), (TAPS, 1, width), self.param_dtype
        )
        init = initializers.torch_uniform(width)
        kernel = self.param("pointwise", init, (1, width, width), self.param_dtype)
        bias = self.param("bias", init, (width,), self.param_dtype)
        x, taps, kernel, bias = nn.dtypes.promote_dtype(x, taps, kernel, bias, dtype=self.dtype)
        h = activation.gelu(depthwise.centred_depthwise(x, taps[:, 0]))
        return x + dense.dense(h, kernel[0], bias)


class PatchFrontend(typed.Layer):
    """Patches of frames -> two dense layers -> convolution over time -> BatchNorm -> dropouts.

    Attributes:
      dim: width D.
      patch_size: frames a patch P.
      dropout: rate on single numbers; spatial_dropout: on whole channels over the clip.
      mask_padding: padding has no influence on valid patches; False = as in the original.
    """

    dim: int
    patch_size: int = 4
    dropout: float = 0.1
    spatial_dropout: float = 0.15
    mask_padding: bool = True
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """Embeds a batch of clips.

        Args:
          x: float [B, T, J, F].
          valid: bool [B, T], True = real frame; None = all are real.
          train: use dropout (rng stream `dropout`) and batch statistics.

        Returns:
          float [B, ceil(T / P), D].
        """
        real = None if valid is None else patches(valid, self.patch_size).any(-1)
        if valid is not None and self.mask_padding:
            # Not a product: what stands in padding may be NaN.
            x = jnp.where(valid[..., None, None], x, 0)
        h = dense.Dense(self.dim, name="patch1", **self.types)(patches(x, self.patch_size))
        h = dense.Dense(self.dim, name="patch2", **self.types)(activation.gelu(h))
        if real is not None and self.mask_padding:
            h = jnp.where(real[..., None], h, 0)
        self.sow("intermediates", "patch_embedding", h)
        h = TimeConvolution(name="convolution", **self.types)(h)
        self.sow("intermediates", "convolved", h)
        norm = batch_norm.BatchNorm(name="norm", axis_name=self.axis_name, **self.types)
        h = norm(h, self._counted(real), train=train)
        h = self._without_channels(h, train)
        return dropout.Dropout(self.dropout)(h, train=train)

    def _counted(self, real: Array | None) -> Array | None:
        """The patches that the norm's statistics count: with padding, all those of a real clip."""
        if real is None or self.mask_padding:
            return real
        return jnp.broadcast_to(real.any(1, keepdims=True), real.shape)

    def _without_channels(self, h: Array, train: bool) -> Array:
        rate = self.spatial_dropout
        if not train or rate == 0.0:
            return h
        keep = dropout.keep_mask(self.make_rng("dropout"), (len(h), 1, self.dim), rate)
        return dropout.dropout(h, keep, rate)
