"""Faster R-CNN in torch without torchvision's operations, with the original's keys."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity import cases
from parity.reference import signon
from parity.settings import vidsgg_detector as settings

BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
STRIDE, CELLS = 16, 7
RATIOS, SCALES = (0.5, 1, 2), (4, 8, 16, 32)


class Bottleneck(nn.Module):
    """Three convolutions, the first of which has the stride."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h))
        return self.relu(h + (x if self.downsample is None else self.downsample(x)))


def layer(channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """One stage."""
    rest = [Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(channels, width, stride), *rest)


class Proposer(nn.Module):
    """Logits and deltas of anchors."""

    def __init__(self, anchors: int):
        super().__init__()
        self.RPN_Conv = nn.Conv2d(1024, 512, 3, padding=1)
        self.RPN_cls_score = nn.Conv2d(512, 2 * anchors, 1)
        self.RPN_bbox_pred = nn.Conv2d(512, 4 * anchors, 1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.RPN_Conv(maps))
        return self.RPN_cls_score(h), self.RPN_bbox_pred(h)


class FasterRCNN(nn.Module):
    """The detector.

    Args:
      backbone: a key of `BLOCKS`.
      num_classes: of boxes.
    """

    def __init__(self, backbone: str, num_classes: int):
        super().__init__()
        first, second, third, fourth = BLOCKS[backbone]
        self.RCNN_rpn = Proposer(len(RATIOS) * len(SCALES))
        self.RCNN_base = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=0, ceil_mode=True),
            layer(64, 64, first, 1),
            layer(256, 128, second, 2),
            layer(512, 256, third, 2),
        )
        self.RCNN_top = nn.Sequential(layer(1024, 512, fourth, 2))
        self.RCNN_cls_score = nn.Linear(2048, num_classes)
        self.RCNN_bbox_pred = nn.Linear(2048, 4 * num_classes)

    def look(self, maps: Tensor, rois: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features, logits and deltas of rois [R, 5], each of whose first number is its image."""
        features = self.RCNN_top(roi_align(maps, rois)).mean((2, 3))
        return features, self.RCNN_cls_score(features), self.RCNN_bbox_pred(features)

    def forward(self, images: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Everything of images [F, 3, H, W] of the sizes [F, 2]; proposals are [F, 100, 5]."""
        maps = self.RCNN_base(images)
        logits, moves = self.RCNN_rpn(maps)
        rois = proposed(logits, moves, sizes)
        features, scores, deltas = self.look(maps, rois.flatten(0, 1))
        return {
            "maps": maps,
            "rpn_scores": logits,
            "rpn_deltas": moves,
            "rois": rois,
            "features": features.unflatten(0, rois.shape[:2]),
            "scores": scores.softmax(1).unflatten(0, rois.shape[:2]),
            "class_deltas": deltas.unflatten(0, rois.shape[:2]),
        }


def anchors(rows: int, columns: int) -> Tensor:
    """float32 [rows * columns * 12, 4]."""
    made = []
    for ratio in RATIOS:
        width = round((STRIDE * STRIDE / ratio) ** 0.5)
        height = round(width * ratio)
        for scale in SCALES:
            half = torch.tensor([width * scale - 1, height * scale - 1]) / 2
            centre = (STRIDE - 1) / 2
            made.append(torch.cat([centre - half, centre + half]))
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    shift = STRIDE * torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shift + torch.stack(made)).reshape(-1, 4)


def moved(boxes: Tensor, deltas: Tensor) -> Tensor:
    """Boxes [..., 4] by deltas [..., 4]."""
    size = boxes[..., 2:] - boxes[..., :2] + 1
    centre = deltas[..., :2] * size + (boxes[..., :2] + 0.5 * size)
    half = 0.5 * (deltas[..., 2:].exp() * size)
    return torch.cat([centre - half, centre + half], -1)


def clipped(boxes: Tensor, size: Tensor) -> Tensor:
    """Boxes [..., 4] within an image of so many rows and columns."""
    last = size.flip(0).repeat(2) - 1
    return boxes.clamp(min=0).minimum(last)


def proposed(
    logits: Tensor, moves: Tensor, sizes: Tensor, most: int = 6000, count: int = 100
) -> Tensor:
    """As `best_proposals`, of logits of nothing and of something, [F, 2 * 12, H, W]."""
    both = logits.unflatten(1, (2, -1)).softmax(1)
    return best_proposals(both[:, 1], moves, sizes, most, count)


def best_proposals(
    sure: Tensor, moves: Tensor, sizes: Tensor, most: int, count: int, threshold: float = 0.7
) -> Tensor:
    """Rois float32 [F, count, 5], zeros where there are fewer, of scores [F, 12, H, W]."""
    frames, _, rows, columns = sure.shape
    scores = sure.permute(0, 2, 3, 1).reshape(frames, -1)
    deltas = moves.permute(0, 2, 3, 1).reshape(frames, -1, 4)
    found = torch.zeros(frames, count, 5)
    for i in range(frames):
        boxes = clipped(moved(anchors(rows, columns), deltas[i]), sizes[i])
        order = scores[i].argsort(descending=True, stable=True)[:most]
        kept = suppress(boxes[order], threshold)[:count]
        found[i, :, 0] = i
        found[i, : len(kept), 1:] = boxes[order][kept]
    return found


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes [..., 4] whose sides are a pixel longer."""
    shared = _shared(first, second, 1.0)
    return shared / (_areas(first, 1.0) + _areas(second, 1.0) - shared)


def _shared(first: Tensor, second: Tensor, extra: float) -> Tensor:
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    return (high - low + extra).clamp(min=0).prod(-1)


def _areas(boxes: Tensor, extra: float) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + extra).prod(-1)


def suppress(boxes: Tensor, threshold: float, extra: float = 1.0) -> Tensor:
    """Places of the boxes that stay, of boxes of which the first is the best.

    One goes at the threshold; where sides are not longer (`extra` 0, torchvision's) above it.
    """
    areas = _areas(boxes, extra)
    gone = torch.zeros(len(boxes), dtype=torch.bool)
    kept = []
    for i in range(len(boxes)):
        if gone[i]:
            continue
        kept.append(i)
        shared = _shared(boxes[i], boxes[i + 1 :], extra)
        share = shared / (areas[i] + areas[i + 1 :] - shared)
        gone[i + 1 :] |= share >= threshold if extra else share > threshold
    return torch.tensor(kept, dtype=torch.long)


def roi_align(maps: Tensor, rois: Tensor) -> Tensor:
    """float32 [R, C, 7, 7]: means over the samples of every cell, roi by roi."""
    return torch.stack([_cells(maps[int(roi[0])], roi[1:] / STRIDE) for roi in rois])


def _cells(plane: Tensor, box: Tensor) -> Tensor:
    """plane: [C, H, W] -> [C, 7, 7]; a mean over a grid of products is a product of two means."""
    for axis in (1, 0):  # along x, then y
        steps, start, end = plane.shape[1 + axis], box[1 - axis], box[3 - axis]
        cell = (end - start).clamp(min=1) / CELLS
        count = int(torch.ceil(cell))
        at = (
            start + torch.arange(CELLS)[:, None] * cell + (torch.arange(count) + 0.5) * cell / count
        )
        real = ((at >= -1) & (at <= steps)).flatten()
        at = at.clamp(0, steps - 1).flatten()
        low = at.floor().long()
        high, share = (low + 1).clamp(max=steps - 1), at - low
        first, second = (plane.index_select(1 + axis, n) for n in (low, high))
        if not axis:
            share, real = share[:, None], real[:, None]
        values = (first * (1 - share) + second * share) * real
        plane = values.unflatten(1 + axis, (CELLS, count)).mean(2 + axis)
    return plane


@torch.no_grad()
def detector(case: cases.Case) -> settings.Arrays:
    """The case of the whole detector."""
    module = FasterRCNN(**settings.detector(case))
    produced = signon.load(case, module, settings.is_norm)
    module.eval()
    given = {name: torch.from_numpy(value) for name, value in case.inputs.items()}
    found = module(given["image"], given["im_info"][:, :2])
    features, logits, _ = module.look(found["maps"], given["gt_boxes_scaled"])
    known = {"known_features": features, "known_logits": logits, "boxes": found["rois"][..., 1:]}
    return produced | settings.told({k: v.numpy() for k, v in (found | known).items()})
