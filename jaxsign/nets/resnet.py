"""ResNet-34 and ResNet-50: images -> features, with torchvision's layout and numbers.

Source: torchvision `resnet34`, `resnet50` (the stride of a bottleneck is on its 3 x 3).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import image_convs, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
Path = tuple[str, ...]
WIDTHS, BLOCKS = (64, 128, 256, 512), (3, 4, 6, 3)
EXPANSION = 4


def features(bottleneck: bool) -> int:
    """Channels out."""
    return WIDTHS[-1] * (EXPANSION if bottleneck else 1)


def convolutions(width: int, channels: int, stride: int, bottleneck: bool) -> list[tuple[int, ...]]:
    """(channels out, channels in, size, stride) of a block's convolutions, the branch's first.

    The last one is the shortcut's, where the shape changes.
    """
    out = width * (EXPANSION if bottleneck else 1)
    rows: list[tuple[int, ...]]
    if bottleneck:
        rows = [(width, channels, 1, 1), (width, width, 3, stride), (out, width, 1, 1)]
    else:
        rows = [(width, channels, 3, stride), (width, width, 3, 1)]
    return rows + ([(out, channels, 1, stride)] if stride != 1 or channels != out else [])


class ResidualBlock(typed.Layer):
    """relu(branch(x) + shortcut(x)).

    Attributes:
      width: channels inside.
      stride: of the block.
      bottleneck: three convolutions, the outer ones 1 x 1, instead of two.
      axis_name: mapped axis over which batch statistics are shared.
    """

    width: int
    stride: int
    bottleneck: bool
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [N, H, W, C], valid: bool [N] or None -> float [N, H', W', out]."""
        options = {**self.types, "axis_name": self.axis_name}
        rows = convolutions(self.width, x.shape[-1], self.stride, self.bottleneck)
        count = 3 if self.bottleneck else 2
        h, shortcut = x, x
        for i, (out, _, size, stride) in enumerate(rows[:count], 1):
            layer = image_convs.ConvNorm(out, size, stride, name=f"conv{i}", **options)
            h = layer(h if i == 1 else nn.relu(h), valid, train=train)
        for out, _, size, stride in rows[count:]:
            layer = image_convs.ConvNorm(out, size, stride, name="shortcut", **options)
            shortcut = layer(x, valid, train=train)
        return nn.relu(h + shortcut)


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
        stem = image_convs.ConvNorm(WIDTHS[0], 7, 2, name="stem", **options)
        x = image_convs.max_pool(nn.relu(stem(x, valid, train=train)))
        for stage, (width, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            for i in range(count):
                stride = 2 if stage and not i else 1
                name = f"layer{stage + 1}_{i}"
                block = ResidualBlock(width, stride, self.bottleneck, name=name, **options)
                x = block(x, valid, train=train)
        return x.astype(jnp.float32).mean((1, 2)).astype(x.dtype)


def key_table(bottleneck: bool, path: Path, names: tuple[str, ...]) -> list[KeyEntry]:
    """torch's keys in torch's order.

    Args:
      bottleneck: of ResNet-50.
      path: of the net among the Flax variables.
      names: what the first convolution, its norm and the four stages are called in torch.
    """
    conv, norm, *stages = names
    rows = torch_rows.conv_norm(conv, norm, (*path, "stem"), (WIDTHS[0], 3, 7, 7))
    channels = WIDTHS[0]
    for stage, (width, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
        for i in range(count):
            stride = 2 if stage and not i else 1
            place = (*path, f"layer{stage + 1}_{i}")
            shapes = convolutions(width, channels, stride, bottleneck)
            rows += _block(f"{stages[stage]}.{i}.", place, shapes, 3 if bottleneck else 2)
            channels = width * (EXPANSION if bottleneck else 1)
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
