"""Images and the boxes that people have drawn on them."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxsign.errors import UserError

Array = np.ndarray
BACKGROUND = "__background__"


@dataclasses.dataclass(frozen=True)
class BoxedImage:
    """An image's annotations.

    Attributes:
      name: of the image.
      size: width and height in pixels.
      boxes: float32 [N, 4], x1, y1, x2, y2 in pixels, within the image: x2 - x1 is the width.
      labels: int32 [N], from 1, places among the source's names.
      ignored: bool [N], crowds and what annotators call difficult: nothing is learnt from them, and
        neither to find nor to miss them counts.
    """

    name: str
    size: tuple[int, int]
    boxes: Array
    labels: Array
    ignored: Array

    def __post_init__(self) -> None:
        assert len(self.boxes) == len(self.labels) == len(self.ignored)


@dataclasses.dataclass(frozen=True)
class BoxSource:
    """Checked images with boxes.

    Attributes:
      name: for messages.
      names: classes of boxes, the background (0) among them.
      images: annotations.
      read: i -> picture i, uint8 [H, W, 3], RGB.
      remarks: what is to be said of them, a sentence each.
    """

    name: str
    names: tuple[str, ...]
    images: Sequence[BoxedImage]
    read: Callable[[int], Array]
    remarks: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.images)

    def numbered_by(self, names: Sequence[str]) -> "BoxSource":
        """The same, with labels that are places among other names.

        Raises:
          UserError: boxes of a class that is not among them.
        """
        names = tuple(names)
        if names == self.names:
            return self
        used = np.unique(np.concatenate([one.labels for one in self.images] or [np.zeros(0, int)]))
        unknown = [self.names[i] for i in used.tolist() if self.names[i] not in names]
        if unknown:
            raise UserError(
                f"{self.name}: has boxes of {', '.join(unknown[:8])}, which are not among the "
                f"{len(names) - 1} classes of the run ({', '.join(names[1:9])}, ...). Leave their "
                "boxes out, or train with task.objects=() and net.num_classes=0, which take the "
                "data's"
            )
        places = np.array([names.index(n) if n in names else 0 for n in self.names], np.int32)
        images = [dataclasses.replace(one, labels=places[one.labels]) for one in self.images]
        return dataclasses.replace(self, names=names, images=images)
