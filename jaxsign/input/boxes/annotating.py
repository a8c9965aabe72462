"""Rows of annotation files -> checked annotations of images, with what is wrong with them."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input.boxes.source import BACKGROUND, BoxedImage, BoxSource
from jaxsign.input.folders import progress
from jaxsign.input.scenes import arrays, pictures, vocabulary

Array = np.ndarray
_MANY = 2000  # pictures that are looked at with a bar
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
      UserError: files that are absent, all that are no pictures or not as large as is told, boxes
        of numbers that are none, or no image at all.
    """
    corners, sizes = [box.corners for row in rows for box in row.boxes], [row.size for row in rows]
    if arrays.are_fractions(corners, sizes):
        raise UserError(f"{name}: {arrays.FRACTIONS}")
    absent = [str(row.path) for row in rows if not row.path.is_file()]
    if absent and not skip_missing:
        raise UserError(
            f"{name}: {len(absent)} of {len(rows)} images are absent:\n{listing(absent)}\nPut them "
            "there, or leave them out: --config.data.missing=skip (evaluate: --skip-missing)"
        )
    gone = set(absent)
    rows = [row for row in rows if str(row.path) not in gone]
    _check_pictures(name, rows)
    told, problems = Counter[str](), list[str]()
    if gone:
        told["images without a file: left out"] = len(gone)
    vocabulary.tell_alike(names, name)
    known = {BACKGROUND: 0, **{one: i for i, one in enumerate(names, 1)}}
    images = [_image(row, known, told, problems) for row in rows]
    if problems:
        raise UserError(f"{name}: {len(problems)} boxes cannot be right:\n{listing(problems)}")
    if not images:
        raise UserError(f"{name}: holds no images")
    return BoxSource(name, tuple(known), images, PictureFiles(rows), remarks(name, told))


def _check_pictures(name: str, rows: Sequence[ImageRow]) -> None:
    """Raises UserError of all pictures whose heads tell that they are none, or of another size."""
    problems, hidden = [], len(rows) < _MANY
    for row in progress.over("looking at pictures", rows, len(rows), hidden=hidden):
        try:
            _check_size(row, pictures.size(row.path))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(
            f"{name}: {len(problems)} of {len(rows)} images cannot be learnt from:\n"
            f"{listing(problems)}"
        )


def _check_size(row: ImageRow, found: tuple[int, int]) -> None:
    if found != tuple(row.size):
        raise UserError(
            f"{row.path}: is {found[0]} x {found[1]} pixels, its annotations are of "
            f"{row.size[0]} x {row.size[1]}: its boxes would lie elsewhere"
        )


def _image(
    row: ImageRow, known: Mapping[str, int], told: Counter[str], problems: list[str]
) -> BoxedImage:
    drawn = [one for one in row.boxes if np.isfinite(one.corners).all()]
    problems += [
        f"{row.name}, {one.label}: {one.corners}, expected four numbers"
        for one in row.boxes
        if not np.isfinite(one.corners).all()
    ]
    corners = np.array([one.corners for one in drawn], np.float64).reshape(-1, 4)
    boxes, kept = cut(corners, row.size, told)
    labels = np.array([known[one.label] for one in drawn], np.int32)
    ignored = np.array([one.ignored for one in drawn], bool)
    return BoxedImage(row.name, row.size, boxes[kept], labels[kept], ignored[kept])


def cut(boxes: Array, size: tuple[int, int], told: Counter[str]) -> tuple[Array, Array]:
    """Boxes cut to their image, float32 [N, 4], and which of them have area in it, bool [N].

    Args:
      boxes: float [N, 4], x1, y1, x2, y2.
      size: the image's width and height.
      told: counts those that are cut by more than a pixel, and those without area.
    """
    inside = np.clip(boxes, 0, np.array([*size, *size]))
    kept = (inside[:, 2:] > inside[:, :2]).all(axis=1)
    beyond = (np.abs(inside - boxes) > 1).any(axis=1)
    told[_OUTSIDE] += int((kept & beyond).sum())
    told[_EMPTY] += int((~kept).sum())
    return inside.astype(np.float32), kept


def remarks(name: str, told: Mapping[str, int]) -> list[str]:
    """A sentence for each kind of what was counted, if there was any."""
    return [f"{name}: {count:,} {what}" for what, count in told.items() if count]


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
        _check_size(row, (image.shape[1], image.shape[0]))
        return image
