"""Images with boxes as examples: their ragged axes are rows, columns and boxes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import buffers, examples, planning
from jaxsign.input.boxes import sources
from jaxsign.input.boxes.source import BoxSource
from jaxsign.input.examples import Batch, Example
from jaxsign.input.scenes import pictures

Array = np.ndarray
OBJECTS = "objects"
_PROGRAMS = 4  # sizes that a recipe without any gets: each is compiled
_MULTIPLE = 16  # pixels of a step of a detector's maps


class BoxExamples(examples.Examples):
    """Images, as the detector takes them.

    A batch of B images, padded at the end of each axis:
      images: float32 [B, H, W, 3], blue, green and red without their means.
      image_sizes: int32 [B, 2], heights and widths without padding.
      scales: float32 [B], how much larger than in its file an image is.
      true_boxes: float32 [B, M, 4], in pixels of `images`; true_labels: int32 [B, M].
      valid_true: bool [B, M], True = something to find; ignored: bool [B, M], crowds and the like.

    Args:
      source: of the images.
      side: pixels of the shorter side; drawn from `sides` where one is learnt from.
      sides, flip: as of `config.detect`.

    Attributes:
      source: of the images.
    """

    def __init__(
        self, source: BoxSource, side: int, sides: Sequence[int] = (), flip: float = 0.0
    ) -> None:
        self.name, self.source = source.name, source
        self.ids = [one.name for one in source.images]
        self._side, self._sides, self._flip = side, tuple(sides) or (side,), flip
        largest = max(side, *self._sides)
        self.sizes = np.array(
            [(*_room(one.size, largest), max(len(one.labels), 1)) for one in source.images],
            np.int64,
        )

    def truths(self) -> list[object]:
        return [one.labels.tolist() for one in self.source.images]

    def example(
        self,
        index: int,
        rng: np.random.Generator | None = None,
        piece: planning.Piece = planning.WHOLE,
    ) -> Example:
        """An image as large as it is asked for, maybe as in a mirror, and its boxes in it."""
        told = self.source.images[index]
        side = self._side if rng is None else int(rng.choice(self._sides))
        image, scale = pictures.scaled(self.source.read(index), side, told.name)
        boxes = told.boxes * np.float32(scale)
        if rng is not None and rng.random() < self._flip:
            image = image[:, ::-1]
            boxes = np.stack(
                [image.shape[1] - boxes[:, 2], boxes[:, 1], image.shape[1] - boxes[:, 0],
                 boxes[:, 3]], axis=1,
            )  # fmt: skip
        return {
            "image": image,
            "scale": scale,
            "boxes": boxes,
            "labels": told.labels,
            "ignored": told.ignored,
        }

    def stack(self, rows: Sequence[Example | None], size: planning.Size) -> Batch:
        batch = self._empty(size, len(rows))
        for array in batch.values():
            array[:] = 0
        for number, row in enumerate(rows):
            part = {name: array[number] for name, array in batch.items()}
            if row is None:  # the smallest image that has a place in a detector's maps
                part["image_sizes"][:] = _MULTIPLE
                batch["scales"][number] = 1
                continue
            height, width = row["image"].shape[:2]
            part["images"][:height, :width] = row["image"]
            part["image_sizes"][:] = height, width
            batch["scales"][number] = row["scale"]
            count = min(len(row["labels"]), size[2])
            part["true_boxes"][:count] = row["boxes"][:count]
            part["true_labels"][:count] = row["labels"][:count]
            part["ignored"][:count] = row["ignored"][:count]
            part["valid_true"][:count] = ~row["ignored"][:count]
        return batch

    def blank(self, size: planning.Size, rows: int) -> Batch:
        batch = self._empty(size, rows)
        for name, array in batch.items():
            array[:] = name == "valid_true"
        batch["image_sizes"][:] = size[:2]
        return batch

    def _empty(self, size: planning.Size, rows: int) -> Batch:
        height, width, boxes = size
        return {
            "images": buffers.empty((rows, height, width, 3), np.float32),
            "image_sizes": np.empty((rows, 2), np.int32),
            "scales": np.empty(rows, np.float32),
            "true_boxes": np.empty((rows, boxes, 4), np.float32),
            "true_labels": np.empty((rows, boxes), np.int32),
            "valid_true": np.empty((rows, boxes), bool),
            "ignored": np.empty((rows, boxes), bool),
        }

    def facts(self, config: ConfigDict) -> dict[str, dict[str, Any]]:
        """Classes in `task`, their number in `net`, and buckets.

        Raises:
          UserError: the recipe gives another number.
        """
        names = tuple(config.task.objects) or self.source.names
        if config.net.num_classes not in (0, len(names)):
            raise UserError(
                f"{self.name}: net.num_classes={config.net.num_classes}, but the data have "
                f"{len(names)} with the background. Set it to 0 to take the data's"
            )
        return {
            "net": {"num_classes": len(names)},
            "task": {"objects": names},
            "input": {"buckets": config.input.buckets or _buckets(self.sizes)},
        }

    def remarks(self, config: ConfigDict) -> Sequence[str]:
        return self.source.remarks

    def under(self, config: ConfigDict) -> "BoxExamples":
        """Images whose boxes are numbered by the run's classes.

        Raises:
          UserError: boxes of other ones.
        """
        source = self.source.numbered_by(config.task.objects)
        if source is self.source:
            return self
        return BoxExamples(source, self._side, self._sides, self._flip)

    def difficulties(self) -> Array:
        """How many boxes there are to find."""
        return self.sizes[:, 2].astype(np.float64)

    def class_names(self, config: ConfigDict) -> dict[str, list[str]]:
        """Names of the classes, the background's first, under 'objects'."""
        return {OBJECTS: list(config.task.objects)}

    def class_counts(self, config: ConfigDict) -> Mapping[str, Array]:
        """Boxes of each class."""
        labels = np.concatenate([one.labels for one in self.source.images])
        return {OBJECTS: np.bincount(labels, minlength=len(self.source.names))}


def open_examples(config: ConfigDict, split: str, *, training: bool = False) -> BoxExamples:
    """The images of a split, with their annotations checked.

    Raises:
      UserError: what is wrong with them.
    """
    source, side = sources.open_source(config.data, split), config.net.short_side
    if not training:
        return BoxExamples(source, side)
    return BoxExamples(source, side, config.detect.sides, config.detect.flip)


def _room(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Rows and columns that an image (width, height) takes with such a shorter side."""
    scale = side / min(size)
    rows, columns = (-(-round(one * scale) // _MULTIPLE) * _MULTIPLE for one in size[::-1])
    return rows, columns


def _buckets(sizes: Array) -> tuple[planning.Size, ...]:
    """Sizes to pad to: images of a like shape together, at most `_PROGRAMS`."""
    shapes = np.unique(sizes[:, :2], axis=0)
    shapes = shapes[np.argsort(shapes[:, 0] / shapes[:, 1], kind="stable")]
    found = []
    for part in np.array_split(shapes, min(_PROGRAMS, len(shapes))):
        inside = (sizes[:, None, :2] == part).all(axis=-1).any(axis=1)
        found.append(tuple(sizes[inside].max(axis=0).tolist()))
    return tuple(sorted(set(found)))
