"""Faster R-CNN on a ResNet: boxes of an image with their classes and features.

Source: jwyang's faster-rcnn.pytorch, whose detector of Action Genome's classes the public systems
of video scene graphs look through. Batch norms that do not train use their running statistics, as
all of them do there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import detector_backbone, detector_rows, state_dict
from jaxsign.nets.layers import (
    anchors,
    class_boxes,
    dense,
    image_convs,
    proposals,
    region_proposals,
)
from jaxsign.nets.pretrained import detectors
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
EACH, FIRST_OF_CHUNK = "each", "first_of_chunk"


class FasterRCNN(nets.Net):
    """Boxes that may hold something, and what they hold.

    Attributes:
      backbone: a ResNet: 'resnet18', 'resnet34', 'resnet50' or 'resnet101'.
      layout: 'caffe': strides and pooling as the original's; 'torchvision': as torchvision's
        ResNets, of which its files of weights are.
      num_classes: of boxes, the background (0) among them. In a recipe 0 takes the data's.
      ratios, scales: of anchors.
      proposal_dim: channels of what looks for boxes.
      compared: so many of the best anchors of an image are compared with one another.
      proposals: and so many boxes are left of them.
      train_compared, train_proposals: the same while it learns.
      overlap: from which the worse of two boxes goes.
      clip: 'each': a class's boxes are clipped to their image; 'first_of_chunk', the original's:
        only those of the first of `chunk` frames, the others at 0.
      chunk: frames that the original looks at together.
      short_side: pixels that the shorter side of an image should have, whatever the longer one has.
    """

    backbone: str = fields.value("resnet101", fields.among(*detector_backbone.BACKBONES))
    layout: str = fields.value(
        detector_backbone.CAFFE,
        fields.among(detector_backbone.CAFFE, detector_backbone.TORCHVISION),
    )
    num_classes: int = fields.value(37, fields.NOT_NEGATIVE)
    ratios: tuple[float, ...] = anchors.RATIOS
    scales: tuple[float, ...] = anchors.SCALES
    proposal_dim: int = fields.value(512, fields.COUNT)
    compared: int = fields.value(6000, fields.COUNT)
    proposals: int = fields.value(100, fields.COUNT)
    train_compared: int = fields.value(12000, fields.COUNT)
    train_proposals: int = fields.value(2000, fields.COUNT)
    overlap: float = fields.value(0.7, fields.SHARE)
    clip: str = fields.value(EACH, fields.among(EACH, FIRST_OF_CHUNK))
    chunk: int = fields.value(10, fields.COUNT)
    short_side: int = fields.value(600, fields.COUNT)

    inputs: ClassVar[tuple[str, ...]] = ("images", "image_sizes", "boxes", "valid_boxes")
    outputs: ClassVar[tuple[str, ...]] = (
        "boxes",
        "valid_boxes",
        "scores",
        "class_logits",
        "class_boxes",
        "features",
        "maps",
    )

    @property
    def features_from(self) -> dict[str, str | int]:
        """What features of boxes depend on beside the weights, by the fields' names."""
        return {"backbone": self.backbone, "layout": self.layout, "short_side": self.short_side}

    @property
    def boxes_from(self) -> dict[str, str | int | float | list[float]]:
        """What the boxes that it finds depend on beside these, by the fields' names."""
        told: dict[str, str | int | float | list[float]] = {
            "ratios": list(self.ratios),
            "scales": list(self.scales),
            "compared": self.compared,
            "proposals": self.proposals,
            "overlap": self.overlap,
            "clip": self.clip,
        }
        return told | ({"chunk": self.chunk} if self.clip == FIRST_OF_CHUNK else {})

    def setup(self) -> None:
        zeros = nn.initializers.zeros
        resnet_options = {
            "backbone": self.backbone,
            "layout": self.layout,
            "axis_name": self.axis_name,
            **self.types,
        }
        self.base = detector_backbone.DetectorMaps(**resnet_options)
        self.top = detector_backbone.BoxFeatures(**resnet_options)
        self.rpn = region_proposals.RegionProposals(self.proposal_dim, self._anchors, **self.types)
        self.class_scores, self.class_deltas = (
            dense.Dense(
                width,
                kernel_init=region_proposals.narrow(deviation),
                bias_init=zeros,
                **self.types,
            )
            for width, deviation in ((self.num_classes, 0.01), (4 * self.num_classes, 0.001))
        )

    def __call__(
        self,
        images: Array,
        image_sizes: Array | None = None,
        boxes: Array | None = None,
        valid_boxes: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """What is in images, each by itself.

        Args:
          images: float [F, H, W, 3], blue, green and red without their means, with zeros below and
            beside those that are smaller.
          image_sizes: int [F, 2], heights and widths without these. None = there are none.
          boxes: float [F, N, 4], x1, y1, x2, y2 in pixels of the images, where they are known; None
            = the net proposes them.
          valid_boxes: bool [F, N], which of these there are. None = all.
          train: batch norms that train use the batch's statistics.

        Returns:
          `boxes` float32 [F, N, 4], those given or proposed, the likeliest first, and `valid_boxes`
          bool [F, N]; `scores` float32 [F, N, num_classes], softmax of `class_logits`;
          `class_boxes` float32 [F, N, num_classes, 4], each box as it would be of each class;
          `features` float32 [F, N, D]; `maps` float [F, H / 16, W / 16, C].
        """
        maps, sizes = self.base(images, image_sizes, train=train)
        if image_sizes is None:
            image_sizes = jnp.broadcast_to(jnp.asarray(images.shape[1:3]), (len(images), 2))
        if boxes is None or self.is_initializing():
            boxes, valid_boxes = self.propose(maps, image_sizes, sizes)
        elif valid_boxes is None:
            valid_boxes = jnp.ones(boxes.shape[:2], bool)
        found = self.look(maps, boxes, image_sizes, sizes, valid_boxes, train=train)
        return {"boxes": boxes, "valid_boxes": valid_boxes, "maps": maps, **found}

    def learn(
        self,
        images: Array,
        image_sizes: Array,
        choose: Callable[[Array, Array], class_boxes.BoxesToLearn],
        valid: Array | None = None,
        *,
        train: bool = True,
    ) -> nets.Outputs:
        """What a loss is made of: of all anchors, and of boxes that are chosen of the proposals.

        Args:
          images, image_sizes: as of `__call__`.
          choose: proposals float32 [F, N, 4] and bool [F, N], which there are -> boxes that the
            head shall look at.
          valid: bool [F], images that count in batch statistics. None = all do.
          train: of `__call__`.

        Returns:
          `anchor_logits` float32 [F, A, 2], of nothing and of something, and `anchor_deltas`
          [F, A, 4]; `boxes` [F, N', 4] and `valid_boxes` [F, N'], those chosen, with `class_logits`
          [F, N', C] and `class_deltas` [F, N', C, 4] in their units, what was to be told, `labels`
          [F, N'] and `deltas` [F, N', 4], and `scores` and `class_boxes` as of `__call__`;
          `proposals` and `valid_proposals`; `maps`.
        """
        maps, sizes = self.base(images, image_sizes, valid, train=train)
        told = self.rpn(maps)
        # Where boxes are found is told by the anchors' loss alone.
        still = jax.lax.stop_gradient(told)
        found = self._proposed(*still, sizes, image_sizes, train=train)
        chosen = choose(*found)
        _, logits, deltas = self._of_boxes(maps, chosen.boxes, sizes, chosen.valid, train)
        return {
            "anchor_logits": region_proposals.pairs(told[0]),
            "anchor_deltas": told[1].reshape(len(maps), -1, 4),
            "boxes": chosen.boxes,
            "valid_boxes": chosen.valid,
            "labels": chosen.labels,
            "deltas": chosen.deltas,
            "class_deltas": deltas,
            "proposals": found[0],
            "valid_proposals": found[1],
            "maps": maps,
            **self._answers(chosen.boxes, logits, deltas, image_sizes),
        }

    def anchors_of(self, rows: int, columns: int) -> np.ndarray:
        """float32 [A, 4]: the anchors of maps of so many rows and columns."""
        return anchors.of_map(anchors.of_cell(self.ratios, self.scales), rows, columns)

    def look(
        self,
        maps: Array,
        boxes: Array,
        image_sizes: Array,
        sizes: Array | None = None,
        valid_boxes: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """`scores`, `class_logits`, `class_boxes` and `features`, of boxes of maps known already.

        Args:
          maps, boxes, image_sizes, valid_boxes, train: as of `__call__`.
          sizes: int [F, 2], rows and columns of the maps that are real. None = all are.
        """
        features, logits, deltas = self._of_boxes(maps, boxes, sizes, valid_boxes, train)
        return {"features": features, **self._answers(boxes, logits, deltas, image_sizes)}

    def _answers(
        self, boxes: Array, logits: Array, deltas: Array, image_sizes: Array
    ) -> dict[str, Array]:
        """`scores`, `class_logits` and `class_boxes` of boxes that were looked at."""
        chunk = self.chunk if self.clip == FIRST_OF_CHUNK else 0
        found = class_boxes.of_classes(boxes, deltas, image_sizes, chunk)
        return {"scores": jax.nn.softmax(logits), "class_logits": logits, "class_boxes": found}

    def see(self, images: Array, image_sizes: Array) -> tuple[Array, Array]:
        """Maps of images, and the rows and columns of each that are real: int [F, 2]."""
        maps, sizes = self.base(images, image_sizes)
        assert sizes is not None  # as the images' are
        return maps, sizes

    def propose(
        self, maps: Array, image_sizes: Array, sizes: Array | None = None
    ) -> tuple[Array, Array]:
        """Boxes [F, N, 4] that may hold something and which of them there are; as of `look`."""
        return self._proposed(*self.rpn(maps), sizes, image_sizes, train=False)

    def _of_boxes(
        self, maps: Array, boxes: Array, sizes: Array | None, valid: Array | None, train: bool
    ) -> tuple[Array, Array, Array]:
        """Features, logits and, float32 [F, N, C, 4], deltas of boxes."""
        features = self.top(maps, boxes, sizes, valid, train=train)
        logits = self.class_scores(features).astype(jnp.float32)
        deltas = self.class_deltas(features).astype(jnp.float32)
        self.sow("intermediates", "of_classes", deltas)
        return features, logits, deltas.reshape(*boxes.shape[:2], self.num_classes, 4)

    def _proposed(
        self,
        logits: Array,
        deltas: Array,
        sizes: Array | None,
        image_sizes: Array,
        *,
        train: bool,
    ) -> tuple[Array, Array]:
        self.sow("intermediates", "rpn_scores", logits)
        self.sow("intermediates", "rpn_deltas", deltas)
        count, rows, columns = logits.shape[:3]
        real = None
        if sizes is not None:
            real = image_convs.real_places(rows, columns, sizes).reshape(count, -1)
            real = jnp.repeat(real, self._anchors, axis=1)
        return proposals.proposals(
            region_proposals.objectness(logits),
            deltas.reshape(count, -1, 4),
            jnp.asarray(self.anchors_of(rows, columns)),
            image_sizes,
            real,
            most=self.train_compared if train else self.compared,
            count=self.train_proposals if train else self.proposals,
            threshold=self.overlap,
        )

    @property
    def _anchors(self) -> int:
        """Of a cell."""
        return len(self.ratios) * len(self.scales)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Raises UserError: images are of many sizes, and none is a clip."""
        raise UserError("net faster_rcnn takes images, not clips of signs")

    @property
    def starts_from(self) -> str:
        """A detector that was never taught finds nothing."""
        return (
            "a detector of jwyang's faster-rcnn.pytorch or a ResNet of torchvision's or Caffe's "
            "(docs/detector.md)"
        )

    @property
    def head_params(self) -> tuple[str, ...]:
        """Patterns of parameters that belong to the classes."""
        return ("^class_(scores|deltas)/",)

    def load_pretrained(
        self, path: str | Path, variables: state_dict.Variables, *, zero_branches: bool = True
    ) -> tuple[state_dict.Variables, list[str]]:
        """A detector's weights, those of its classes only where these are as many; or a ResNet's.

        Args:
          path: a file of jwyang's, or of torchvision's or Caffe's ResNet; see `layout`.
          variables: fresh ones of this net; they are not changed.
          zero_branches: not looked at.

        Raises:
          UserError: no such file, neither of both, or another backbone.
        """
        return detectors.load_pretrained(path, self, variables)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (634 of a ResNet-101) in its order."""
        return detector_rows.table(
            self.backbone, self._anchors, self.proposal_dim, self.num_classes
        )

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are the detector's."""
        return detector_rows.matches(weights)

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that keys and shapes tell.

        Raises:
          KeyError, ValueError: boxes of no class, or anchors of a number that is not known.
        """
        return detector_rows.fields(weights)


NET = FasterRCNN
