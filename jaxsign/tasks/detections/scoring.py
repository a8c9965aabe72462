"""Boxes that a detector finds in images whose boxes are known: average precision and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import tables
from jaxsign.input.boxes.examples import BoxExamples
from jaxsign.input.examples import Batch, indices
from jaxsign.tasks import answering
from jaxsign.tasks.detections import precision
from jaxsign.tasks.detections.answers import TOLD, Kept
from jaxsign.whole import write_json, write_text

Array = np.ndarray


class DetectionScore(answering.Score):
    """Average precision over all images at once.

    Args:
      run: that answers.
      names: its classes.
      kept: which boxes count.
      examples: the images.

    Raises:
      UserError: boxes of other classes.
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
        self._sums: dict[str, Array] = {}

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        count = len(indices(batch))
        found = self._kept.of({name: rows[name][:count] for name in TOLD})
        true = {name: batch[name][:count] for name in precision.TRUE}
        for name, value in precision.count(found, true, len(self._names)).items():
            self._sums[name] = self._sums.get(name, 0) + value

    def write(self, folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
        """results.json and per_class.csv."""
        each = precision.average(self._sums)
        self._rows = [
            {
                "class": name,
                "true": int(self._sums["true"][i]),
                "AP50": _share(each[0, i]),
                "AP75": _share(each[5, i]),
                "AP": _share(each[:, i].mean()),
            }
            for i, name in enumerate(self._names)
            if i
        ]
        self._complete = {
            **about,
            "dataset_info": {
                "images": len(self._source),
                "boxes": int(self._sums["true"].sum()),
            },
            **precision.means(self._sums),
        }
        write_json(folder / "results.json", self._complete)
        write_text(folder / "per_class.csv", tables.csv_text(list(self._rows[0]), self._rows))
        return self._complete

    def show(self) -> None:
        info = self._complete["dataset_info"]
        print(f"{info['images']} images, {info['boxes']:,} boxes")
        print("  ".join(f"{name.upper()} {self._complete[name]:.3f}" for name in
                        ("ap50", "ap75", "ap")))  # fmt: skip
        for row in self._rows:
            if row["true"]:
                shares = "  ".join(f"{key} {row[key]:.3f}" for key in ("AP50", "AP75", "AP"))
                print(f"  {row['class']:20} {row['true']:6,} boxes  {shares}")


def _share(value: float) -> float | str:
    return "" if np.isnan(value) else float(value)
