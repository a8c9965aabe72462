"""EfficientNet-B0: images -> features, with torchvision's layout and numbers.

Source: torchvision `efficientnet_b0`; Tan and Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks" (2019).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense, image_convs, initializers, regularisers, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
Path = tuple[str, ...]
STEM, FEATURES = 32, 1280
DROP_PATH = 0.2  # of the block behind the last; it grows from 0 with the block's number
# Expansion, kernel size, stride, channels out, blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class Shape(NamedTuple):
    """Of a block: channels in, inside, squeezed and out; kernel size, stride, rate of its drop."""

    channels: int
    inside: int
    squeezed: int
    out: int
    size: int
    stride: int
    drop: float


def blocks() -> Iterator[tuple[str, Shape]]:
    """('stage.block' as torchvision counts them, shape) of every block in order."""
    channels, number, count = STEM, 0, sum(row[-1] for row in STAGES)
    for stage, (expand, size, first, out, repeat) in enumerate(STAGES, 1):
        for i in range(repeat):
            squeezed, drop = max(1, channels // 4), DROP_PATH * number / count
            stride = 1 if i else first
            yield (
                f"{stage}.{i}",
                Shape(channels, channels * expand, squeezed, out, size, stride, drop),
            )
            channels, number = out, number + 1


class Squeeze(typed.Layer):
    """x times gates of its channels' means."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [N, H, W, C] -> the same shape."""

        def linear(features: int, name: str) -> dense.Dense:
            init, zeros = initializers.fan_out_normal, nn.initializers.zeros
            return dense.Dense(features, kernel_init=init, bias_init=zeros, name=name, **self.types)

        h = nn.silu(linear(self.features, "fc1")(x.mean((1, 2))))
        return x * nn.sigmoid(linear(x.shape[-1], "fc2")(h))[:, None, None]


class InvertedBlock(typed.Layer):
    """Expansion, depthwise convolution, squeeze and excitation, projection; a shortcut if it fits.

    Attributes:
      shape: its numbers.
      axis_name: mapped axis over which batch statistics are shared.
    """

    shape: Shape
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [N, H, W, C], valid: bool [N] or None -> float [N, H', W', out]."""
        shape, make = self.shape, image_convs.ConvNorm
        options: Any = {**self.types, "axis_name": self.axis_name}
        h = x
        if shape.inside != shape.channels:
            h = make(shape.inside, 1, name="expand", **options)(h, valid, train=train)
            h = nn.silu(h)
        depthwise = make(
            shape.inside, shape.size, shape.stride, depthwise=True, name="depthwise", **options
        )
        h = nn.silu(depthwise(h, valid, train=train))
        h = Squeeze(shape.squeezed, name="squeeze", **self.types)(h)
        h = make(shape.out, 1, name="project", **options)(h, valid, train=train)
        if h.shape != x.shape:
            return h
        return x + regularisers.DropPath(shape.drop)(h, train=train)


class EfficientNetB0(typed.Layer):
    """Images -> features, averaged over places; no classifier.

    Attributes:
      axis_name: mapped axis over which batch statistics are shared.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """Features of images.

        Args:
          x: float [N, H, W, 3], ImageNet-normalised, of any size.
          valid: bool [N]; other images do not count in batch statistics. None = all do.
          train: use batch statistics and drop branches (rng stream `dropout`).

        Returns:
          float [N, 1280].
        """
        options: Any = {**self.types, "axis_name": self.axis_name}
        stem = image_convs.ConvNorm(STEM, 3, 2, name="stem", **options)
        x = nn.silu(stem(x, valid, train=train))
        for name, shape in blocks():
            block = InvertedBlock(shape, name=_place(name), **options)
            x = block(x, valid, train=train)
        x = image_convs.ConvNorm(FEATURES, 1, name="head", **options)(x, valid, train=train)
        return nn.silu(x).astype(jnp.float32).mean((1, 2)).astype(x.dtype)


def _place(name: str) -> str:
    return "block_" + name.replace(".", "_")


def key_table(path: Path, prefix: str) -> list[KeyEntry]:
    """torch's keys in torch's order.

    Args:
      path: of the net among the Flax variables.
      prefix: what stands before each key in torch.
    """

    def conv(key: str, name: str, shape: tuple[int, ...], inside: Path = ()) -> list[KeyEntry]:
        key = f"{prefix}features.{key}"
        return torch_rows.conv_norm(f"{key}.0", f"{key}.1", (*path, *inside, name), shape)

    rows = conv("0", "stem", (STEM, 3, 3, 3))
    for name, shape in blocks():
        place, key, number = (_place(name),), f"{name}.block", 0
        if shape.inside != shape.channels:
            rows += conv(f"{key}.0", "expand", (shape.inside, shape.channels, 1, 1), place)
            number = 1
        taps = (shape.inside, 1, shape.size, shape.size)
        rows += conv(f"{key}.{number}", "depthwise", taps, place)
        squeeze, inner = f"{prefix}features.{key}.{number + 1}", (*path, *place, "squeeze")
        rows += torch_rows.pointwise(
            f"{squeeze}.fc1", (*inner, "fc1"), shape.squeezed, shape.inside
        )
        rows += torch_rows.pointwise(
            f"{squeeze}.fc2", (*inner, "fc2"), shape.inside, shape.squeezed
        )
        out = (shape.out, shape.inside, 1, 1)
        rows += conv(f"{key}.{number + 2}", "project", out, place)
    return rows + conv("8", "head", (FEATURES, STAGES[-1][3], 1, 1))
