"""ResNets: images -> features, with torchvision's layout and numbers.

Source: torchvision `resnet18` to `resnet101` (the stride of a bottleneck is on its 3 x 3, where
Caffe's, which detectors are made of, have it on the first 1 x 1).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import backend, image_convs, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
Path = tuple[str, ...]
WIDTHS, BLOCKS = (64, 128, 256, 512), (3, 4, 6, 3)
EXPANSION = 4
STEM = 64  # channels of the first convolution


def features(bottleneck: bool) -> int:
    """Channels out."""
    return expanded(WIDTHS[-1], bottleneck)


def expanded(width: int, bottleneck: bool) -> int:
    """Channels that a block of `width` gives."""
    return width * (EXPANSION if bottleneck else 1)


def convolutions(
    width: int, channels: int, stride: int, bottleneck: bool, stride_in_1x1: bool = False
) -> list[tuple[int, ...]]:
    """(channels out, channels in, size, stride) of a block's convolutions, the branch's first.

    The last one is the shortcut's, where the shape changes.
    """
    out = expanded(width, bottleneck)
    rows: list[tuple[int, ...]]
    if bottleneck:
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        rows = [(width, channels, 1, first), (width, width, 3, second), (out, width, 1, 1)]
    else:
        rows = [(width, channels, 3, stride), (width, width, 3, 1)]
    return rows + ([(out, channels, 1, stride)] if stride != 1 or channels != out else [])


class ResidualBlock(typed.Layer):
    """relu(branch(x) + shortcut(x)).

    Attributes:
      width: channels inside.
      stride: of the block.
      bottleneck: three convolutions, the outer ones 1 x 1, instead of two.
      stride_in_1x1: a bottleneck's stride is on the first of them, as Caffe has it.
      axis_name: mapped axis over which batch statistics are shared.
    """

    width: int
    stride: int
    bottleneck: bool
    stride_in_1x1: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        sizes: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """Maps of maps.

        Args:
          x: float [N, H, W, C].
          valid: bool [N]; others do not count in batch statistics. None = all do.
          sizes: int [N, 2], rows and columns of each map that are real: what is around them does
            not change these. None = all are.
          train: use batch statistics.

        Returns:
          float [N, ceil(H / stride), ceil(W / stride), out].
        """
        options = {**self.types, "axis_name": self.axis_name}
        rows = convolutions(
            self.width, x.shape[-1], self.stride, self.bottleneck, self.stride_in_1x1
        )
        count = 3 if self.bottleneck else 2
        h, shortcut, left = x, x, sizes
        for i, (out, _, size, stride) in enumerate(rows[:count], 1):
            layer = image_convs.ConvNorm(out, size, stride, name=f"conv{i}", **options)
            h = h if i == 1 else nn.relu(h)
            h = h if size == 1 else image_convs.within(h, left)
            left = halved(left) if stride == 2 else left
            h = layer(h, image_convs.counting(h, valid, left, stride), train=train)
        for out, _, size, stride in rows[count:]:
            layer = image_convs.ConvNorm(out, size, stride, name="shortcut", **options)
            counts = image_convs.counting(x, valid, left, self.stride)
            shortcut = layer(x, counts, train=train)
        return backend.made_once(nn.relu(h + shortcut))


def stage(
    x: Array,
    number: int,
    blocks: int,
    block: Callable[..., ResidualBlock],
    valid: Array | None = None,
    sizes: Array | None = None,
    *,
    stride: int = 2,
    train: bool = False,
) -> Array:
    """One of the four stages, as submodules `layerN_i` of the module that calls it.

    Args:
      x: float [N, H, W, C].
      number: of the stage, from 0.
      blocks: how many.
      block: makes one of a width, a stride and a name.
      valid, sizes, train: as of `ResidualBlock`.
      stride: of the first block of all stages but the first one.
    """
    for i in range(blocks):
        stride = stride if number and not i else 1
        layer = block(WIDTHS[number], stride, name=f"layer{number + 1}_{i}")
        x = layer(x, valid, sizes, train=train)
        sizes = halved(sizes) if stride == 2 else sizes
    return x


def halved(sizes: Array | None) -> Array | None:
    """Rows and columns of maps behind a stride of 2; None = they are not told."""
    return None if sizes is None else -(-sizes // 2)


class ResNet(typed.Layer):
    """Images -> features, averaged over places.

    Attributes:
      bottleneck: ResNet-50 instead of 34.
      axis_name: mapped axis over which batch statistics are shared.
    """

    bottleneck: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """Features of images.

        Args:
          x: float [N, H, W, 3], ImageNet-normalised, of any size.
          valid: bool [N]; other images do not count in batch statistics. None = all do.
          train: use batch statistics.

        Returns:
          float [N, 512], or [N, 2048] of ResNet-50.
        """
        options = {**self.types, "axis_name": self.axis_name}
        stem = image_convs.ConvNorm(STEM, 7, 2, name="stem", **options)
        x = image_convs.max_pool(nn.relu(stem(x, valid, train=train)))
        block = functools.partial(ResidualBlock, bottleneck=self.bottleneck, **options)
        for number, blocks in enumerate(BLOCKS):
            x = stage(x, number, blocks, block, valid, train=train)
        return x.astype(jnp.float32).mean((1, 2)).astype(x.dtype)


def key_table(bottleneck: bool, path: Path, names: tuple[str, ...]) -> list[KeyEntry]:
    """torch's keys in torch's order.

    Args:
      bottleneck: of ResNet-50.
      path: of the net among the Flax variables.
      names: what the first convolution, its norm and the four stages are called in torch.
    """
    conv, norm, *stages = names
    rows = torch_rows.conv_norm(conv, norm, (*path, "stem"), (STEM, 3, 7, 7))
    for number, (key, blocks) in enumerate(zip(stages, BLOCKS, strict=True)):
        rows += stage_rows(key, path, number, blocks, bottleneck)
    return rows


def stage_rows(key: str, path: Path, number: int, blocks: int, bottleneck: bool) -> list[KeyEntry]:
    """torch's keys of a stage.

    Args:
      key: what it is called in torch.
      path: of the module whose submodules are the stage's.
      number, blocks: as of `stage`.
      bottleneck: of its blocks.
    """
    rows: list[KeyEntry] = []
    width = WIDTHS[number]
    channels = expanded(WIDTHS[number - 1], bottleneck) if number else STEM
    for i in range(blocks):
        place = (*path, f"layer{number + 1}_{i}")
        shapes = convolutions(width, channels, 2 if number and not i else 1, bottleneck)
        rows += _block(f"{key}.{i}.", place, shapes, 3 if bottleneck else 2)
        channels = expanded(width, bottleneck)
    return rows


def _block(prefix: str, path: Path, shapes: list[tuple[int, ...]], count: int) -> list[KeyEntry]:
    rows = []
    for i, (out, channels, size, _) in enumerate(shapes, 1):
        last = i > count
        conv, norm = ("downsample.0", "downsample.1") if last else (f"conv{i}", f"bn{i}")
        place = (*path, "shortcut" if last else f"conv{i}")
        shape = (out, channels, size, size)
        rows += torch_rows.conv_norm(prefix + conv, prefix + norm, place, shape)
    return rows
