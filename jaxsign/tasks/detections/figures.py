"""The images that a detector sees worst, with what it found in them and what is there."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw

from jaxsign.errors import UserError
from jaxsign.input.boxes.source import BoxedImage, BoxSource
from jaxsign.tasks.detections import precision
from jaxsign.whole import whole

Array = np.ndarray
SURE = 0.5  # from where on a box is shown, and counts here
_SHOWN, _COLUMNS = 12, 4
_WIDTH = 480  # pixels of an image
_GREEN, _RED, _YELLOW = (60, 200, 90), (235, 60, 60), (250, 210, 60)
_LEGEND = "green: found, as it is   red: found, but wrong   yellow: there, but missed"


@dataclasses.dataclass(frozen=True)
class JudgedImage:
    """What was found in an image, at an overlap of 0.5.

    Attributes:
      number: of the image.
      boxes: float [N, 4], the sure ones; labels, scores: [N].
      right: bool [N]; counts: bool [N], False = on something to be ignored.
      missed: int [m], true boxes that none of them is on.
    """

    number: int
    boxes: Array
    labels: Array
    scores: Array
    right: Array
    counts: Array
    missed: Array

    @property
    def mistakes(self) -> int:
        """Boxes that are wrong, and those that were missed."""
        return int((self.counts & ~self.right).sum()) + len(self.missed)


def judged(
    number: int, true: BoxedImage, boxes: Array, labels: Array, scores: Array
) -> JudgedImage:
    """What was found in image `number`, beside what is `true`."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= SURE]
    boxes, labels, scores = boxes[order], labels[order], scores[order]
    right, counts = np.zeros(len(order), bool), np.ones(len(order), bool)
    missed: list[int] = []
    for label in np.unique(np.concatenate([labels, true.labels])).tolist():
        mine, theirs = np.flatnonzero(labels == label), np.flatnonzero(true.labels == label)
        hit, count, taken = precision.matched_places(
            boxes[mine], true.boxes[theirs], true.ignored[theirs], 0.5
        )
        right[mine], counts[mine] = hit, count
        missed += [place for place, found in zip(theirs.tolist(), taken, strict=True)
                   if not (found or true.ignored[place])]  # fmt: skip
    return JudgedImage(number, boxes, labels, scores, right, counts, np.array(missed, int))


def worst(
    path: Path, images: Sequence[JudgedImage], source: BoxSource, names: Sequence[str]
) -> None:
    """Draws the images with the most mistakes into a PNG; nothing where there is none."""
    chosen = sorted(images, key=lambda one: -one.mistakes)[:_SHOWN]
    chosen = [one for one in chosen if one.mistakes]
    pictures = [_drawn(one, source, names) for one in chosen]
    if not pictures:
        return
    tall = max(picture.height for picture in pictures)
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = PIL.Image.new("RGB", (columns * _WIDTH, rows * tall + 20), (24, 24, 24))
    PIL.ImageDraw.Draw(sheet).text((6, 4), _LEGEND, fill=(255, 255, 255))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % columns * _WIDTH, 20 + place // columns * tall))
    with whole(path, ending=True) as draft:
        sheet.save(draft)


def _drawn(one: JudgedImage, source: BoxSource, names: Sequence[str]) -> PIL.Image.Image:
    true = source.images[one.number]
    try:
        picture = PIL.Image.fromarray(source.read(one.number))
    except UserError:  # what was read a moment ago is gone
        picture = PIL.Image.new("RGB", true.size)
    scale = _WIDTH / picture.width
    picture = picture.resize((_WIDTH, round(picture.height * scale)))
    draw = PIL.ImageDraw.Draw(picture)
    for place in one.missed.tolist():
        _box(draw, true.boxes[place] * scale, _YELLOW, names[true.labels[place]])
    for box, label, score, right, counts in zip(
        one.boxes, one.labels, one.scores, one.right, one.counts, strict=True
    ):
        if counts:
            _box(draw, box * scale, _GREEN if right else _RED, f"{names[label]} {score:.2f}")
    draw.text((4, picture.height - 14), true.name, fill=(255, 255, 255))
    return picture


def _box(draw: PIL.ImageDraw.ImageDraw, box: Array, colour: tuple[int, ...], text: str) -> None:
    x1, y1, x2, y2 = (float(value) for value in box)
    draw.rectangle((x1, y1, max(x2, x1), max(y2, y1)), outline=colour, width=2)
    draw.text((x1 + 3, y1 + 1), text, fill=colour)
