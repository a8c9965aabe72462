"""Rows of annotation files -> checked annotations of images, with what is wrong with them."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input.boxes.source import BACKGROUND, BoxedImage, BoxSource
from jaxsign.input.scenes import pictures

Array = np.ndarray
_OUTSIDE = "boxes that reach beyond their image: cut to it"
_EMPTY = "boxes without area in their image, or with corners in the wrong order: left out"


@dataclasses.dataclass(frozen=True)
class DrawnBox:
    """A box as a file has it: its class's name, x1, y1, x2, y2, and whether it is to be ignored."""

    label: str
    corners: tuple[float, float, float, float]
    ignored: bool = False


@dataclasses.dataclass(frozen=True)
class ImageRow:
    """An image as a file has it; `size` is its width and height."""

    name: str
    path: Path
    size: tuple[int, int]
    boxes: Sequence[DrawnBox]


def source(
    name: str, names: Sequence[str], rows: Sequence[ImageRow], *, skip_missing: bool = False
) -> BoxSource:
    """A source of these images.

    Args:
      name: for messages.
      names: classes, without the background.
      rows: the images.
      skip_missing: images whose file is absent are left out, not refused.

    Raises:
      UserError: files that are absent, boxes of numbers that are none, or no image at all.
    """
    absent = [str(row.path) for row in rows if not row.path.is_file()]
    if absent and not skip_missing:
        raise UserError(
            f"{name}: {len(absent)} of {len(rows)} images are absent:\n{listing(absent)}\nPut them "
            "there, or leave them out with --config.data.missing=skip"
        )
    gone = set(absent)
    rows = [row for row in rows if str(row.path) not in gone]
    told, problems = Counter[str](), list[str]()
    if gone:
        told["images without a file: left out"] = len(gone)
    known = {BACKGROUND: 0, **{one: i for i, one in enumerate(names, 1)}}
    images = [_image(row, known, told, problems) for row in rows]
    if problems:
        raise UserError(f"{name}: {len(problems)} boxes cannot be right:\n{listing(problems)}")
    if not images:
        raise UserError(f"{name}: holds no images")
    remarks = [f"{name}: {count:,} {what}" for what, count in told.items()]
    return BoxSource(name, tuple(known), images, PictureFiles(rows), remarks)


def _image(
    row: ImageRow, known: Mapping[str, int], told: Counter[str], problems: list[str]
) -> BoxedImage:
    last = np.array([*row.size, *row.size], np.float64)
    boxes, labels, ignored = [], [], []
    for one in row.boxes:
        corners = np.asarray(one.corners, np.float64)
        if not np.isfinite(corners).all():
            problems.append(f"{row.name}, {one.label}: {one.corners}, expected four numbers")
            continue
        inside = np.clip(corners, 0, last)
        if not (inside[2:] > inside[:2]).all():
            told[_EMPTY] += 1
            continue
        if (np.abs(inside - corners) > 1).any():
            told[_OUTSIDE] += 1
        boxes.append(inside)
        labels.append(known[one.label])
        ignored.append(one.ignored)
    return BoxedImage(
        row.name,
        row.size,
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(labels, np.int32),
        np.asarray(ignored, bool),
    )


@dataclasses.dataclass(frozen=True)
class PictureFiles:
    """Reads pictures, and sees that each is as large as its annotations say."""

    rows: Sequence[ImageRow]

    def __call__(self, index: int) -> Array:
        """Picture `index`.

        Raises:
          UserError: it is no picture, or of another size.
        """
        row = self.rows[index]
        image = pictures.read(row.path)
        if image.shape[1::-1] != tuple(row.size):
            raise UserError(
                f"{row.path}: is {image.shape[1]} x {image.shape[0]} pixels, its annotations are "
                f"of {row.size[0]} x {row.size[1]}: its boxes would lie elsewhere"
            )
        return image
