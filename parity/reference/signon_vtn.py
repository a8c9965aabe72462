"""SignON's VTN in torch, with torchvision's layout of ResNet and EfficientNet-B0 inside."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity.reference import signon_nets

# Expansion, size, stride, channels out, repetitions.
_B0 = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip


def _conv(channels: int, out: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, size, stride, size // 2, groups=groups, bias=False)


class ResidualBlock(nn.Module):
    """Basic block, or a bottleneck with the stride on its 3 x 3."""

    def __init__(self, channels: int, width: int, stride: int, bottleneck: bool):
        super().__init__()
        out = 4 * width if bottleneck else width
        rows = [(channels, width, 3, stride), (width, width, 3, 1)]
        if bottleneck:
            rows = [(channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        self.count = len(rows)
        for i, (inside, made, size, step) in enumerate(rows, 1):
            self.add_module(f"conv{i}", _conv(inside, made, size, step))
            self.add_module(f"bn{i}", nn.BatchNorm2d(made))
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(_conv(channels, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for i in range(1, self.count + 1):
            h = F.relu(h) if i > 1 else h
            h = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(h))
        return F.relu(h + (x if self.downsample is None else self.downsample(x)))


def stages(blocks: Sequence[int], bottleneck: bool) -> list[nn.Sequential]:
    """The four stages of a ResNet."""
    made, channels = [], 64
    for stage, (width, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True)):
        rows = []
        for i in range(count):
            stride = 2 if stage and not i else 1
            rows.append(ResidualBlock(channels, width, stride, bottleneck))
            channels = 4 * width if bottleneck else width
        made.append(nn.Sequential(*rows))
    return made


def resnet(bottleneck: bool, d: int) -> nn.Sequential:
    """ResNet-34 or -50 up to its pooling, and a 1 x 1 convolution where the width is another."""
    channels = 2048 if bottleneck else 512
    stem = [_conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    last = [nn.Conv2d(channels, d, 1)] if d != channels else []
    rows = stages((3, 4, 6, 3), bottleneck)
    return nn.Sequential(*stem, *rows, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Squeeze(nn.Module):
    """Gates of the channels' means."""

    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(h))


def _unit(channels: int, out: int, size: int, stride: int = 1, groups: int = 1, act: bool = True):
    layers = [_conv(channels, out, size, stride, groups), nn.BatchNorm2d(out)]
    return nn.Sequential(*layers, *([nn.SiLU()] if act else []))


class InvertedBlock(nn.Module):
    """Expansion, depthwise convolution, squeeze, projection; dropped whole at `drop`."""

    def __init__(self, channels: int, expand: int, size: int, stride: int, out: int, drop: float):
        super().__init__()
        inside = channels * expand
        first = [_unit(channels, inside, 1)] if expand > 1 else []
        self.block = nn.Sequential(
            *first,
            _unit(inside, inside, size, stride, inside),
            Squeeze(inside, max(1, channels // 4)),
            _unit(inside, out, 1, act=False),
        )
        self.shortcut, self.drop = stride == 1 and channels == out, drop

    def forward(self, x: Tensor) -> Tensor:
        h = self.block(x)
        if not self.shortcut:
            return h
        if self.training:
            h = h * (torch.rand(len(h), 1, 1, 1) >= self.drop) / (1 - self.drop)
        return x + h


class EfficientNet(nn.Module):
    """EfficientNet-B0 without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        stages, channels, number = [_unit(3, 32, 3, 2)], 32, 0
        for expand, size, first, out, repeat in _B0:
            blocks = []
            for i in range(repeat):
                stride = 1 if i else first
                blocks.append(InvertedBlock(channels, expand, size, stride, out, 0.2 * number / 16))
                channels, number = out, number + 1
            stages.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*stages, _unit(channels, 1280, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))


class VTN(signon_nets.ClipEncoder):
    """Normalised images [T, B, 3, H, W] -> outputs by name."""

    def __init__(self, **sizes: Any):
        super().__init__()
        d, name = sizes["d_hidden"], sizes["backbone_name"]
        if name == "efficientnet_b0":
            last = [nn.Linear(1280, d)] if d != 1280 else []
            self.backbone = nn.Sequential(EfficientNet(), *last)
        else:
            self.backbone = resnet(name == "resnet50", d)
        self.build(sizes, 0.1)

    def forward(self, x: Tensor, languages: Tensor) -> dict[str, Tensor]:
        spatial = self.backbone(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.encoded(spatial, None, languages) | {"inter/backbone": spatial}
