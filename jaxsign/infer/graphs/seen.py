"""A frame of a film as people see it: its picture, and what was told of it."""

import collections
import dataclasses
from typing import Any

import numpy as np

from jaxsign.tasks.scenes.answers import FrameAnswer, Relation


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is shown of what was told.

    Attributes:
      boxes: a box is shown above this score.
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
            and min(scores[one.subject], scores[one.object]) > limits.boxes
        ]

    def json(self) -> dict[str, Any]:
        """Plain values, as graph.json holds them; see `schema`."""
        answer = self.answer
        boxes = zip(answer.classes, answer.scores.tolist(), answer.boxes.tolist(), strict=True)
        return {
            "number": self.number,
            "name": answer.name,
            "seconds": round(self.seconds, 4),
            "width": self.size[0],
            "height": self.size[1],
            "objects": [
                {"id": i, "label": label, "score": _share(score), "box": [round(x, 2) for x in box]}
                for i, (label, score, box) in enumerate(boxes)
            ],
            "relations": [
                {
                    "subject": one.subject,
                    "predicate": one.predicate,
                    "object": one.object,
                    "group": one.group,
                    "reversed": one.reversed,
                    "score": _share(one.score),
                    "told": answer.told(one),
                }
                for one in answer.relations
            ],
        }


def _share(value: float) -> float:
    return min(max(round(value, 4), 0.0), 1.0)
