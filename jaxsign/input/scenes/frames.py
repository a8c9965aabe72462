"""Frames as files tell them one by one, and the scene that they make."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

Box = tuple[float, float, float, float]
Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class AnnotatedFrame:
    """What is known of one frame.

    Attributes:
      name: its own within the video.
      size: width and height in pixels.
      boxes: x1, y1, x2, y2 in pixels.
      labels, scores: of each box.
      relations: subject, predicate, object; both are places among the boxes.
      pairs: further pairs of which somebody said that nothing holds.
      time: seconds; None = not known.
    """

    name: str
    size: tuple[int, int]
    boxes: Sequence[Box]
    labels: Sequence[int]
    scores: Sequence[float]
    relations: Sequence[tuple[int, int, int]]
    pairs: Sequence[Pair] = ()
    time: float | None = None

    @functools.cached_property
    def told(self) -> dict[Pair, set[int]]:
        """The predicates of every labelled pair: those of `pairs`, then as relations name them."""
        found: dict[Pair, set[int]] = {pair: set() for pair in self.pairs}
        for subject, predicate, other in self.relations:
            found.setdefault((subject, other), set()).add(predicate)
        return found


def scene(source: str, words: Vocabulary, frames: Sequence[AnnotatedFrame]) -> Scene:
    """The scene of a video's frames; all its pairs are labelled.

    Raises:
      UserError: frames that make no scene.
    """
    starts = np.cumsum([0, *(len(frame.boxes) for frame in frames)])
    pairs: list[tuple[int, int, int]] = []  # subject, object, frame
    told: list[set[int]] = []
    for number, frame in enumerate(frames):
        first = int(starts[number])
        pairs += [(first + a, first + b, number) for a, b in frame.told]
        told += frame.told.values()
    table = np.asarray(pairs, np.int64).reshape(-1, 3)
    relations = np.zeros((len(pairs), len(words.predicates)), bool)
    for row, predicates in zip(relations, told, strict=True):
        row[list(predicates)] = True
    return Scene(
        source=source,
        vocabulary=words,
        frames=tuple(frame.name for frame in frames),
        image_sizes=np.asarray([frame.size for frame in frames], np.int64).reshape(-1, 2),
        boxes=_joined([frame.boxes for frame in frames], np.float64).reshape(-1, 4),
        box_frames=np.repeat(np.arange(len(frames)), np.diff(starts)),
        labels=_joined([frame.labels for frame in frames], np.int64),
        scores=_joined([frame.scores for frame in frames], np.float64),
        pairs=table[:, :2],
        pair_frames=table[:, 2],
        relations=relations,
        labelled=np.ones(len(pairs), bool),
        times=_times(frames),
    )


def _joined(parts: Sequence[Sequence[float] | Sequence[Box]], kind: type) -> np.ndarray:
    return np.asarray([one for part in parts for one in part], kind)


def _times(frames: Sequence[AnnotatedFrame]) -> np.ndarray | None:
    times = [frame.time for frame in frames if frame.time is not None]
    return np.asarray(times, np.float64) if len(times) == len(frames) else None
