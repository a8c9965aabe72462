"""The torch side of a comparison of detectors: Faster R-CNN with the losses of jwyang's.

Images are learnt from as they are padded. What is drawn is drawn by torch.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from torch import Tensor, nn

from benchmarks.torch_side import TorchSide
from benchmarks.workload import Batch
from jaxsign.errors import UserError
from jaxsign.nets import detector_backbone, faster_rcnn, inception, resnet
from jaxsign.nets.layers import class_boxes, image_convs
from jaxsign.tasks.detections import precision, targets, task
from jaxsign.train import setup
from parity.reference import signon_vtn, vidsgg_detector

Tensors = Mapping[str, Tensor]
_STEPS = torch.tensor(class_boxes.UNITS)


class Detector(nn.Module):
    """Faster R-CNN on a ResNet of torchvision's layout, under the original's keys.

    Args:
      net: whose sizes it has.
    """

    def __init__(self, net: faster_rcnn.FasterRCNN):
        super().__init__()
        self.net = net
        kind = detector_backbone.BACKBONES[net.backbone]
        stages = signon_vtn.stages(kind.blocks, kind.bottleneck)
        channels = resnet.features(kind.bottleneck)
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.RCNN_rpn = _Proposer(
            channels // 2, net.proposal_dim, len(net.ratios) * len(net.scales)
        )
        self.RCNN_base = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *stages[:3])
        self.RCNN_top = nn.Sequential(stages[3])
        self.RCNN_cls_score = nn.Linear(channels, net.num_classes)
        self.RCNN_bbox_pred = nn.Linear(channels, 4 * net.num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is None:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        for layer, deviation in ((self.RCNN_cls_score, 0.01), (self.RCNN_bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of images [B, 3, H, W]; logits [B, A, 2] and deltas [B, A, 4] of their anchors."""
        maps = self.RCNN_base(images)
        logits, deltas = self.RCNN_rpn(maps)
        pairs = logits.unflatten(1, (2, -1)).permute(0, 3, 4, 2, 1).flatten(1, 3)
        return maps, pairs, deltas.permute(0, 2, 3, 1).unflatten(3, (-1, 4)).flatten(1, 3)

    def proposals(
        self, logits: Tensor, deltas: Tensor, anchors: Tensor, sizes: Tensor, most: int, count: int
    ) -> list[Tensor]:
        """Of every image the best boxes [N, 4], the best first."""
        found = []
        for scores, moves, size in zip(logits.softmax(-1)[..., 1], deltas, sizes, strict=True):
            order = scores.argsort(descending=True, stable=True)[:most]
            boxes = _clipped(vidsgg_detector.moved(anchors[order], moves[order]), size)
            found.append(boxes[vidsgg_detector.suppress(boxes, self.net.overlap)[:count]])
        return found

    def look(self, maps: Tensor, boxes: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [R, C] and deltas [R, C, 4] of the boxes of all images, one after another."""
        rois = torch.cat([F.pad(own, (1, 0), value=float(i)) for i, own in enumerate(boxes)])
        features = self.RCNN_top(vidsgg_detector.roi_align(maps, rois)).mean((2, 3))
        deltas = self.RCNN_bbox_pred(features).unflatten(1, (-1, 4))
        return self.RCNN_cls_score(features), deltas


class _Proposer(nn.Module):
    def __init__(self, channels: int, inner: int, anchors: int):
        super().__init__()
        self.RPN_Conv = nn.Conv2d(channels, inner, 3, padding=1)
        self.RPN_cls_score = nn.Conv2d(inner, 2 * anchors, 1)
        self.RPN_bbox_pred = nn.Conv2d(inner, 4 * anchors, 1)
        for layer in (self.RPN_Conv, self.RPN_cls_score, self.RPN_bbox_pred):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None, "convolutions have one"
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.RPN_Conv(maps))
        return self.RPN_cls_score(h), self.RPN_bbox_pred(h)


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Boxes of an image that a loss looks at: [N, 4], classes [N] and deltas [N, 4]."""

    boxes: Tensor
    labels: Tensor
    deltas: Tensor


class Torch(TorchSide[Detector, Tensors, tuple[Batch, Tensors]]):
    """A detector with a recipe's losses.

    Args:
      config: a recipe of detections whose net tells all its sizes.

    Raises:
      UserError: the torch side has no counterpart of the recipe's net or optimizer.
    """

    def __init__(self, config: ConfigDict):
        if config.net.layout != detector_backbone.TORCHVISION:
            wanted = detector_backbone.TORCHVISION
            raise UserError(f"net.layout={config.net.layout!r}: the torch side has {wanted!r}")
        net = setup.build_net(config)
        assert isinstance(net, faster_rcnn.FasterRCNN)
        super().__init__(config, lambda: Detector(net))
        self._task = task.Detections.build(config, net)

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """Images as torchvision's ResNets take them, channels first, and their boxes."""
        rgb = batch["images"][..., ::-1] + detector_backbone.MEANS[::-1]
        sizes = jnp.asarray(batch["image_sizes"])
        normal = image_convs.within(inception.normalise_uint8(jnp.asarray(rgb)), sizes)
        images = np.moveaxis(np.asarray(normal), -1, 1)
        kept = ("image_sizes", "true_boxes", "true_labels", "valid_true")
        arrays = {"images": images, **{name: batch[name] for name in kept}}
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}

    def to_score(self, batch: Batch) -> tuple[Batch, dict[str, Tensor]]:
        return batch, self.prepare(batch)

    def backward(self, given: Tensors) -> None:
        self.loss(given).backward()

    def loss(self, batch: Tensors) -> Tensor:
        """The mean over images of the four losses of each."""
        net, asked = self.model.net, self._task
        maps, logits, deltas = self.model.maps(batch["images"])
        anchors = torch.from_numpy(net.anchors_of(*maps.shape[2:]))
        found = self.model.proposals(
            logits.detach(), deltas.detach(), anchors, batch["image_sizes"],
            net.train_compared, net.train_proposals,
        )  # fmt: skip
        total, chosen = torch.zeros(()), []
        for i, size in enumerate(batch["image_sizes"]):
            real = batch["valid_true"][i]
            boxes, labels = batch["true_boxes"][i][real], batch["true_labels"][i][real].long()
            on, counts, wanted = of_anchors(anchors, size, boxes, asked.anchors)
            own = F.cross_entropy(logits[i][counts], on[counts].long())
            box = _smooth(deltas[i][on], wanted[on], asked.anchor_sigma) / counts.sum()
            total = total + own + box
            chosen.append(of_proposals(found[i], boxes, labels, asked.proposals))
        scores, moves = self.model.look(maps, [one.boxes for one in chosen])
        lengths = [len(one.boxes) for one in chosen]
        rows = zip(chosen, scores.split(lengths), moves.split(lengths), strict=True)
        for one, told, moved in rows:
            on = one.labels > 0
            own = moved[on, one.labels[on]]
            box = _smooth(own, one.deltas[on], asked.proposal_sigma) / len(one.labels)
            total = total + F.cross_entropy(told, one.labels) + box
        return total / len(batch["images"])

    def score(self, batches: Iterable[tuple[Batch, Tensors]]) -> float:
        """AP50 over all images."""
        self.model.eval()
        sums: dict[str, np.ndarray] = {}
        for batch, entry in batches:
            told = self._told(entry)
            true = {name: batch[name] for name in precision.TRUE}
            found = self._task.kept.of(told)
            counted = precision.count(found, true, self.model.net.num_classes)
            sums = {name: sums.get(name, 0) + value for name, value in counted.items()}
        return precision.means(sums)["ap50"]

    @torch.no_grad()
    def _told(self, entry: Tensors) -> dict[str, np.ndarray]:
        """What jaxsign's net tells of a batch, of as many proposals."""
        net, sizes = self.model.net, entry["image_sizes"]
        maps, logits, deltas = self.model.maps(entry["images"])
        anchors = torch.from_numpy(net.anchors_of(*maps.shape[2:]))
        boxes = self.model.proposals(logits, deltas, anchors, sizes, net.compared, net.proposals)
        scores, moves = self.model.look(maps, boxes)
        rows = (len(boxes), net.proposals)
        told = {
            "class_boxes": np.zeros((*rows, net.num_classes, 4), np.float32),
            "scores": np.zeros((*rows, net.num_classes), np.float32),
            "valid_boxes": np.zeros(rows, bool),
        }
        lengths = [len(own) for own in boxes]
        parts = zip(boxes, scores.softmax(-1).split(lengths), moves.split(lengths), strict=True)
        for i, (own, of_classes, moved) in enumerate(parts):
            there = vidsgg_detector.moved(own[:, None].expand_as(moved), moved * _STEPS)
            told["class_boxes"][i, : len(own)] = _clipped(there, sizes[i])
            told["scores"][i, : len(own)] = of_classes
            told["valid_boxes"][i, : len(own)] = True
        return told


def of_anchors(
    anchors: Tensor, size: Tensor, boxes: Tensor, asked: targets.Sampling
) -> tuple[Tensor, Tensor, Tensor]:
    """Which anchors are on something, which the loss looks at, deltas to their boxes."""
    height, width = size
    inside = (anchors >= 0).all(1) & (anchors[:, 2] < width) & (anchors[:, 3] < height)
    if not len(boxes):
        none = torch.zeros(len(anchors), dtype=torch.bool)
        return none, _some(inside, asked.count), torch.zeros_like(anchors)
    shared = overlap(anchors, boxes) * inside[:, None]
    most, at = shared.max(1)
    best = (shared == shared.max(0).values) & (shared > 0)
    on = inside & (best.any(1) | (most >= asked.on))
    off = inside & ~on & (most < asked.off)
    on = _some(on, int(asked.count * asked.share))
    return on, on | _some(off, asked.count - int(on.sum())), _deltas(anchors, boxes[at])


def of_proposals(found: Tensor, boxes: Tensor, labels: Tensor, asked: targets.Sampling) -> Chosen:
    """Boxes that the head learns from: proposals, and the true ones."""
    every = torch.cat([found, boxes])
    if not len(boxes):
        taken = every[: asked.count]
        return Chosen(taken, torch.zeros(len(taken), dtype=torch.long), torch.zeros_like(taken))
    most, at = overlap(every, boxes).max(1)
    on = _some(most >= asked.on, int(asked.count * asked.share))
    off = _some((most < asked.off) & (most >= asked.least), asked.count - int(on.sum()))
    kept = on | off
    classes = torch.where(on, labels[at], 0)[kept]
    deltas = _deltas(every, boxes[at])[kept] / _STEPS
    return Chosen(every[kept], classes, deltas)


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of [N, 4] and [M, 4], sides a pixel longer: [N, M]."""
    low = torch.maximum(first[:, None, :2], second[:, :2])
    high = torch.minimum(first[:, None, 2:], second[:, 2:])
    both = (high - low + 1).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2] + 1).prod(-1) for boxes in (first, second)]
    return both / (areas[0][:, None] + areas[1] - both)


def _some(mask: Tensor, count: int) -> Tensor:
    """At most `count` of the places where it holds, drawn."""
    places = mask.nonzero()[:, 0]
    kept = torch.zeros_like(mask)
    kept[places[torch.randperm(len(places))[:count]]] = True
    return kept


def _deltas(boxes: Tensor, wanted: Tensor) -> Tensor:
    sides, others = (b[:, 2:] - b[:, :2] + 1 for b in (boxes, wanted))
    centre, to = boxes[:, :2] + 0.5 * sides, wanted[:, :2] + 0.5 * others
    return torch.cat([(to - centre) / sides, (others / sides).log()], -1)


def _clipped(boxes: Tensor, size: Tensor) -> Tensor:
    """Boxes [..., 4] within an image of so many rows and columns."""
    last = torch.stack([size[1], size[0]]).repeat(2).float() - 1
    return torch.minimum(boxes.clamp(min=0), last)


def _smooth(told: Tensor, wanted: Tensor, sigma: float) -> Tensor:
    return F.smooth_l1_loss(told, wanted, reduction="sum", beta=1 / sigma**2)
