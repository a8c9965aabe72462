"""Which of the boxes that a detector finds in an image count."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxsign.input.scenes import detections
from jaxsign.input.scenes.detections import FoundBoxes

Array = np.ndarray
TOLD = ("class_boxes", "scores", "valid_boxes")


@dataclasses.dataclass(frozen=True)
class Kept:
    """Which of a net's boxes count: those of `config.detect`.

    Attributes:
      least: how sure it must be.
      overlap: above which the worse of two boxes of a class goes.
      most: of an image.
    """

    least: float
    overlap: float
    most: int

    def of(self, told: Mapping[str, Array]) -> FoundBoxes:
        """The boxes that count, as `detections.found` gives them, in pixels of the scaled images.

        Args:
          told: `TOLD` of these images, as the net has them.
        """
        boxes, scores, valid = (told[name] for name in TOLD)
        found = detections.found(
            boxes, scores, valid, 1.0, least=self.least, overlap=self.overlap, single=None
        )
        order = np.lexsort((-found.scores, found.frames))
        rank = np.empty(len(order), int)
        frames = found.frames[order]
        rank[order] = np.arange(len(order)) - np.searchsorted(frames, frames)
        kept = rank < self.most
        parts = (found.frames, found.boxes, found.labels, found.scores, found.source)
        return FoundBoxes(*(values[kept] for values in parts))
