"""Boxes that a detector finds in an image, for people and as JSON."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsign.input.scenes import detections
from jaxsign.input.scenes.detections import FoundBoxes
from jaxsign.tasks import answering

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


@dataclasses.dataclass(frozen=True)
class ImageAnswer(answering.Answer):
    """Boxes of an image, float [N, 4], x1, y1, x2, y2 in its pixels, the surest first."""

    boxes: Array
    classes: tuple[str, ...]
    scores: Array

    def line(self) -> str:
        counts = Counter(self.classes).most_common(4)
        return ", ".join(f"{count} {name}" for name, count in counts) or "nothing"

    def text(self, name: str) -> str:
        lines = [f"{name}: {len(self.classes)} boxes"]
        for label, score, box in zip(self.classes, self.scores, self.boxes, strict=True):
            lines.append(f"  {label:16} {score:.2f}  {' '.join(f'{x:.0f}' for x in box)}")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        rows = zip(self.classes, self.scores, self.boxes, strict=True)
        return {
            "objects": [
                {"label": name, "score": float(score), "box": [float(x) for x in box]}
                for name, score, box in rows
            ]
        }


@dataclasses.dataclass(frozen=True)
class BoxAnswerer:
    """Makes answers of a net's padded outputs.

    Attributes:
      names: of the classes.
      kept: which boxes count.
    """

    names: tuple[str, ...]
    kept: Kept

    def __call__(self, rows: answering.Outputs, names: Sequence[str]) -> list[ImageAnswer]:
        found = self.kept.of({name: rows[name][: len(names)] for name in TOLD})
        answers = []
        for frame in range(len(names)):
            here = np.flatnonzero(found.frames == frame)
            here = here[np.argsort(-found.scores[here], kind="stable")]
            classes = tuple(self.names[label] for label in found.labels[here])
            answers.append(ImageAnswer(found.boxes[here], classes, found.scores[here]))
        return answers
