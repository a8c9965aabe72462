"""Boxes that a detector finds in images whose boxes are known: average precision and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import tables
from jaxsign.input.boxes.examples import BoxExamples
from jaxsign.input.examples import Batch, indices
from jaxsign.tasks import answering
from jaxsign.tasks.detections import coco_precision, figures
from jaxsign.tasks.detections.answers import TOLD, Kept
from jaxsign.whole import write_json

_AT_50, _AT_75 = 0, 5  # places among `precision.OVERLAPS`


class DetectionScore(answering.Score):
    """Average precision over all images at once, as COCO counts it.

    Args:
      run: that answers.
      names: its classes.
      kept: which boxes count.
      examples: the images.

    Raises:
      UserError: boxes of other classes, or pycocotools is not there.
    """

    def __init__(
        self,
        run: answering.Trained,
        names: tuple[str, ...],
        kept: Kept,
        examples: BoxExamples,
    ):
        self._names, self._kept = names, kept
        self._source = examples.source.numbered_by(names)
        self._evaluation = coco_precision.Evaluation(names, kept.most)
        self._judged: list[figures.JudgedImage] = []

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        index = indices(batch)
        found = self._kept.of({name: rows[name][: len(index)] for name in TOLD})
        for frame, number in enumerate(index.tolist()):
            true, here = self._source.images[number], found.frames == frame
            boxes = found.boxes[here] / batch["scales"][frame]
            self._evaluation.add(true, boxes, found.labels[here], found.scores[here])
            self._judged.append(
                figures.judged(number, true, boxes, found.labels[here], found.scores[here])
            )

    def write(self, folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
        """results.json, per_class.csv, and worst.png: the worst images with boxes."""
        each = self._evaluation.average()
        true = np.concatenate([one.labels[~one.ignored] for one in self._source.images])
        counts = np.bincount(true, minlength=len(self._names))
        self._rows = [
            {
                "class": name,
                "true": int(counts[label]),
                "AP50": _share(each[_AT_50, label]),
                "AP75": _share(each[_AT_75, label]),
                "AP": _share(each[:, label].mean()),
            }
            for label, name in enumerate(self._names)
            if label
        ]
        known = each[:, ~np.isnan(each[_AT_50])]
        means = known.mean(axis=1) if known.size else np.full(len(each), np.nan)
        self._complete = {
            **about,
            "dataset_info": {"images": len(self._source), "boxes": len(true)},
            "AP50": _number(means[_AT_50]),
            "AP75": _number(means[_AT_75]),
            "AP": _number(means.mean()),
        }
        write_json(folder / "results.json", self._complete)
        tables.write(folder / "per_class.csv", self._rows)
        figures.worst(folder / "worst.png", self._judged, self._source, self._names)
        return self._complete

    def show(self) -> None:
        info = self._complete["dataset_info"]
        print(f"{info['images']:,} images, {info['boxes']:,} boxes")
        width = max(map(len, self._names))
        print(f"  {'':{width}}  {'true':>6}   AP50   AP75     AP")
        for row in self._rows:
            if row["true"]:
                print(f"  {row['class']:{width}}  {row['true']:6,}  {_told(row)}")
        print(f"  {'all':{width}}  {info['boxes']:6,}  {_told(self._complete)}")


def _told(row: Mapping[str, Any]) -> str:
    values = (row[key] for key in ("AP50", "AP75", "AP"))
    return "  ".join("    -" if value in (None, "") else f"{value:5.3f}" for value in values)


def _share(value: float) -> float | str:
    return "" if np.isnan(value) else float(value)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
