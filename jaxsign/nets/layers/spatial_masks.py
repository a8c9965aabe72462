"""Where two boxes lie within the box around both, as pictures and as features of them."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import batch_norm, image_convs, initializers, typed

Array = jax.Array
SIZE = 27  # rows and columns of a mask
KINDS = ("fractional", "hard")


def spatial_masks(boxes: Array, kind: str = "fractional") -> Array:
    """How much of each cell of the box around two boxes either of them covers, minus 0.5.

    Args:
      boxes: float [..., 2, 4], x1, y1, x2, y2.
      kind: 'fractional': the covered share of a cell; 'hard': 1 from the cell of the first corner
        to that of the last one, both included, and nothing where they are the same row or column,
        as m3sgg draws them.

    Returns:
      float32 [..., 27, 27, 2]; a box around both without width or height covers nothing.
    """
    boxes = boxes.astype(jnp.float32)
    low, high = boxes[..., :2].min(-2), boxes[..., 2:].max(-2)
    size = high - low
    size = jnp.where(size > 0, size, 0)[..., None, None, :]
    full = size > 0
    corners = boxes.reshape(*boxes.shape[:-1], 2, 2)  # box, corner, axis
    corners = (corners - low[..., None, None, :]) * SIZE / jnp.where(full, size, 1)
    first, last = corners[..., 0, :, None], corners[..., 1, :, None]  # box, axis, 1
    cells = jnp.arange(SIZE, dtype=jnp.float32)
    if kind == "fractional":
        covered = jnp.clip(cells + 1 - first, 0, 1) * jnp.clip(last - cells, 0, 1)
    else:
        first, last = jnp.trunc(first), jnp.trunc(last)
        inside = (cells >= first) & (cells <= last) & (last > first).all(-2, keepdims=True)
        covered = inside.astype(jnp.float32)
    covered = jnp.where(full.all(-1)[..., None], covered, 0)
    columns, rows = covered[..., 0, :], covered[..., 1, :]  # box, cell
    return jnp.einsum("...br,...bc->...rcb", rows, columns) - 0.5


class MaskFeatures(typed.Layer):
    """Two convolutions over spatial masks: 27 x 27 -> 14 x 14 -> 7 x 7.

    Attributes:
      features: channels out, twice those between.
      axis_name: mapped axis whose devices share running statistics.
    """

    features: int = 256
    axis_name: str | None = None

    @nn.compact
    def __call__(self, masks: Array, valid: Array, *, train: bool = False) -> Array:
        """masks: float [B, N, 27, 27, 2], valid: bool [B, N] -> float [B, N, 7, 7, features].

        The norms stand behind the activations, and take every example by itself.
        """

        def norm(name: str, x: Array) -> Array:
            x = x.reshape(*masks.shape[:2], *x.shape[1:])
            made = batch_norm.BatchNorm(
                0.01, axis_name=self.axis_name, apart=True, name=name, **self.types
            )
            return made(x, valid[..., None, None], train=train)

        def conv(features: int, size: int, stride: int, name: str, x: Array) -> Array:
            init = initializers.torch_uniform(size**2 * x.shape[-1])
            inits: Any = {"kernel_init": init, "bias_init": init}
            made = image_convs.ImageConv(
                features, size, stride, use_bias=True, name=name, **inits, **self.types
            )
            return made(x)

        x = masks.reshape(-1, *masks.shape[2:])
        x = nn.relu(conv(self.features // 2, 7, 2, "conv_0", x))
        x = norm("norm_0", x)
        x = image_convs.max_pool(x.reshape(-1, *x.shape[2:]))
        x = nn.relu(conv(self.features, 3, 1, "conv_1", x))
        return norm("norm_1", x)
