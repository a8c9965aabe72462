"""A detector's ResNet: maps of images, and features of boxes on them.

Source: jwyang's faster-rcnn.pytorch, whose batch norms use their running statistics in training
too: here those do that do not train.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets import inception, resnet
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import anchors, image_convs, roi_align, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
CELLS = 7  # of an axis, that the features of a box are made of
STAGES = 3  # of four, that maps are made of; the last one looks at boxes
MEANS = np.array((102.9801, 115.9465, 122.7717), np.float32)  # of blue, green and red, up to 255
CAFFE, TORCHVISION = "caffe", "torchvision"


class ResNetShape(NamedTuple):
    """A ResNet's blocks in its four stages, and whether these are bottlenecks."""

    blocks: tuple[int, ...]
    bottleneck: bool


BACKBONES = {
    "resnet18": ResNetShape((2, 2, 2, 2), False),
    "resnet34": ResNetShape(resnet.BLOCKS, False),
    "resnet50": ResNetShape(resnet.BLOCKS, True),
    "resnet101": ResNetShape((3, 4, 23, 3), True),
}


class DetectorMaps(typed.Layer):
    """The first three stages of a ResNet: maps of a 16th of an image's size.

    Attributes:
      backbone: a key of `BACKBONES`.
      layout: as of `FasterRCNN`.
      axis_name: mapped axis over which batch statistics are shared.
    """

    backbone: str
    layout: str
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        images: Array,
        sizes: Array | None = None,
        valid: Array | None = None,
        *,
        train: bool = False,
    ) -> tuple[Array, Array | None]:
        """Maps of images.

        Args:
          images: float [F, H, W, 3], blue, green and red without `MEANS`.
          sizes: int [F, 2], rows and columns that are real. None = all are.
          valid: bool [F], images that count in batch statistics. None = all do.
          train: use batch statistics.

        Returns:
          float [F, H / 16, W / 16, C], 0 where they are padding, and their sizes.
        """
        kind, caffe = BACKBONES[self.backbone], self.layout == CAFFE
        if not caffe:
            images = inception.normalise_uint8(images[..., ::-1] + MEANS[::-1])
        types = {**self.types, "axis_name": self.axis_name}
        stem = image_convs.ConvNorm(resnet.STEM, 7, 2, name="stem", **types)
        x = image_convs.within(images.astype(jnp.float32), sizes)
        sizes = resnet.halved(sizes)
        x = nn.relu(stem(x, image_convs.counting(x, valid, sizes, 2), train=train))
        # Every window has a real place, and no number is below 0.
        x = image_convs.within(x, sizes)
        if caffe:
            x, sizes = image_convs.max_pool_inside(x), None if sizes is None else sizes // 2
        else:
            x, sizes = image_convs.max_pool(x), resnet.halved(sizes)
        block = _block(kind, self.layout, types)
        for number in range(STAGES):
            x = resnet.stage(x, number, kind.blocks[number], block, valid, sizes, train=train)
            sizes = resnet.halved(sizes) if number else sizes
        return image_convs.within(x, sizes), sizes


def _block(
    kind: ResNetShape, layout: str, types: Mapping[str, Any]
) -> Callable[..., resnet.ResidualBlock]:
    return functools.partial(
        resnet.ResidualBlock,
        bottleneck=kind.bottleneck,
        stride_in_1x1=layout == CAFFE,
        **types,
    )


class BoxFeatures(typed.Layer):
    """The last stage of a ResNet, over the cells of boxes.

    Attributes:
      backbone, layout, axis_name: as of `DetectorMaps`.
    """

    backbone: str
    layout: str
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        maps: Array,
        boxes: Array,
        sizes: Array | None = None,
        valid: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """Features of boxes.

        Args:
          maps, sizes: as `DetectorMaps` gives them.
          boxes: float [F, N, 4], in pixels of the images.
          valid: bool [F, N], boxes that count in batch statistics. None = all do.
          train: use batch statistics.

        Returns:
          float32 [F, N, D].
        """
        kind = BACKBONES[self.backbone]
        # Where 1 x 1 convolutions halve the cells, the others are not looked at.
        step = 2 if kind.bottleneck and self.layout == CAFFE else 1
        cells = roi_align.roi_align(maps, boxes, 1 / anchors.BASE, CELLS, sizes, step)
        x = cells.reshape(-1, *cells.shape[2:])
        counts = None if valid is None else valid.reshape(-1)
        block = _block(kind, self.layout, {**self.types, "axis_name": self.axis_name})
        blocks, stride = kind.blocks[STAGES], 2 // step
        x = resnet.stage(x, STAGES, blocks, block, counts, stride=stride, train=train)
        return x.astype(jnp.float32).mean((1, 2)).reshape(*boxes.shape[:2], -1)


def backbone_of(weights: Mapping[str, np.ndarray], keys: Sequence[str]) -> str:
    """The key of `BACKBONES` that these torch keys are of; `keys` as of `backbone_rows`.

    Raises:
      ValueError: none of them.
    """
    blocks = tuple(_blocks(weights, key) for key in keys[2:])
    found = ResNetShape(blocks, f"{keys[2]}.0.conv3.weight" in weights)
    for name, kind in BACKBONES.items():
        if kind == found:
            return name
    raise ValueError(f"{keys[2]} (a backbone of {blocks} blocks)")


def _blocks(weights: Mapping[str, np.ndarray], key: str) -> int:
    return len({k[len(key) + 1 :].partition(".")[0] for k in weights if k.startswith(f"{key}.")})


def backbone_rows(backbone: str, keys: Sequence[str]) -> list[KeyEntry]:
    """torch's keys of the backbone in torch's order.

    Args:
      backbone: a key of `BACKBONES`.
      keys: what its first convolution, its norm and its four stages are called in torch.
    """
    kind, (conv, norm, *stages) = BACKBONES[backbone], keys
    rows = torch_rows.conv_norm(conv, norm, ("base", "stem"), (resnet.STEM, 3, 7, 7))
    for number, (key, blocks) in enumerate(zip(stages, kind.blocks, strict=True)):
        path = ("base",) if number < STAGES else ("top",)
        rows += resnet.stage_rows(key, path, number, blocks, kind.bottleneck)
    return rows
