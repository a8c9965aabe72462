"""A frame of a film as people see it: its picture, and what was told of it."""

import collections
import dataclasses

import numpy as np

from jaxsign.tasks.scenes.answers import FrameAnswer, Relation


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is shown of what was told.

    Attributes:
      boxes: a box is shown from this score on.
      relations: a relation counts from this score on.
      drawn: most relations under a frame of the film.
    """

    boxes: float = 0.1
    relations: float = 0.2
    drawn: int = 5


@dataclasses.dataclass(frozen=True)
class SeenFrame:
    """One frame.

    Attributes:
      number: its place among those that were looked at, from 0.
      seconds: of the film; where it tells no times, its number.
      answer: its boxes and relations.
      size: width and height in pixels.
      picture: uint8 [H, W, 3], RGB, of any size; None where it is not known.
    """

    number: int
    seconds: float
    answer: FrameAnswer
    size: tuple[int, int]
    picture: np.ndarray | None = None

    @property
    def timed(self) -> bool:
        """Whether the film tells times."""
        return self.answer.time is not None

    @property
    def when(self) -> str:
        """'3.20 s', or 'frame 12'."""
        return f"{self.seconds:.2f} s" if self.timed else f"frame {self.number}"

    def names(self) -> tuple[str, ...]:
        """What to call its boxes: by class, the second of one with its number."""
        count: collections.Counter[str] = collections.Counter()
        found = []
        for name in self.answer.classes:
            count[name] += 1
            found.append(f"{name} {count[name]}" if count[name] > 1 else name)
        return tuple(found)

    def sure(self, limits: Limits) -> list[Relation]:
        """Relations that count, of boxes that are shown, the surest first."""
        scores = self.answer.scores
        return [
            one
            for one in self.answer.relations
            if one.score >= limits.relations
            and min(scores[one.subject], scores[one.object]) >= limits.boxes
        ]
