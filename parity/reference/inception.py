"""Inception v3 in torch, with the keys of torchvision's `inception_v3` (auxiliary head included).

Quirks kept: BatchNorm eps is 0.001, average pools count their padding, the auxiliary head is part
of the state_dict though nothing uses its output here.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class BasicConv2d(nn.Module):
    """Convolution without bias, BatchNorm (eps 0.001), ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **options):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **options)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def _unit(inputs: int, outputs: int, kernel, stride: int = 1, same: bool = True) -> BasicConv2d:
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2, width // 2) if same else (0, 0)
    return BasicConv2d(inputs, outputs, kernel_size=(height, width), stride=stride, padding=padding)


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)


def _half(x: Tensor) -> Tensor:
    return F.max_pool2d(x, kernel_size=3, stride=2)


class InceptionA(nn.Module):
    def __init__(self, inputs: int, pool: int):
        super().__init__()
        self.branch1x1 = _unit(inputs, 64, 1)
        self.branch5x5_1 = _unit(inputs, 48, 1)
        self.branch5x5_2 = _unit(48, 64, 5)
        self.branch3x3dbl_1 = _unit(inputs, 64, 1)
        self.branch3x3dbl_2 = _unit(64, 96, 3)
        self.branch3x3dbl_3 = _unit(96, 96, 3)
        self.branch_pool = _unit(inputs, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_average(x))], 1)


class InceptionB(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.branch3x3 = _unit(inputs, 384, 3, stride=2, same=False)
        self.branch3x3dbl_1 = _unit(inputs, 64, 1)
        self.branch3x3dbl_2 = _unit(64, 96, 3)
        self.branch3x3dbl_3 = _unit(96, 96, 3, stride=2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, _half(x)], 1)


class InceptionC(nn.Module):
    def __init__(self, inputs: int, middle: int):
        super().__init__()
        wide, tall, m = (1, 7), (7, 1), middle
        self.branch1x1 = _unit(inputs, 192, 1)
        self.branch7x7_1 = _unit(inputs, m, 1)
        self.branch7x7_2 = _unit(m, m, wide)
        self.branch7x7_3 = _unit(m, 192, tall)
        self.branch7x7dbl_1 = _unit(inputs, m, 1)
        self.branch7x7dbl_2 = _unit(m, m, tall)
        self.branch7x7dbl_3 = _unit(m, m, wide)
        self.branch7x7dbl_4 = _unit(m, m, tall)
        self.branch7x7dbl_5 = _unit(m, 192, wide)
        self.branch_pool = _unit(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class InceptionD(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.branch3x3_1 = _unit(inputs, 192, 1)
        self.branch3x3_2 = _unit(192, 320, 3, stride=2, same=False)
        self.branch7x7x3_1 = _unit(inputs, 192, 1)
        self.branch7x7x3_2 = _unit(192, 192, (1, 7))
        self.branch7x7x3_3 = _unit(192, 192, (7, 1))
        self.branch7x7x3_4 = _unit(192, 192, 3, stride=2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        three = self.branch3x3_2(self.branch3x3_1(x))
        return torch.cat([three, self.branch7x7x3_4(seven), _half(x)], 1)


class InceptionE(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.branch1x1 = _unit(inputs, 320, 1)
        self.branch3x3_1 = _unit(inputs, 384, 1)
        self.branch3x3_2a = _unit(384, 384, (1, 3))
        self.branch3x3_2b = _unit(384, 384, (3, 1))
        self.branch3x3dbl_1 = _unit(inputs, 448, 1)
        self.branch3x3dbl_2 = _unit(448, 384, 3)
        self.branch3x3dbl_3a = _unit(384, 384, (1, 3))
        self.branch3x3dbl_3b = _unit(384, 384, (3, 1))
        self.branch_pool = _unit(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([*parts, self.branch_pool(_average(x))], 1)


class InceptionAux(nn.Module):
    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.conv0 = _unit(inputs, 128, 1)
        self.conv1 = _unit(128, 768, 5, same=False)
        self.fc = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(F.avg_pool2d(x, kernel_size=5, stride=3)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


class InceptionV3(nn.Module):
    """ImageNet-normalised images [B, 3, H, W], H and W at least 75 -> logits [B, classes]."""

    def __init__(self, classes: int = 1000, transform_input: bool = False):
        super().__init__()
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = _unit(3, 32, 3, stride=2, same=False)
        self.Conv2d_2a_3x3 = _unit(32, 32, 3, same=False)
        self.Conv2d_2b_3x3 = _unit(32, 64, 3)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = _unit(64, 80, 1)
        self.Conv2d_4a_3x3 = _unit(80, 192, 3, same=False)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.AuxLogits = InceptionAux(768, classes)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.5)
        self.fc: nn.Module = nn.Linear(2048, classes)

    def stages(self) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
        """The stages up to the pooled features, in order, without the auxiliary head."""
        for name, module in self.named_children():
            if name == "avgpool":
                return
            if name != "AuxLogits":
                yield name, module

    def features(self, x: Tensor, seen: Callable[[str, Tensor], None] | None = None) -> Tensor:
        """Images -> [B, 2048]; `seen(name, activation)` is called after every stage."""
        if self.transform_input:
            mean, std = (x.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
            x = x * (std / 0.5) + (mean - 0.5) / 0.5
        for name, stage in self.stages():
            x = stage(x)
            if seen is not None:
                seen(name, x)
        return torch.flatten(self.dropout(self.avgpool(x)), 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))
