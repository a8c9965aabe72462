"""What chunks of frames give to a scene; where a long film's features wait for it."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

Array = np.ndarray


class BoxValues(NamedTuple):
    """Of boxes, as the attributes of `Scene`."""

    boxes: Array
    labels: Array
    scores: Array
    distribution: Array
    features: Array


class PairValues(NamedTuple):
    """Of pairs, as the attributes of `Scene`; `pairs` are numbered within the chunk's boxes."""

    pairs: Array
    relations: Array
    labelled: Array


@dataclasses.dataclass(frozen=True)
class ScenePart:
    """What a chunk of frames gives to a scene; frames and boxes are numbered within it.

    Attributes:
      box_frames: int [N].
      of_boxes, of_pairs: what is known of them.
      union_features: float [P, 7, 7, K], of what lies around the pairs.
    """

    box_frames: Array
    of_boxes: BoxValues
    of_pairs: PairValues
    union_features: Array

    @property
    def pair_frames(self) -> Array:
        """int [P]."""
        found: Array = self.box_frames[self.of_pairs.pairs[:, 0]]
        return found


class _Shelf:
    """Rows of one shape and type, in a file without a name that goes with whoever holds them.

    Args:
      folder: on the disk that takes them.
    """

    def __init__(self, folder: Path):
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)
        self._count = 0

    def take(self, rows: Array) -> Array:
        """Keeps rows [N, ...]; gives none of them: [0, ...].

        Raises:
          OSError: the disk is full.
        """
        self._file.write(np.ascontiguousarray(rows).data)
        self._count += len(rows)
        return np.zeros((0, *rows.shape[1:]), rows.dtype)

    def all_of(self, none: Array) -> Array:
        """All rows that were kept, read from the disk as they are looked at.

        Args:
          none: what `take` gave.

        Raises:
          OSError: the disk is full.
        """
        self._file.flush()
        if not self._count:
            return none
        shape = self._count, *none.shape[1:]
        return np.memmap(self._file, none.dtype, "r", shape=shape)


class ShelvedFeatures:
    """The features of a film's parts, in files: memory does not grow with the film.

    Args:
      folder: on the disk that takes them.
    """

    def __init__(self, folder: Path):
        self._boxes, self._unions = _Shelf(folder), _Shelf(folder)

    def take(self, part: ScenePart) -> ScenePart:
        """Keeps the features of the film's next part; gives the part without them."""
        features = self._boxes.take(part.of_boxes.features)
        return dataclasses.replace(
            part,
            of_boxes=part.of_boxes._replace(features=features),
            union_features=self._unions.take(part.union_features),
        )

    def given_back(self, parts: Sequence[ScenePart]) -> tuple[Array, Array]:
        """Features of boxes and of what lies around pairs, of all parts."""
        first = parts[0]
        return (
            self._boxes.all_of(first.of_boxes.features),
            self._unions.all_of(first.union_features),
        )
