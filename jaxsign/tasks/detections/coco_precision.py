"""Average precision by COCO's own program, pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.boxes.source import BoxedImage
from jaxsign.tasks.detections import precision

Array = np.ndarray


class Evaluation:
    """Boxes that were found and true ones of images, one after the other.

    Args:
      names: classes, the background's first.
      most: boxes of an image that count.

    Raises:
      UserError: pycocotools is not there.
    """

    def __init__(self, names: Sequence[str], most: int = 100):
        try:
            from pycocotools import coco, cocoeval
        except ImportError as error:
            raise UserError(
                "average precision is counted by pycocotools, which is not installed: "
                "pip install 'jaxsign[detect]'"
            ) from error
        self._coco, self._cocoeval = coco, cocoeval
        self._names, self._most = tuple(names), most
        self._images = 0
        self._true: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []

    def add(self, true: BoxedImage, boxes: Array, labels: Array, scores: Array) -> None:
        """Takes an image.

        Args:
          true: what is on it.
          boxes: float [N, 4], x1, y1, x2, y2, that were found; labels, scores: [N].
        """
        image = self._images
        self._images += 1
        for box, label, ignored in zip(true.boxes, true.labels, true.ignored, strict=True):
            row = _row(box, label, image)
            more = {"id": len(self._true) + 1, "iscrowd": int(ignored)}
            self._true.append(row | more | {"area": row["bbox"][2] * row["bbox"][3]})
        self._found += [
            _row(box, label, image) | {"score": float(score)}
            for box, label, score in zip(boxes, labels, scores, strict=True)
        ]

    def average(self) -> Array:
        """float64 [T, C]: average precision at `precision.OVERLAPS`; NaN of a class not there."""
        result = np.full((len(precision.OVERLAPS), len(self._names)), np.nan)
        if not (self._true and self._found):
            for row in self._true:
                if not row["iscrowd"]:
                    result[:, row["category_id"]] = 0
            return result
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of its progress
            true = self._coco.COCO()
            true.dataset = {
                "images": [{"id": image} for image in range(self._images)],
                "annotations": self._true,
                "categories": [{"id": i, "name": n} for i, n in enumerate(self._names) if i],
            }
            true.createIndex()
            made = self._cocoeval.COCOeval(true, true.loadRes(self._found), "bbox")
            made.params.maxDets = [self._most]
            made.params.areaRng, made.params.areaRngLbl = [[0, 1e10]], ["all"]
            made.evaluate()
            made.accumulate()
        found = made.eval["precision"][:, :, :, 0, 0].mean(axis=1)  # over 101 recalls
        result[:, 1:] = np.where(found < 0, np.nan, found)
        return result


def _row(box: Array, label: Any, image: Any) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(value) for value in box)
    return {
        "image_id": int(image),
        "category_id": int(label),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
    }
